"""Measurements for maintainers: what parts of the daemon cost, and whether it lasts."""
