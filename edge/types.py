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

Image = NDArray[np.uint8]  # BGR uint8 (height, width, 3); read-only once it is in a Frame
GrayImage = NDArray[np.uint8]  # gray uint8 (height, width)
Probabilities = NDArray[np.float32]  # one float32 per class, each row summing to 1

EXPRESSIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral", "contempt")
"""Every label of the datasets: the seven of FER2013 in the order of its label numbers (Goodfellow
et al. 2013, arXiv:1307.0414), then contempt, which FER+ and CK+ have."""

SIDE = 48  # width and height of the datasets' face images in pixels, as in FER2013
UNCERTAIN = "uncertain"  # emotion of a face whose expression cannot be told
DISK = "this machine's disk"

LOOKING_YAW, LOOKING_ROLL = 15.0, 25.0
"""Degrees of the cone in which a head is taken to look at the camera. The built-in detector says 13
of a head that is turned by 20 (docs/research/detector-training.md)."""


class KindSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """Section of the config that can be of several kinds."""

    def redacted(self) -> Self:
        """Return a copy that may be shown to anybody: without users and passwords."""
        return self

    def data_flows(self, allow_snapshots: bool) -> "Iterator[DataFlow]":
        """Yield what leaves the process by it; `allow_snapshots` is that of the privacy section."""
        yield from ()


@dataclass(frozen=True, slots=True)
class DataFlow:
    """Data that leaves the process, or lies on disk, as `emotiond audit` lists it."""

    data: str  # images, events, faces (those in view now), secrets, settings, numbers or log
    what: str  # which of them, in a few words
    to: str  # who gets it, or what keeps it
    where: str  # the address or path of that
    leaves: bool  # whether it leaves this machine, or may
    kept: str | None = None  # how long, in a few words; None: it is not kept


@dataclass(frozen=True, slots=True)
class Frame:
    """One image of a source; every duration is measured by the timestamps."""

    image: Image
    index: int
    timestamp: float  # seconds: the monotonic clock if live, else the position in the video
    captured: float  # when it was read, on the monotonic clock
    still: bool = False  # it continues no earlier frame, as the images of a folder do
    generation: int = 0  # number of the source among those that the pipeline had

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
    """One face followed over time; ids count from 1 in each run."""

    track_id: int
    box: Box  # where it is, or would be by now
    seen: bool  # whether it was found in this very frame, by the detector or by optical flow
    points: KeyPoints | None = None


@dataclass(frozen=True, slots=True)
class TrackedFrame:
    """A frame and every live track in it, seen or not; a track no longer listed has ended."""

    frame: Frame
    tracks: tuple[Track, ...]
    candidate_boxes: tuple[Box, ...] = ()  # where else a face may be
    searched: bool = False  # whether the detector searched the whole of this very frame


@dataclass(frozen=True, slots=True)
class Quality:
    """Image quality of one face; brightness and contrast are of the middle of its crop, 0-255."""

    size: float  # height as framed for the classifier, in pixels of the frame
    sharpness: float  # fine detail; docs/research/face-quality.md defines it
    brightness: float
    contrast: float
    yaw: float | None = None  # degrees, positive towards the person's own left; None: no landmarks
    roll: float | None = None  # degrees of tilt

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
    """Smoothed expression of one track."""

    track: Track
    emotion: str  # one of the model's labels, or `UNCERTAIN`, for `reasons`
    probabilities: dict[str, float] | None  # None where it is uncertain
    quality: Quality  # when it was last analyzed
    reasons: tuple[Reason, ...] = ()
    zones: tuple[str, ...] | None = None  # those that it is in; None: the config has none
    affect: tuple[float, float] | None = None  # valence and arousal, -1 to 1; None: not told

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
    """Published event; docs/event.schema.json describes each field as subscribers see it."""

    id: str
    time: datetime
    type: EventType
    frame_size: tuple[int, int]
    duration: float  # seconds from the track's start event until it was last seen
    model: str
    detector: str
    captured: float  # when its frame was read, on the monotonic clock
    latency: float = 0.0  # seconds from then until it was handed to the sinks
    position: float | None = None  # seconds from the beginning of the video; None: it is live
    run: str = ""  # start of the daemon that numbered the track; empty in older recordings
    reason: Literal["restart"] | None = None  # of an end that the next run tells after a kill
    camera_name: str = ""

    @property
    def run_track(self) -> tuple[str, str, int]:
        """Key of the track among those of all cameras and runs."""
        return self.camera_name, self.run, self.track_id


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
    """Settings of the daemon at this moment, by its config and by commands."""

    camera: CameraState
    paused_until: datetime | None  # UTC; None: a pause does not end by itself, or there is none
    model: str
    detector: str
    labels: tuple[str, ...]
    has_temperature: bool = False
    zones: tuple[str, ...] = ()
    summaries: tuple[int, ...] = ()  # seconds of each that is published
    camera_name: str = ""
    has_affect: bool = False  # whether valence and arousal are told


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
    """Resources that the daemon uses; None is what the kernel does not report."""

    cpu: float  # share of one core since the last sample
    memory: int | None  # resident, in bytes
    temperature: float | None  # of the CPU in degrees Celsius


@dataclass(frozen=True, slots=True)
class Stats:
    """Numbers of a running pipeline; counters count from its start."""

    time: datetime
    uptime: float  # seconds
    camera: CameraState
    load: ResourceUsage
    fps_in: float  # frames read a second, over the last ten seconds
    fps_out: float  # frames analyzed
    frames: int
    detections: int  # frames in which the detector ran; in the others faces were tracked
    faces: int
    rejected_faces: int  # that the model took for none
    events: int
    dropped: dict[str, int]  # by what they were
    frame_latency: tuple[float, float] | None  # 50th, 95th percentile of seconds from capture
    event_latency: tuple[float, float] | None  # until it is published; None before the first
    camera_name: str = ""


SinkRecord = EmotionEvent | Stats | DaemonStatus | FaceSnapshot | Summary | CameraRemoved
"""Records that a sink is given; the name of an only camera is empty."""
