"""Who is there now, told from the events alone."""

import msgspec

from edge.records import UNCERTAIN, EmotionEvent, EventType


class State:
    """The faces that the events so far leave in view.

    It follows from what was published and from nothing else, so it never contradicts it.
    """

    def __init__(self) -> None:
        self._faces: dict[int, EmotionEvent] = {}

    def update(self, event: EmotionEvent) -> None:
        """Take in one event."""
        if event.type is EventType.END:
            self._faces.pop(event.track_id, None)
        else:
            self._faces[event.track_id] = event

    def encode(self) -> bytes:
        """Return the payload of the state topic: faces, dominant emotion, its confidence.

        The dominant emotion is the one with most confidence over all faces together; its
        confidence is the mean over the faces that show it. A face that is uncertain is counted and
        says nothing else, unless all are.
        """
        shares: dict[str, list[float]] = {}
        for face in self._faces.values():
            if face.confidence is not None:
                shares.setdefault(face.emotion, []).append(face.confidence)
        unread = UNCERTAIN if self._faces else None
        dominant = max(shares, key=lambda emotion: sum(shares[emotion]), default=unread)
        shown = shares.get(dominant, []) if dominant else []
        return msgspec.json.encode(
            {
                "faces": len(self._faces),
                "emotion": dominant,
                "confidence": round(sum(shown) / len(shown), 4) if shown else None,
            }
        )
