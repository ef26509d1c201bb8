"""Endurance run: a daemon, and a fault of its camera, broker, page or disk every few seconds."""
