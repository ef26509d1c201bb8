"""Training: from faces and a recipe to a network."""
