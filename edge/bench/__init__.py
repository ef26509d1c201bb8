"""Measuring emotiond: what it costs and how late it is."""
