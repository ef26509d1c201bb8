"""The subcommands of `emotiond-convert`: one module each, with its options and what it does.

TensorFlow takes seconds to load and lives in an extra, so each imports what it needs when it runs.
"""
