"""Video files: analyzed whole, one by one or in parallel, and their annotated copies."""

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import cv2
import msgspec
import numpy as np

from edge.capture.source import ROUNDING_S
from edge.capture.video import MAX_GAP_S, VideoSettings, decode_frames, open_video, rate_of
from edge.config import Config
from edge.errors import ConfigError, EmotiondError, InputError
from edge.offline.recognizer import analyze_frames
from edge.paths import extra_remedy, part_of
from edge.pipeline.build import build_components
from edge.processes import run_in_processes
from edge.publish import Sink
from edge.types import AnalyzedFrame, EmotionEvent, Image, SinkRecord
from edge.view import PreviewSettings, PrivacyBlur, WebSettings
from edge.view.annotate import annotate

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

DASK_CONNECT_TIMEOUT_S = 5.0  # seconds within which a cluster's scheduler must answer
DASK_RETRIES = 2  # how often a video is given to another worker when one is lost
SOUND_RATE = 48_000  # samples a second of the sound of a copy: AAC does not take every rate
SEARCH_EVERY_FRAME = {"interval_frames": 1, "motion_threshold": 0.0, "full_search_interval_s": 0.0}
"""For a copy with hidden faces: one that comes in a frame without a search would be seen."""


@dataclass(frozen=True, slots=True)
class VideoJob:
    """A video to analyze, and where an annotated copy goes; None makes none."""

    video: Path
    config: Config  # its sinks and views are not used, of its source a video's orientation alone
    out: Path | None = None


@dataclass(frozen=True, slots=True)
class VideoResult:
    """The analysis of one video; `error` says why it was not read to its end."""

    video: Path
    frames: int
    elapsed_s: float
    events: tuple[EmotionEvent, ...]
    error: str | None = None


Outcome = tuple[int, VideoResult | EmotiondError]  # index of a job, its result or why none


def analyze_video(
    job: VideoJob, on_progress: Callable[[int], None] = lambda frames: None
) -> VideoResult:
    """Analyze every frame of a video, and write its annotated copy if one is wanted.

    Where the file breaks off, what was seen before that counts. `on_progress` gets the number of
    frames so far. InputError of a video, EmotiondError of a copy or config that cannot be used.
    """
    cv2.setNumThreads(1)  # every stage has a thread of its own
    started, frames, error = time.monotonic(), 0, None
    sink = _EventCollector()
    given = job.config.source
    settings = given if isinstance(given, VideoSettings) else VideoSettings(job.video)
    source = msgspec.structs.replace(settings, path=job.video, realtime=False)
    config = msgspec.structs.replace(
        job.config, source=source, sinks=(), preview=PreviewSettings(), web=WebSettings()
    )
    if job.out is not None and config.privacy.blur is PrivacyBlur.FACES:
        every_frame = msgspec.structs.replace(config.scheduler, **SEARCH_EVERY_FRAME)
        config = msgspec.structs.replace(config, scheduler=every_frame)
    components = replace(build_components(config), sinks=(sink,))
    with ExitStack() as stack:
        write: Callable[[AnalyzedFrame], object] | None = None
        if job.out is not None:
            write = stack.enter_context(annotated_copy(job.video, job.out, job.config.privacy.blur))
        analyzed = stack.enter_context(closing(analyze_frames(components)))
        try:
            for frames, frame in enumerate(analyzed, start=1):
                if write is not None:
                    write(frame)
                on_progress(frames)
        except InputError as broken:
            if not frames:
                raise
            error = str(broken)
    return VideoResult(job.video, frames, time.monotonic() - started, tuple(sink.events), error)


class _EventCollector(Sink):
    """A sink that keeps events in memory."""

    def __init__(self) -> None:
        self.events: list[EmotionEvent] = []

    def publish(self, record: SinkRecord) -> None:
        if isinstance(record, EmotionEvent):
            self.events.append(record)


@contextmanager
def annotated_copy(
    video: Path, path: Path, blur: PrivacyBlur
) -> Iterator[Callable[[AnalyzedFrame], object]]:
    """Give what appends a frame to an H.264 copy with sound, which is there once the block ends."""
    import av

    part = part_of(path, path.suffix)
    options = {"movflags": "+faststart"} if path.suffix.lower() in {".mp4", ".mov"} else {}
    try:
        part.touch(mode=0o600)  # its owner's alone from the first byte on
        with av.open(f"file:{part}", "w", options=options) as copy, open_video(video) as opened:
            encoder = _Encoder(copy, *opened)
            yield lambda analyzed: encoder.add(annotate(analyzed, blur), analyzed.frame.timestamp)
            encoder.finish()
        part.replace(path)
    except (OSError, av.FFmpegError) as error:
        raise EmotiondError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


