"""emotiond's daemon: frames in, emotion events out."""
