"""The subcommands of `emotiond`: one module each, with its options and what it does."""
