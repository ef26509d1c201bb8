"""Analysis of whole video files: one after another, over the cores, or over a Dask cluster."""

import logging
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import msgspec

from edge.capture import EndOfStream, Source
from edge.capture.video import VideoSettings
from edge.config import Config
from edge.errors import ConfigError, EmotiondError, InputError
from edge.offline.video_io import AnnotatedVideoWriter, probe_video
from edge.pipeline.build import build_components
from edge.pipeline.pipeline import Pipeline
from edge.types import AnalyzedFrame, EmotionEvent, Frame, SinkRecord
from edge.view.settings import PreviewSettings, WebSettings

PROGRESS_INTERVAL_S = 0.02
"""Seconds between two reports of progress."""

DASK_CONNECT_TIMEOUT_S = 5.0
"""Seconds within which the scheduler of a cluster must answer."""

DASK_RETRIES = 2
"""How often a video is given to another worker of a cluster when one is lost."""


@dataclass(frozen=True, slots=True)
class VideoJob:
    """A video to analyze.

    Attributes:
        video: path of the file.
        config: how faces are found and classified; its source, sinks and views are not used.
        out: where an annotated copy goes; None makes none.
    """

    video: Path
    config: Config
    out: Path | None = None


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

    Args:
        job: the video.
        on_progress: called now and then with the number of frames so far.

    Raises:
        InputError: the video cannot be read at all.
        EmotiondError: the copy cannot be written, or something in the config cannot be used.
    """
    cv2.setNumThreads(1)  # every stage has a thread of its own
    started = time.monotonic()
    info, sink = probe_video(job.video), CollectingSink()
    components = build_components(_config(job))
    source = ErrorCapturingSource(components.source)
    with ExitStack() as stack:
        consumer = _VideoConsumer()
        if job.out is not None:
            writer = AnnotatedVideoWriter(job.video, job.out, info, job.config.privacy.blur)
            consumer.writer = stack.enter_context(writer)
        pipeline = Pipeline(replace(components, source=source, sinks=(sink,)), consumer)
        stack.callback(pipeline.stop)
        pipeline.start()
        while pipeline.running and pipeline.error is None:
            on_progress(consumer.frames)
            time.sleep(PROGRESS_INTERVAL_S)
        if pipeline.error is not None:
            raise pipeline.error
        if source.error is not None and not consumer.frames:
            raise source.error
    error = str(source.error) if source.error else None
    elapsed_s = time.monotonic() - started
    return VideoResult(job.video, consumer.frames, elapsed_s, tuple(sink.events), error)


def _config(job: VideoJob) -> Config:
    source = VideoSettings(job.video, realtime=False)
    return msgspec.structs.replace(
        job.config, source=source, sinks=(), preview=PreviewSettings(), web=WebSettings()
    )


class ErrorCapturingSource:
    """A source that ends at the first input that cannot be read, and keeps the reason.

    Attributes:
        error: the reason; None where the source came to its own end.
    """

    def __init__(self, source: Source) -> None:
        self.error: InputError | None = None
        self._source = source

    @property
    def online(self) -> bool | None:
        """As the wrapped source's."""
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
        """Close the wrapped source."""
        self._source.close()


class CollectingSink:
    """A sink that keeps events in memory.

    Attributes:
        events: in the order in which they were published.
    """

    dropped = 0
    status_text: str | None = None

    def __init__(self) -> None:
        self.events: list[EmotionEvent] = []

    def start(self) -> None:
        """Nothing has to be opened."""

    def publish(self, record: SinkRecord) -> None:
        """Keep an event; other records are ignored."""
        if isinstance(record, EmotionEvent):
            self.events.append(record)

    def close(self, timeout: float) -> None:
        """Nothing has to be closed."""


class _VideoConsumer:
    """Counts frames; where there is a writer, has each written, and makes the pipeline wait."""

    def __init__(self) -> None:
        self.frames = 0
        self.writer: AnnotatedVideoWriter | None = None

    def show(self, scene: AnalyzedFrame) -> None:
        self.frames += 1
        if self.writer is not None:
            self.writer.write(scene)

    def clear(self) -> None:
        """Nothing to clear: a video has no pauses."""


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

    Args:
        jobs: the videos.
        address: of the scheduler, such as tcp://scheduler:8786.

    Raises:
        ConfigError: the package is not installed.
        EmotiondError: the scheduler does not answer, or has no worker.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise ConfigError(
            "--dask needs the package distributed; pip install 'emotiond[cluster]'"
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
        yield from _outcomes(executor, analyze_video, jobs)


def _outcomes(
    executor: Executor, analyze: Callable[[VideoJob], VideoResult], jobs: Sequence[VideoJob]
) -> Iterator[Outcome]:
    indices = {executor.submit(analyze, job): index for index, job in enumerate(jobs)}
    for future in as_completed(indices):
        index = indices[future]
        yield index, _outcome(future, jobs[index])


def _outcome(future: "Future[VideoResult]", job: VideoJob) -> VideoResult | EmotiondError:
    """Return the result or error of a job; a failure of one does not stop the others."""
    try:
        return future.result()
    except EmotiondError as error:
        return error
    except BrokenProcessPool:
        return EmotiondError(f"{job.video}: the process that read it was ended; is memory short?")
    except Exception as error:
        return EmotiondError(f"{job.video}: {type(error).__name__}: {error}")


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
