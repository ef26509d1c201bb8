"""Life as a daemon: signals, systemd, exit codes."""
