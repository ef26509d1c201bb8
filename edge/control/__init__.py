"""What can be asked of a running daemon, and how it is done."""
