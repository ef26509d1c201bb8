"""Video files: analyzed whole, one by one or in parallel, and their annotated copies."""

import logging
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    as_completed,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import cv2
import msgspec
import numpy as np

from edge.capture.ffmpeg import FrameConverter, decode_frames
from edge.capture.orientation import orient
from edge.capture.video import NO_FRAME, VideoSettings, announced_seconds, open_video, rate_of
from edge.config import Config
from edge.errors import ConfigError, EmotiondError, InputError
from edge.installation import extra_remedy
from edge.offline.recognizer import analyze_frames
from edge.pipeline.build import build_components
from edge.publish import MultiSink
from edge.types import AnalyzedFrame, EmotionEvent, Image, SinkRecord
from edge.view import PreviewSettings, PrivacyBlur, WebSettings
from edge.view.annotate import annotate

DASK_CONNECT_TIMEOUT_S = 5.0
"""Seconds within which the scheduler of a cluster must answer."""

DASK_RETRIES = 2
"""How often a video is given to another worker of a cluster when one is lost."""


SEARCH_EVERY_FRAME = {"interval_frames": 1, "motion_threshold": 0.0, "full_search_interval_s": 0.0}
"""Settings of the scheduler for a copy in which faces are hidden: one that comes in a frame without
a search would be seen in it."""


@dataclass(frozen=True, slots=True)
class VideoJob:
    """A video to analyze.

    Attributes:
        video: path of the file.
        config: how faces are found and classified; its source, sinks and views are not used.
        out: where an annotated copy goes; None makes none.
        orientation: settings of another file, which say how each frame is oriented.
    """

    video: Path
    config: Config
    out: Path | None = None
    orientation: VideoSettings | None = None


@dataclass(frozen=True, slots=True)
class VideoResult:
    """The analysis of one video.

    Attributes:
        video: path of the file.
        frames: number of frames read.
        elapsed_s: seconds the analysis took.
        events: in their order.
        error: why it was not read to its end; None where it was.
    """

    video: Path
    frames: int
    elapsed_s: float
    events: tuple[EmotionEvent, ...]
    error: str | None = None


Outcome = tuple[int, VideoResult | EmotiondError]
"""Index of a job, and its result or why it has none."""


def analyze_video(
    job: VideoJob, on_progress: Callable[[int], None] = lambda frames: None
) -> VideoResult:
    """Analyze every frame of a video, and write its annotated copy if one is wanted.

    Decoding, detection, classification and writing overlap in threads; the result is the same
    each time. Where the file breaks off, what was seen before that counts.

    `on_progress` is called with the number of frames so far.

    Raises:
        InputError: the video cannot be read at all.
        EmotiondError: the copy cannot be written, or something in the config cannot be used.
    """
    cv2.setNumThreads(1)  # every stage has a thread of its own
    started, frames, error = time.monotonic(), 0, None
    info, sink = probe_video(job.video), _EventCollector()
    settings = job.orientation or VideoSettings(job.video)
    source = msgspec.structs.replace(settings, path=job.video, realtime=False)
    height, width = orient(np.zeros((info.height, info.width, 3), np.uint8), source).shape[:2]
    info = replace(info, width=width, height=height)
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
            copy = annotated_copy(job.video, job.out, info, job.config.privacy.blur)
            write = stack.enter_context(copy)
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


class _EventCollector(MultiSink):
    """A sink that keeps events in memory."""

    def __init__(self) -> None:
        super().__init__(())
        self.events: list[EmotionEvent] = []

    def publish(self, record: SinkRecord) -> None:
        if isinstance(record, EmotionEvent):
            self.events.append(record)


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """Size and length of a video.

    Attributes:
        width, height: in pixels, as it is shown.
        fps: frames per second.
        frames: number of frames, as announced; it may be wrong, or 0 where it is not.
        start: seconds by which its images begin later than its sound.
    """

    width: int
    height: int
    fps: float
    frames: int
    start: float = 0.0


def probe_video(path: Path) -> VideoInfo:
    """Return size and length of a video: its header and its first frame tell them.

    Raises:
        InputError: the file is missing or no video.
    """
    if not path.exists():
        raise InputError(f"{path}: there is no such file")
    with open_video(path) as (container, stream):
        frame = next((one for one in decode_frames(container, stream) if one is not None), None)
        if frame is None:
            raise InputError(NO_FRAME)
        height, width = FrameConverter(stream).convert(frame).shape[:2]
        fps = rate_of(stream)
        frames = stream.frames or round(announced_seconds(container, stream) * fps)
        late = 0.0
        if frame.time is not None and container.start_time is not None:
            late = max(0.0, frame.time - container.start_time / 1e6)
        return VideoInfo(width, height, fps, frames, late)


