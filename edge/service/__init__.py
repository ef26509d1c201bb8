"""Life as a daemon: signals, commands, systemd, exit codes."""
