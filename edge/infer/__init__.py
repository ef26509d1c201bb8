"""Classification of each face's expression, and its quality checks."""
