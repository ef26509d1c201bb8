"""The built-in clip: faces made of many, and of nobody."""
