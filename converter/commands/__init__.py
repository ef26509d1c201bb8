"""Subcommands of `emotiond-convert`: their options, and what they do and print.

TensorFlow takes seconds to load and lives in an extra, so each imports what it needs when it runs.
"""
