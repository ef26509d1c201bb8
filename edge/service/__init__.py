"""The daemon: signals, commands, systemd, exit codes."""
