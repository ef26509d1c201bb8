"""The demonstration: the daemon on a built-in clip, with a broker and a subscriber of its own."""
