"""Keras measured beside what runs without it; a process of its own for `emotiond bench`."""
