"""The preview window: a sink of the daemon, and the process that shows it."""
