"""What expression each face shows, and when that cannot be told."""
