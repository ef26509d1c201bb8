"""Many films at once: over the cores of this machine, or over a cluster."""

import logging
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from edge.errors import ConfigError, EmotiondError
from edge.offline.video_analysis import VideoJob, VideoResult, analyze_video

CONNECT_SECONDS = 5.0
"""Within which the scheduler of a cluster must answer."""

RETRIES = 2
"""How often a film is given to another worker of a cluster when one is lost."""

Outcome = tuple[int, VideoResult | EmotiondError]
"""Which job it was, by its place, and what came of it."""


def analyze_parallel(jobs: Sequence[VideoJob], processes: int) -> Iterator[Outcome]:
    """VideoResult films in so many processes; yield each as it is done, whatever came of it."""
    # Not forked: OpenCV's threads, and the runtime's, do not survive that.
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(processes, context, initializer=_obey_the_first)
    try:
        yield from _outcomes(executor, _study_until_told, jobs)
    except GeneratorExit:
        raise
    except BaseException:
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        executor.shutdown(cancel_futures=True)


def analyze_on_cluster(jobs: Sequence[VideoJob], address: str) -> Iterator[Outcome]:
    """VideoResult films on the workers of a Dask cluster; yield each as it is done.

    Workers need emotiond, in this version, and see the films under the paths given.

    Args:
        jobs: the films.
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
    for name in ("distributed", "tornado"):  # what they have to say is said here, in one line
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        client: Any = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError, ValueError) as error:
        raise EmotiondError(f"{address}: no scheduler answers: {error}") from error
    with client:
        if not client.scheduler_info()["workers"]:
            raise EmotiondError(f"{address}: the scheduler has no workers; start some there")
        yield from _outcomes(client.get_executor(retries=RETRIES, pure=False), analyze_video, jobs)


def _outcomes(
    executor: Executor, work: Callable[[VideoJob], VideoResult], jobs: Sequence[VideoJob]
) -> Iterator[Outcome]:
    places = {executor.submit(work, job): place for place, job in enumerate(jobs)}
    for future in as_completed(places):
        place = places[future]
        yield place, _outcome(future, jobs[place])


def _outcome(future: "Future[VideoResult]", job: VideoJob) -> VideoResult | EmotiondError:
    """Return what came of a film; whatever happens to one, the others go on."""
    try:
        return future.result()
    except EmotiondError as error:
        return error
    except BrokenProcessPool:
        return EmotiondError(f"{job.film}: the process that read it was ended; is memory short?")
    except Exception as error:
        return EmotiondError(f"{job.film}: {type(error).__name__}: {error}")


def _obey_the_first() -> None:
    """Leave Ctrl-C to the process that began all this, and unwind where that one says so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)


def _end(*_: object) -> None:
    """Unwind, once: the pool tells all that are left again when the first is gone."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit()


def _study_until_told(job: VideoJob) -> VideoResult:
    """VideoResult a film; where that is to end, leave no half a copy, and take up no other film."""
    try:
        return analyze_video(job)
    except SystemExit:
        os._exit(1)
