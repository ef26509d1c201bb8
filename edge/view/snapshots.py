"""Snapshots: images of events on this machine's disk, kept within a time and a size."""

import errno
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import cv2
import msgspec

from edge.geometry import Box
from edge.paths import atomic_write, make_private_folder
from edge.publish.events import utc
from edge.publish.sink import QueuedSink
from edge.types import DISK, AnalyzedFrame, DataFlow, EmotionEvent
from edge.view import PrivacyBlur
from edge.view.annotate import BLUR_MARGIN, apply_privacy

SNAPSHOTS = "snapshots"  # their folder in the state folder; each of several cameras has its own

FILE_NAME = re.compile(r"(\d{8}T\d{9}Z)-(start|change|zone)-(\w+)-(\d+)\.jpg", re.ASCII)
"""Time, type, emotion and number of the face of an event, as in the name of its file."""

MAX_WAITING = 4  # images that wait for the disk; one of 4K takes 25 MB
KEPT_SHARE = 0.9  # of the size that is left when there is too much: not each image deletes another

SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
BYTES = {"MB": 10**6, "GB": 10**9}


class SnapshotSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Images of events on this machine's disk, only with `privacy.allow_snapshots`.

    Attributes:
        on: types of these events: start, change, zone; []: none.
        what: the frame, or the face alone; blurred as `privacy.blur` says.
        keep: time after which one is deleted, such as 90min, 12h or 7d.
        max_bytes: size of those of a camera, such as 500MB or 1GB; beyond, the oldest are deleted.
    """

    on: Annotated[tuple[Literal["start", "change", "zone"], ...], msgspec.Meta(max_length=3)] = ()
    what: Literal["frame", "face"] = "frame"
    keep: str = "7d"
    max_bytes: str = "1GB"

    def __post_init__(self) -> None:
        _amount("keep", self.keep, SECONDS)
        _amount("max_bytes", self.max_bytes, BYTES)

    @property
    def max_age_s(self) -> int:
        """Seconds for which one is kept."""
        return _amount("keep", self.keep, SECONDS)

    def data_flows(self, allow_snapshots: bool) -> Iterator[DataFlow]:
        """Yield what is written."""
        if self.on:
            what = f"the {self.what} at each {' and '.join(self.on)}"
            kept = f"at most {self.keep}, and {self.max_bytes}"
            yield DataFlow("images", what, DISK, f"{SNAPSHOTS} in the state folder", False, kept)


def _amount(key: str, text: str, units: dict[str, int]) -> int:
    """Return an amount such as `7d` in the smallest unit."""
    found = re.fullmatch(r"([1-9]\d{0,5})([A-Za-z]+)", text, re.ASCII)
    if found is None or found[2] not in units:
        text = f"a whole number and {', '.join(units)}, not {text[:80]!r}"
        raise ValueError(f"Expected `{key}` to be {text}")
    return int(found[1]) * units[found[2]]


class SnapshotRecorder(QueuedSink[tuple[AnalyzedFrame, EmotionEvent, Box]]):
    """Writes an image of each event that is asked for, in a thread of its own.

    It is of the first frame from the event on that the detector searched as a whole: in any other
    somebody may be unseen, and unhidden. Of a `live` source one is dropped if the disk is too slow.
    """

    def __init__(
        self, settings: SnapshotSettings, blur: PrivacyBlur, folder: Path, live: bool
    ) -> None:
        super().__init__("snapshots", MAX_WAITING, not live)
        self.origin = settings, blur, folder, live
        self._settings, self._blur, self._folder = settings, blur, folder
        self._limit = _amount("max_bytes", settings.max_bytes, BYTES)
        self._due: dict[int, EmotionEvent] = {}  # by track
        self._started = False
        self._bytes: float = self._limit  # on disk; what lies there is counted before the first

    def __str__(self) -> str:
        return str(self._folder)

    def take(self, frame: AnalyzedFrame, events: Iterable[EmotionEvent]) -> None:
        """Take a frame and its events; one thread calls this for every frame."""
        self._due |= {event.track_id: event for event in events if event.type in self._settings.on}
        if not self._due:
            return
        if not self._started:
            self._started = True
            self.start()
        boxes = {track.track_id: track.box for track in frame.tracked.tracks}
        self._due = {track: event for track, event in self._due.items() if track in boxes}
        if frame.tracked.searched:
            for track, event in self._due.items():
                self._queue.put((frame, event, boxes[track]))
            self._due.clear()

    def _deliver(self, record: tuple[AnalyzedFrame, EmotionEvent, Box]) -> str:
        try:
            self._write(*record)
        except OSError as error:
            return f"{error.strerror}; snapshots are not written"
        except Exception as error:  # the camera has nothing to do with it
            return f"a fault of the program: {error!r}; one snapshot is lost"
        return ""

    def _write(self, frame: AnalyzedFrame, event: EmotionEvent, box: Box) -> None:
        image = apply_privacy(frame, self._blur)
        if self._settings.what == "face":
            x1, y1, x2, y2 = (max(0, round(edge)) for edge in box.square(BLUR_MARGIN).edges)
            image = image[y1:y2, x1:x2]
        if not image.size:  # the face has left the frame
            return
        jpeg = cv2.imencode(".jpg", image)[1].tobytes()
        time = re.sub(r"[-:.]", "", utc(event.time))
        emotion = re.sub(r"\W", "_", event.emotion[:40], flags=re.ASCII)
        make_private_folder(self._folder)
        self._make_room(len(jpeg))
        name = f"{time}-{event.type}-{emotion}-{event.track_id}.jpg"
        atomic_write(self._folder / name, jpeg, private=True)

    def _make_room(self, size: int) -> None:
        """Delete the oldest images where another of this size would be too much."""
        if size > self._limit:
            raise OSError(errno.EFBIG, f"an image is larger than {self._settings.max_bytes}")
        self._bytes += size
        if self._bytes <= self._limit:
            return
        sizes = snapshot_sizes(self._folder)
        self._bytes = sum(sizes.values()) + size
        limit = self._limit if self._bytes <= self._limit else KEPT_SHARE * self._limit
        for path, freed in sizes.items():
            if self._bytes <= limit:
                break
            path.unlink(missing_ok=True)
            self._bytes -= freed


def snapshot_sizes(folder: Path) -> dict[Path, int]:
    """Return the snapshots in a folder with their bytes, the oldest first."""
    found: dict[Path, int] = {}
    for path in sorted(folder.glob("*.jpg")):
        with suppress(OSError):  # deleted meanwhile
            if FILE_NAME.fullmatch(path.name):
                found[path] = path.stat().st_size
    return found


def describe_snapshot(name: str) -> dict[str, Any]:
    """Return what the name of a snapshot's file tells as plain values."""
    found = FILE_NAME.fullmatch(name)
    assert found is not None
    time = datetime.strptime(found[1], "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC)
    told = {"name": name, "time": utc(time), "type": found[2], "emotion": found[3]}
    return told | {"track_id": int(found[4])}
