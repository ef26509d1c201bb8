"""emotiond's daemon: frames in, emotion events out."""

__version__ = "0.1.0"
