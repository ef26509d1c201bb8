"""Training of classifiers, and what every training shares: recipe in, network out."""
