"""The subcommands of `emotiond`; `edge.cli.COMMANDS` says in which module each lies."""
