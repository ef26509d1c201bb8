"""What can be asked of a running daemon, and where."""
