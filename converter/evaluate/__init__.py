"""Evaluation of expression models: metrics, reports and plots."""
