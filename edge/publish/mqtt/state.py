"""Device state: how everything is at this moment, in one retained message."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from edge.publish.payload import utc
from edge.types import UNCERTAIN, DaemonStatus, EmotionEvent, EventType, FaceSnapshot


@dataclass(frozen=True, slots=True)
class _FaceState:
    """What a face shows; no probabilities where it is uncertain."""

    emotion: str
    probabilities: dict[str, float] | None

    @property
    def confidence(self) -> float | None:
        return self.probabilities[self.emotion] if self.probabilities else None


class DeviceState:
    """The faces that the events so far leave in view, and how the daemon is set.

    Which faces there are and what they show follows from the events and from nothing else, so it
    never contradicts them; a snapshot brings the numbers of those faces up to date in between.
    """

    def __init__(self) -> None:
        self._faces: dict[int, _FaceState] = {}
        self._status: DaemonStatus | None = None

    def update(self, event: EmotionEvent) -> None:
        """Take in one event."""
        if event.type is EventType.END:
            self._faces.pop(event.track_id, None)
        else:
            self._faces[event.track_id] = _FaceState(event.emotion, event.probabilities)

    def update_faces(self, snapshot: FaceSnapshot) -> None:
        """Take in the present numbers of the faces that are known."""
        for face in snapshot.faces:
            known = self._faces.get(face.track.track_id)
            if known is not None and known.emotion == face.emotion:
                self._faces[face.track.track_id] = _FaceState(face.emotion, face.probabilities)

    def set_status(self, status: DaemonStatus) -> None:
        """Take in how the daemon is set."""
        self._status = status

    def encode(self) -> bytes:
        """Return the payload of the state topic.

        The dominant emotion is the one with most confidence over all faces together; its
        confidence is the mean over the faces that show it, and the probabilities are the mean over
        all that can be read. A face that is uncertain is counted and says nothing else, unless all
        are.
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
                "confidence": _mean(shown) if shown else None,
                "probabilities": self._probabilities(),
                **_settings(self._status),
            }
        )

    def _probabilities(self) -> dict[str, float] | None:
        read = [face.probabilities for face in self._faces.values() if face.probabilities]
        if len(read) <= 1:
            return read[0] if read else None
        # Faces that are left from before a change of model may know other classes.
        read = [shares for shares in read if shares.keys() == read[-1].keys()]
        return {label: _mean([shares[label] for shares in read]) for label in read[-1]}


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 4)


def _settings(status: DaemonStatus | None) -> dict[str, Any]:
    if status is None:
        return {}
    until = status.paused_until
    return {
        "camera": status.camera.value,
        "paused_until": utc(until) if until else None,
        "model": status.model,
        "detector": status.detector,
    }
