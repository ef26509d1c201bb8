"""One film, from beginning to end."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import msgspec

from edge.capture import EndOfStream, Source
from edge.capture.video import VideoSettings
from edge.config import Config
from edge.errors import InputError
from edge.offline.video_info import probe_video
from edge.offline.video_writer import AnnotatedVideoWriter
from edge.pipeline.build import build_components
from edge.pipeline.pipeline import Pipeline
from edge.types import AnalyzedFrame, EmotionEvent, Frame, SinkRecord
from edge.view.settings import ViewSettings

LOOK_SECONDS = 0.02
"""Between two looks at how far it is."""


@dataclass(frozen=True, slots=True)
class VideoJob:
    """One film to be studied.

    Attributes:
        film: its path.
        config: how faces are found and read; its source, sinks and views are not used.
        out: where an annotated copy goes; None makes none.
    """

    film: Path
    config: Config
    out: Path | None = None


@dataclass(frozen=True, slots=True)
class VideoResult:
    """What was seen in one film.

    Attributes:
        frames: how many were read.
        took: seconds it took.
        events: in their order.
        error: why it was not read to its end; None where it was.
    """

    film: Path
    frames: int
    took: float
    events: tuple[EmotionEvent, ...]
    error: str | None = None


def analyze_video(job: VideoJob, look: Callable[[int], None] = lambda frames: None) -> VideoResult:
    """Read every frame of a film, and write its annotated copy if one is wanted.

    Decoding, finding, reading and writing overlap, each in its thread; what comes of it is the
    same each time. Where the film breaks off, what was seen before that counts.

    Args:
        job: the film.
        look: called now and then with the number of frames so far.

    Raises:
        InputError: it cannot be read at all.
        EmotiondError: the copy cannot be written, or something the config names not be used.
    """
    cv2.setNumThreads(1)  # a stage is one thread
    started = time.monotonic()
    kept, measure = CollectingSink(), probe_video(job.film)
    parts = build_components(_config(job))
    source = ErrorCapturingSource(parts.source)
    with ExitStack() as stack:
        screen = _Counter()
        if job.out is not None:
            writer = AnnotatedVideoWriter(job.film, job.out, measure, job.config.privacy.blur)
            screen = _Projection(stack.enter_context(writer))
        pipeline = Pipeline(replace(parts, source=source, sinks=(kept,)), screen)
        stack.callback(pipeline.stop)
        pipeline.start()
        while pipeline.running and pipeline.error is None:
            look(screen.frames)
            time.sleep(LOOK_SECONDS)
        if pipeline.error is not None:
            raise pipeline.error
        if source.error is not None and not screen.frames:
            raise source.error
    error = str(source.error) if source.error else None
    took = time.monotonic() - started
    return VideoResult(job.film, screen.frames, took, tuple(kept.events), error)


def _config(job: VideoJob) -> Config:
    source = VideoSettings(job.film, pace=False)
    return msgspec.structs.replace(job.config, source=source, sinks=(), view=ViewSettings())


class ErrorCapturingSource:
    """A source that ends where an input cannot be read, and remembers why.

    Attributes:
        error: why; None where it came to its own end.
    """

    def __init__(self, source: Source) -> None:
        self.error: InputError | None = None
        self._source = source

    @property
    def online(self) -> bool | None:
        """As the source's."""
        return self._source.online

    def read(self) -> Frame | None:
        """Return the next frame.

        Raises:
            EndOfStream: there is none.
        """
        try:
            return self._source.read()
        except InputError as error:
            self.error = error
            raise EndOfStream from error

    def close(self) -> None:
        """Close the source."""
        self._source.close()


class CollectingSink:
    """A sink that keeps events."""

    dropped = 0
    status_text: str | None = None

    def __init__(self) -> None:
        self.events: list[EmotionEvent] = []

    def start(self) -> None:
        """Nothing has to be opened."""

    def publish(self, record: SinkRecord) -> None:
        """Keep an event; nothing else has a place here."""
        if isinstance(record, EmotionEvent):
            self.events.append(record)

    def close(self, timeout: float) -> None:
        """Nothing has to be closed."""


class _Counter:
    """A screen that counts."""

    def __init__(self) -> None:
        self.frames = 0

    def show(self, scene: AnalyzedFrame) -> None:
        self.frames += 1

    def clear(self) -> None:
        pass


class _Projection(_Counter):
    """A screen that has every scene written, and makes the pipeline wait for that."""

    def __init__(self, writer: AnnotatedVideoWriter) -> None:
        super().__init__()
        self._writer = writer

    def show(self, scene: AnalyzedFrame) -> None:
        super().show(scene)
        self._writer.write(scene)
