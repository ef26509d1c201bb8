"""The threads that a frame passes through, and how they are built from the config."""
