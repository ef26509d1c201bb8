"""Evaluation: how right a model is, in figures, words and pictures."""
