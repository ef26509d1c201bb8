"""Face tracking: when to detect, and how tracks continue from frame to frame."""
