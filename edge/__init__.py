"""emotiond's daemon: frames in, emotion events out."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge.offline.recognizer import EmotionRecognizer

__all__ = ["EmotionRecognizer", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import the recognizer when it is asked for: the daemon must start where it cannot be."""
    if name == "EmotionRecognizer":
        from edge.offline.recognizer import EmotionRecognizer

        return EmotionRecognizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
