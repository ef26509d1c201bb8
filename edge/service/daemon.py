"""The main thread: start, watch over the stages, answer requests, stop."""

import logging
import signal
import threading
import time
from pathlib import Path

import cv2

from edge.errors import EmotiondError, ExitCode
from edge.pipeline import Pipeline
from edge.records import Stats
from edge.service.controller import Controller
from edge.service.notify import Notifier

TICK = 1.0
REPORT_TICKS = 10
LOG_TICKS = 60
"""Health is looked at each second, reported to the sinks every 10, logged every 60."""

log = logging.getLogger(__name__)


def run(path: Path) -> ExitCode:
    """Run the daemon until its input ends, it is told to stop, or a stage fails.

    Args:
        path: of the config.

    Returns:
        FAULT when a stage failed or an input could not be read, else OK.

    Raises:
        ConfigError, ModelError: something the config names cannot be used.
        EmotiondError: a sink cannot do its work.
    """
    cv2.setNumThreads(1)  # a stage is one thread, and what it takes is measured on it
    stopping = threading.Event()
    controller = Controller(path)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: _stop(stopping, controller))
    notifier = Notifier()
    controller.start()
    notifier.ready()
    _watch(controller, stopping, notifier)
    notifier.stopping()
    return _end(controller.pipeline)


def _stop(stopping: threading.Event, controller: Controller) -> None:
    stopping.set()
    controller.desk.wake()


def _watch(controller: Controller, stopping: threading.Event, notifier: Notifier) -> None:
    """Answer requests, and look at the pipeline each second, until there is no more to watch."""
    ticks, due, stalled = 0, time.monotonic() + TICK, list[str]()
    while _goes_on(controller.pipeline) and not stopping.is_set():
        request = controller.desk.next(due - time.monotonic())
        if request is not None:
            controller.answer(request)
        if time.monotonic() < due:
            continue
        ticks, due = ticks + 1, time.monotonic() + TICK
        stalled = _feed_watchdog(controller.pipeline, notifier, stalled)
        controller.tick()
        if ticks % REPORT_TICKS == 0:
            controller.pipeline.report()
            notifier.status(summary(controller.pipeline.stats()))
        if ticks % LOG_TICKS == 0:
            log.info("%s", summary(controller.pipeline.stats()))


def _goes_on(pipeline: Pipeline) -> bool:
    return pipeline.running and pipeline.error is None


def _feed_watchdog(pipeline: Pipeline, notifier: Notifier, before: list[str]) -> list[str]:
    """Feed the watchdog unless a stage hangs; return those that do."""
    stalled = pipeline.stalled()
    if not stalled:
        notifier.alive()
    elif stalled != before:
        # Unfed, the watchdog ends the process, and systemd starts a fresh one.
        log.error("no heartbeat from %s", ", ".join(stalled))
    return stalled


def _end(pipeline: Pipeline) -> ExitCode:
    in_time = pipeline.stop()
    log.info("%s", summary(pipeline.stats()))
    _tell(pipeline.error)
    if not in_time:
        log.error("some stages did not end in time and were left behind")
    failed = pipeline.error is not None or pipeline.failed_inputs or not in_time
    return ExitCode.FAULT if failed else ExitCode.OK


def _tell(error: Exception | None) -> None:
    if isinstance(error, EmotiondError):
        log.error("%s", error)
    elif error is not None:
        log.error("a stage failed", exc_info=error)


def summary(stats: Stats) -> str:
    """Return the numbers in one line."""
    p50, p95 = (f"{1000 * value:.1f}" for value in stats.frame_latency or (0.0, 0.0))
    dropped = " ".join(f"{name}={count}" for name, count in stats.dropped.items())
    return (
        f"camera {stats.camera}; {stats.fps_in:.1f} fps in, {stats.fps_out:.1f} out; "
        f"{stats.frames} frames, {stats.faces} faces ({stats.refused} refused), "
        f"{stats.events} events; latency p50 {p50} ms, p95 {p95} ms; dropped {dropped}"
    )
