"""Records that flow from stage to stage, each made once and never changed."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.geometry import Box, KeyPoints

Image = NDArray[np.uint8]
"""BGR uint8 (height, width, 3); read-only once it is in a Frame."""

GrayImage = NDArray[np.uint8]
"""Gray uint8 (height, width)."""

Probabilities = NDArray[np.float32]
"""One float32 per class, each row summing to 1."""

EXPRESSIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral", "contempt")
"""Every label of the datasets: the seven of FER2013 in the order of its label numbers (Goodfellow
et al. 2013, arXiv:1307.0414), then contempt, which FER+ and CK+ have."""

SIDE = 48
"""Width and height of the datasets' face images in pixels, as in FER2013."""

UNCERTAIN = "uncertain"
"""Emotion of a face whose expression cannot be told."""


class KindSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """Section of the config that can be of several kinds."""

    def redacted(self) -> Self:
        """Return a copy that may be shown to anybody: without users and passwords."""
        return self

    def data_flows(self, allow_snapshots: bool) -> "Iterator[DataFlow]":
        """Yield what leaves the process by it; `allow_snapshots` is that of the privacy section."""
        yield from ()


DISK = "this machine's disk"


@dataclass(frozen=True, slots=True)
class DataFlow:
    """Data that leaves the process, or lies on disk, as `emotiond audit` lists it.

    Attributes:
        data: images, events, faces (those in view now), secrets, settings, numbers or log.
        what: which of them, in a few words.
        to, where: who gets it, or what keeps it; its address or path.
        leaves: whether it leaves this machine, or may.
        kept: how long, in a few words; None: it is not kept.
    """

    data: str
    what: str
    to: str
    where: str
    leaves: bool
    kept: str | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """One image of a source.

    Attributes:
        timestamp: seconds on the source's own clock: the monotonic clock for live sources, the
            position in the video for files. Every duration is measured on it.
        captured: when it was read, on the monotonic clock; latency is measured from it.
        still: it stands alone and continues no earlier frame, as the images of a folder do.
        generation: number of the source among those that the pipeline had, from 0.
    """

    image: Image
    index: int
    timestamp: float
    captured: float
    still: bool = False
    generation: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.image.shape[1], self.image.shape[0]


@dataclass(frozen=True, slots=True)
class Face:
    """One detection; `confidence` is on a scale of the detector's own, `points` are landmarks."""

    box: Box
    confidence: float
    points: KeyPoints | None = None


@dataclass(frozen=True, slots=True)
class Track:
    """One face followed over time; ids count from 1 in each run.

    `box` is where it is, or would be by now; `seen` tells whether it was found in this very frame,
    by the detector or by optical flow.
    """

    track_id: int
    box: Box
    seen: bool
    points: KeyPoints | None = None


@dataclass(frozen=True, slots=True)
class TrackedFrame:
    """A frame and every live track in it, seen or not; a track no longer listed has ended.

    `candidate_boxes` are where else a face may be; `searched` tells whether the detector searched
    the whole of this very frame.
    """

    frame: Frame
    tracks: tuple[Track, ...]
    candidate_boxes: tuple[Box, ...] = ()
    searched: bool = False


LOOKING_YAW, LOOKING_ROLL = 15.0, 25.0
"""Degrees of the cone in which a head is taken to look at the camera. The built-in detector says 13
of a head that is turned by 20 (docs/research/detector-training.md)."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Image quality of one face.

    Attributes:
        size: height of the face as framed for the classifier, in pixels of the frame.
        sharpness: how much fine detail there is; docs/research/face-quality.md defines it.
        brightness, contrast: mean and standard deviation of the gray values in the middle of the
            crop, 0-255.
        yaw, roll: degrees by which the head is turned, positive towards the person's own left, and
            tilted; None without landmarks.
    """

    size: float
    sharpness: float
    brightness: float
    contrast: float
    yaw: float | None = None
    roll: float | None = None

    @property
    def looking(self) -> bool | None:
        """Tell whether the head is turned to the camera; None without landmarks."""
        if self.yaw is None or self.roll is None:
            return None
        return abs(self.yaw) <= LOOKING_YAW and abs(self.roll) <= LOOKING_ROLL

    def to_dict(self) -> dict[str, float | None]:
        """Return it as plain values for JSON."""
        return {
            # + 0.0 makes -0.0 a plain 0.
            name: None if value is None else round(value, 4 if name == "sharpness" else 1) + 0.0
            for name, value in asdict(self).items()
        }