class _Encoder:
    """Encodes images, and the sound of the original at their times."""

    def __init__(
        self, copy: "OutputContainer", original: "InputContainer", images: "VideoStream"
    ) -> None:
        self._copy = copy
        self._rate = Fraction(rate_of(images)).limit_denominator(10_000)
        self._images = copy.add_stream("libx264", self._rate, {"preset": "veryfast"})
        self._images.pix_fmt, self._images.thread_type = "yuv420p", "AUTO"
        self._written, self._heard = -1, 0.0
        self._sound: Iterator[Packet[Any]] = iter(())
        if original.streams.audio:
            self._sound = _encode_sound(original, images, copy.add_stream("aac", SOUND_RATE))

    def add(self, image: Image, time: float) -> None:
        from av import VideoFrame

        number = round(time * self._rate)
        if number <= self._written:  # it comes sooner than the rate says
            return
        # Odd sizes are cut by a row or column: H.264 as browsers play it halves its colors.
        image = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
        if self._written < 0:
            self._images.height, self._images.width = image.shape[:2]
        frame = VideoFrame.from_ndarray(np.ascontiguousarray(image), "bgr24")
        frame.pts, frame.time_base = number, 1 / self._rate
        self._copy.mux(self._images.encode(frame))
        self._written = number
        self._add_sound(float(number / self._rate))

    def finish(self) -> None:
        self._copy.mux(self._images.encode(None))
        self._add_sound(math.inf)

    def _add_sound(self, until: float) -> None:
        while self._heard <= until and (packet := next(self._sound, None)) is not None:
            if packet.pts is not None:
                self._heard = float(packet.pts * packet.time_base)
            self._copy.mux(packet)


def _encode_sound(
    original: "InputContainer", images: "VideoStream", track: "AudioStream"
) -> Iterator["Packet[Any]"]:
    """Yield the sound of a video in a track's codec, without what is damaged of it.

    Where the times of the images begin anew or leap, so do those of the sound: as `VideoClock`.
    """
    import av

    step, start, seen, heard = 1 / rate_of(images), (original.start_time or 0) / 1e6, -math.inf, 0.0

    def note(packet: "Packet[Any]") -> None:
        nonlocal start, seen
        if packet.stream is images and packet.dts is not None and packet.time_base is not None:
            now = float(packet.dts * packet.time_base)
            if seen > -math.inf and not 0 <= now - seen <= MAX_GAP_S:
                start += now - seen - step
            seen = now

    frames: Iterator[Any] = decode_frames(original, cast(Any, original.streams.audio[0]), note)
    for frame in filter(None, frames):
        if frame.pts is not None:
            frame.pts -= round(start / float(frame.time_base))
            # What comes before or behind the images where their times leap has no place.
            if not heard - ROUNDING_S <= frame.time <= max(heard, seen - start) + MAX_GAP_S:
                continue
            heard = frame.time + frame.samples / frame.sample_rate
        with suppress(av.FFmpegError, ValueError):
            yield from track.encode(frame)
    yield from track.encode(None)


def analyze_parallel(jobs: Sequence[VideoJob], processes: int) -> Iterator[Outcome]:
    """Analyze videos in that many processes; yield each outcome as it is done."""
    calls = [partial(analyze_video, job) for job in jobs]
    try:
        with closing(run_in_processes(calls, processes)) as outcomes:
            for index, future in outcomes:
                yield index, _outcome(jobs[index], future)
    finally:
        for job in jobs:
            if job.out is not None:  # a process that was killed left a part of it
                part_of(job.out, job.out.suffix).unlink(missing_ok=True)


def analyze_on_cluster(jobs: Sequence[VideoJob], address: str) -> Iterator[Outcome]:
    """Analyze videos on the workers of a Dask cluster; yield each outcome as it is done.

    Workers need this version of emotiond, and access to the videos under the given paths. A
    ConfigError without the package, EmotiondError without a scheduler at `address`, or a worker.
    """
    try:
        from distributed import Client
    except ImportError as error:
        remedy = extra_remedy("cluster")
        raise ConfigError(f"--dask needs the package distributed; {remedy}") from error
    for name in ("distributed", "tornado"):  # their errors are reported here, in one line
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        client: Any = Client(address, timeout=DASK_CONNECT_TIMEOUT_S, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError, ValueError) as error:
        raise EmotiondError(f"{address}: no scheduler answers: {error}") from error
    with client:
        if not client.scheduler_info()["workers"]:
            raise EmotiondError(f"{address}: the scheduler has no workers; start some there")
        executor = client.get_executor(retries=DASK_RETRIES, pure=False)
        indices: dict[Future[VideoResult], int] = {}
        for index, job in enumerate(jobs):  # another machine has another working directory
            there = replace(job, video=job.video.absolute(), out=job.out and job.out.absolute())
            indices[executor.submit(analyze_video, there)] = index
        for future in as_completed(indices):
            yield indices[future], _outcome(jobs[indices[future]], future)


def _outcome(job: VideoJob, future: Future[VideoResult]) -> VideoResult | EmotiondError:
    try:
        return future.result()
    except EmotiondError as error:
        return error
    except BrokenProcessPool:
        return EmotiondError(f"{job.video}: the process that read it was ended; is memory short?")
    except Exception as error:
        return EmotiondError(f"{job.video}: {type(error).__name__}: {error}")
