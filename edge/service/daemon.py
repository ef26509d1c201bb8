"""Main thread: start, watch over the pipeline, answer requests, stop."""

import gc
import logging
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import cv2

from edge.config import Config
from edge.errors import EmotiondError, ExitCode
from edge.pipeline.pipeline import Pipeline
from edge.service.controller import Controller
from edge.service.systemd import SystemdReporter
from edge.types import Stats

TICK = 1.0
"""Seconds between two looks at the pipeline."""

STARTUP_TICK = 0.05
"""The same, for as long as it is not ready."""

STATS_INTERVAL = 10.0
"""Seconds between two stats."""

log = logging.getLogger(__name__)


class Signals:
    """Signals that came since they were looked at.

    Attributes:
        stop: SIGTERM or SIGINT came.
        reload: SIGHUP came.
        wake: called when one comes.
    """

    def __init__(self) -> None:
        self.stop = self.reload = False
        self.wake: Callable[[], None] = lambda: None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self.reload = True
        else:
            self.stop = True
        self.wake()


def run(path: Path, adjust: Callable[[Config], Config] = lambda config: config) -> ExitCode:
    """Run the daemon until its input ends, it is told to stop, or a stage fails.

    Args:
        path: of the config.
        adjust: what the command line changes of whatever the config says.

    Returns:
        FAULT when a stage failed or an input could not be read, else OK.

    Raises:
        ConfigError, ModelError: something the config names cannot be used.
        EmotiondError: a sink cannot do its work.
    """
    cv2.setNumThreads(1)  # a stage is one thread, and what it takes is measured on it
    signals, reporter = Signals(), SystemdReporter()
    controller = Controller(path, adjust=adjust)
    signals.wake = controller.commands.wake
    controller.pipeline.start()
    # What is loaded by now stays to the end: collections need not go through it again and again.
    gc.collect()
    gc.freeze()
    _watch(controller, signals, reporter)
    reporter.update(controller.pipeline)  # a film may be over before anybody looked
    reporter.end()
    return _end(controller.pipeline)


def _watch(controller: Controller, signals: Signals, reporter: SystemdReporter) -> None:
    """Answer requests, and look at the pipeline each second, until there is no more to watch."""
    pipeline, due, stats_due = controller.pipeline, 0.0, time.monotonic() + STATS_INTERVAL
    while pipeline.running and pipeline.error is None:
        if signals.stop or controller.shutdown:
            return
        request = controller.commands.next(due - time.monotonic())
        if request is not None:
            controller.answer(request)
        if signals.reload:
            signals.reload = False
            reporter.begin_reload()
            controller.reload()
        if time.monotonic() < due and not reporter.not_ready:
            continue
        due = time.monotonic() + (STARTUP_TICK if reporter.not_ready else TICK)
        reporter.update(pipeline)
        controller.tick()
        if time.monotonic() >= stats_due:
            stats_due = time.monotonic() + STATS_INTERVAL
            pipeline.publish_stats()


def _end(pipeline: Pipeline) -> ExitCode:
    in_time = pipeline.stop()
    log.info("%s", summary(pipeline.stats()))
    if isinstance(pipeline.error, EmotiondError):
        log.error("%s", pipeline.error)
    elif pipeline.error is not None:
        log.error("a stage failed", exc_info=pipeline.error)
    if not in_time:
        log.error("some stages did not end in time and were left behind")
    failed = pipeline.error is not None or pipeline.failed_inputs or not in_time
    return ExitCode.FAULT if failed else ExitCode.OK


def summary(stats: Stats) -> str:
    """Return the numbers in one line."""
    p50, p95 = (f"{1000 * value:.1f}" for value in stats.frame_latency or (0.0, 0.0))
    dropped = " ".join(f"{name}={count}" for name, count in stats.dropped.items())
    return (
        f"camera {stats.camera}; {stats.fps_in:.1f} fps in, {stats.fps_out:.1f} out; "
        f"{stats.frames} frames, {stats.faces} faces ({stats.rejected_faces} refused), "
        f"{stats.events} events; latency p50 {p50} ms, p95 {p95} ms; dropped {dropped}"
    )