class Reason(StrEnum):
    """Reason why a face is uncertain."""

    TOO_SMALL = "too_small"
    BLURRED = "blurred"
    DARK = "dark"
    LOW_CONTRAST = "low_contrast"
    SIDE_FACE = "side_face"
    NOT_A_FACE = "not_a_face"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class Expression:
    """Smoothed expression of one track.

    Attributes:
        emotion: one of the model's labels, or `UNCERTAIN`, for `reasons`.
        probabilities: behind it; None where it is uncertain.
        quality: of the face when it was last analyzed.
        zones: names of those that it is in; None where the config has none.
        affect: valence and arousal, -1 to 1; None where they are not asked for, or not known.
    """

    track: Track
    emotion: str
    probabilities: dict[str, float] | None
    quality: Quality
    reasons: tuple[Reason, ...] = ()
    zones: tuple[str, ...] | None = None
    affect: tuple[float, float] | None = None

    @property
    def track_id(self) -> int:
        """Number of the face."""
        return self.track.track_id

    @property
    def box(self) -> Box:
        """Box of the face, in pixels of the frame."""
        return self.track.box

    @property
    def confidence(self) -> float | None:
        """The probability of the emotion; None where it is uncertain."""
        return self.probabilities[self.emotion] if self.probabilities else None

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values for JSON, with the names that events have."""
        affect = zip(("valence", "arousal"), self.affect or (), strict=False)
        return {
            "track_id": self.track_id,
            "emotion": self.emotion,
            "confidence": self.confidence,
            "probabilities": self.probabilities,
            "reasons": [reason.value for reason in self.reasons],
            "quality": self.quality.to_dict(),
            "looking": self.quality.looking,
            "box": [round(edge, 1) for edge in self.box.edges],
            **({} if self.zones is None else {"zones": list(self.zones)}),
            **dict(affect),
        }


class EventType(StrEnum):
    """Type of an event: a face came, its expression changed, or its zones alone, it went."""

    START = "start"
    CHANGE = "change"
    ZONE = "zone"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmotionEvent(Expression):
    """Published event; docs/event.schema.json describes each field as subscribers see it.

    Attributes:
        duration: seconds from the track's start event until it was last seen.
        run: the start of the daemon that numbered the track; empty in recordings older than runs.
        captured: when its frame was read, on the monotonic clock.
        latency: seconds from then until it was handed to the sinks.
        position: seconds from the beginning of the video it is of; None for what is live.
        reason: `restart` of an end that the next run tells, because this one was killed.
    """

    id: str
    time: datetime
    type: EventType
    frame_size: tuple[int, int]
    duration: float
    model: str
    detector: str
    captured: float
    latency: float = 0.0
    position: float | None = None
    run: str = ""
    reason: Literal["restart"] | None = None
    camera_name: str = ""

    @property
    def run_track(self) -> tuple[str, int]:
        """Key of the track among those of all runs."""
        return self.run, self.track_id


class CameraState(StrEnum):
    """State of the source; a frozen or dark camera gives frames that show nothing new."""

    ONLINE = "online"
    OFFLINE = "offline"
    PAUSED = "paused"
    FROZEN = "frozen"
    DARK = "dark"

    @property
    def gives_frames(self) -> bool:
        """Tell whether frames are coming, whatever they show."""
        return self not in (CameraState.OFFLINE, CameraState.PAUSED)


@dataclass(frozen=True, slots=True)
class DaemonStatus:
    """Settings of the daemon at this moment, by its config and by commands.

    `paused_until` is UTC; None where a pause does not end by itself, or there is none. `summaries`
    are the seconds of each that is published; `has_affect`: valence and arousal are told.
    """

    camera: CameraState
    paused_until: datetime | None
    model: str
    detector: str
    labels: tuple[str, ...]
    has_temperature: bool = False
    zones: tuple[str, ...] = ()
    summaries: tuple[int, ...] = ()
    camera_name: str = ""
    has_affect: bool = False


@dataclass(frozen=True, slots=True)
class Summary:
    """Summary of `every_s` seconds, as plain values for JSON."""

    every_s: int
    data: dict[str, Any]
    camera_name: str = ""


@dataclass(frozen=True, slots=True)
class FaceSnapshot:
    """The confirmed faces of this moment: events tell what changed, this tells how it is."""

    time: datetime
    faces: tuple[Expression, ...]
    frame_size: tuple[int, int]
    camera_name: str = ""


@dataclass(frozen=True, slots=True)
class CameraRemoved:
    """The end of a camera that the config names no more; nothing comes from it after this."""

    camera_name: str


@dataclass(frozen=True, slots=True)
class AnalyzedFrame:
    """A frame, analyzed at `time` (UTC), with the expression of each confirmed face in it."""

    tracked: TrackedFrame
    expressions: tuple[Expression, ...]
    time: datetime

    @property
    def frame(self) -> Frame:
        """The frame."""
        return self.tracked.frame

    @property
    def snapshot(self) -> FaceSnapshot:
        """Its faces, without the image."""
        return FaceSnapshot(self.time, self.expressions, self.frame.size)


@dataclass(frozen=True, slots=True)
class ResourceUsage:
    """Resources that the daemon uses; None is what the kernel does not report.

    Attributes:
        cpu: share of one core since the last sample; above 1 where more than one is busy.
        memory: resident, in bytes.
        temperature: of the CPU in degrees Celsius.
    """

    cpu: float
    memory: int | None
    temperature: float | None


@dataclass(frozen=True, slots=True)
class Stats:
    """Numbers of a running pipeline; counters count from its start.

    Attributes:
        uptime: seconds since the start.
        fps_in, fps_out: frames a second read and analyzed, over the last ten seconds.
        detections: in how many frames the detector ran; in the others faces were tracked.
        rejected_faces: how many of the faces the model rejected as not a face.
        dropped: how many were dropped, by what they were.
        frame_latency, event_latency: 50th and 95th percentile, in seconds, from capture to a
            decided expression and to a published event; None before the first.
    """

    time: datetime
    uptime: float
    camera: CameraState
    load: ResourceUsage
    fps_in: float
    fps_out: float
    frames: int
    detections: int
    faces: int
    rejected_faces: int
    events: int
    dropped: dict[str, int]
    frame_latency: tuple[float, float] | None
    event_latency: tuple[float, float] | None
    camera_name: str = ""


SinkRecord = EmotionEvent | Stats | DaemonStatus | FaceSnapshot | Summary | CameraRemoved
"""Records that a sink is given; the name of an only camera is empty."""
