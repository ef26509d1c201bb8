"""Recorded events, published again with no camera."""
