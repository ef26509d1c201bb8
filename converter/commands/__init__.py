"""Subcommands of `emotiond-convert`; each imports what is in an extra when it runs."""