@contextmanager
def annotated_copy(
    video: Path, path: Path, info: VideoInfo, blur: PrivacyBlur
) -> Iterator[Callable[[AnalyzedFrame], object]]:
    """Give a function that appends a frame to an annotated copy of a video.

    The file appears once the block has ended; where it ends by an error there is none. It is
    H.264 with the sound of the original where the program ffmpeg is installed. Elsewhere it is
    MPEG-4 Part 2 without sound, which players play and browsers do not. `info` is of the original.

    Raises:
        EmotiondError: the file cannot be written.
    """
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    program = shutil.which("ffmpeg")
    encoder = (
        _ffmpeg_encoder(program, video, part, info) if program else _opencv_encoder(part, info)
    )
    try:
        with suppress(OSError):  # the encoder says it better
            part.touch(mode=0o600)  # its owner's alone from the first byte on
        with encoder as write:
            written = 0
            shown: Image | None = None

            def append(analyzed: AnalyzedFrame) -> None:
                """Write a frame at its time; the one before is shown until then."""
                nonlocal written, shown
                image, due = annotate(analyzed, blur), round(analyzed.frame.timestamp * info.fps)
                while written <= due:
                    write(image if written == due or shown is None else shown)
                    written += 1
                shown = image

            yield append
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _ffmpeg_encoder(
    program: str, video: Path, path: Path, info: VideoInfo
) -> Iterator[Callable[[Image], object]]:
    """Encode H.264 with the sound of the original, through the program ffmpeg."""
    images = ["-f", "rawvideo", "-pix_fmt", "bgr24", "-framerate", f"{info.fps:.6f}"]
    images += ["-video_size", f"{info.width}x{info.height}", "-itsoffset", f"{info.start:.3f}"]
    # Odd sizes are cut by a row or column: H.264 as browsers play it halves its colors.
    codec = ["-vf", "crop=trunc(iw/2)*2:trunc(ih/2)*2", "-c:v", "libx264"]
    codec += ["-preset", "veryfast", "-pix_fmt", "yuv420p", "-movflags", "+faststart"]
    # Damaged sound is no reason to have no copy.
    sound = ["-map", "0:v", "-map", "1:a?", "-c:a", "aac", "-max_error_rate", "1"]
    command = [program, "-v", "error", "-y", *images, "-i", "pipe:", "-i", f"file:{video}"]
    command += [*sound, *codec, f"file:{path}"]
    # Not a pipe: for a video with damaged sound ffmpeg prints more than one holds.
    with tempfile.TemporaryFile() as stderr, ThreadPoolExecutor(1) as starter:
        # Started by another thread: a signal that unwinds this one meanwhile loses no process.
        # In a session of its own: Ctrl-C in the terminal is for this program.
        starting: Future[subprocess.Popen[bytes]] = starter.submit(
            subprocess.Popen,
            command,
            stdin=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )
        broken: BrokenPipeError | None = None
        try:
            with cast(BinaryIO, starting.result().stdin) as pipe:
                yield lambda image: pipe.write(image.data)
        except BrokenPipeError as error:
            broken = error
        finally:
            process = starting.result()
            process.communicate()
        if broken is not None or process.returncode != 0:
            stderr.seek(0)
            reason = stderr.readline().decode(errors="replace").strip()
            raise EmotiondError(f"{path}: cannot be written: ffmpeg: {reason}") from broken


@contextmanager
def _opencv_encoder(path: Path, info: VideoInfo) -> Iterator[Callable[[Image], object]]:
    """Encode MPEG-4 Part 2 without sound."""
    codec = cv2.VideoWriter.fourcc(*"mp4v")
    size = info.width, info.height
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, codec, info.fps, size)
    if not writer.isOpened():
        raise EmotiondError(f"{path}: cannot be written as a video")
    try:
        yield writer.write
    finally:
        writer.release()


def analyze_parallel(jobs: Sequence[VideoJob], processes: int) -> Iterator[Outcome]:
    """Analyze videos in that many processes; yield each outcome as it is done."""
    # Not forked: the threads of OpenCV and of the runtime do not survive that.
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(processes, context, initializer=_handle_signals)
    try:
        yield from _outcomes(executor, _analyze_until_terminated, jobs)
    except GeneratorExit:
        raise
    except BaseException:
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        executor.shutdown(cancel_futures=True)


def analyze_on_cluster(jobs: Sequence[VideoJob], address: str) -> Iterator[Outcome]:
    """Analyze videos on the workers of a Dask cluster; yield each outcome as it is done.

    Workers need this version of emotiond, and access to the videos under the given paths.

    `address` is that of the scheduler, such as tcp://scheduler:8786.

    Raises:
        ConfigError: the package is not installed.
        EmotiondError: the scheduler does not answer, or has no worker.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise ConfigError(
            f"--dask needs the package distributed; {extra_remedy('cluster')}"
        ) from error
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
        # Another machine has another working directory.
        jobs = [
            replace(job, video=job.video.absolute(), out=job.out and job.out.absolute())
            for job in jobs
        ]
        yield from _outcomes(executor, analyze_video, jobs)


def _outcomes(
    executor: Executor, analyze: Callable[[VideoJob], VideoResult], jobs: Sequence[VideoJob]
) -> Iterator[Outcome]:
    indices = {executor.submit(analyze, job): index for index, job in enumerate(jobs)}
    for future in as_completed(indices):
        index = indices[future]
        error, video = future.exception(), jobs[index].video
        if error is None:
            yield index, future.result()
        elif isinstance(error, EmotiondError):
            yield index, error
        elif isinstance(error, BrokenProcessPool):
            reason = "the process that read it was ended; is memory short?"
            yield index, EmotiondError(f"{video}: {reason}")
        else:
            yield index, EmotiondError(f"{video}: {type(error).__name__}: {error}")


def _handle_signals() -> None:
    """Leave Ctrl-C to the parent process; unwind when it terminates this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _unwind)


def _unwind(*_: object) -> None:
    """Unwind once: the pool terminates its processes again when the first has gone."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit()


def _analyze_until_terminated(job: VideoJob) -> VideoResult:
    """Analyze a video; when terminated, leave no partial copy and take no other job."""
    try:
        return analyze_video(job)
    except SystemExit:
        os._exit(1)
