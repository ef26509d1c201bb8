"""Tracking evaluation: how well faces are found and tracked in labeled images and videos."""
