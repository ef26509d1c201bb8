"""The main thread: start, watch over the stages, stop."""

import logging
import signal
import threading

import cv2

from edge.config import Config
from edge.errors import EmotiondError, ExitCode
from edge.pipeline import Pipeline, build_pipeline
from edge.records import Stats
from edge.service.notify import Notifier

TICK = 1.0
REPORT_TICKS = 10
LOG_TICKS = 60
"""Health is looked at each second, reported to the sinks every 10, logged every 60."""

log = logging.getLogger(__name__)


def run(config: Config) -> ExitCode:
    """Run the daemon until its input ends, it is told to stop, or a stage fails.

    Returns:
        FAULT when a stage failed or an input could not be read, else OK.

    Raises:
        ConfigError, ModelError: something the config names cannot be used.
    """
    cv2.setNumThreads(1)  # a stage is one thread, and what it takes is measured on it
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    notifier = Notifier()
    pipeline = build_pipeline(config)
    pipeline.start()
    notifier.ready()
    _watch(pipeline, stopping, notifier)
    notifier.stopping()
    return _end(pipeline)


def _watch(pipeline: Pipeline, stopping: threading.Event, notifier: Notifier) -> None:
    """Look at the pipeline each second until there is nothing more to watch."""
    ticks, stalled = 0, list[str]()
    while pipeline.running and pipeline.error is None and not stopping.wait(TICK):
        ticks += 1
        stalled = _feed_watchdog(pipeline, notifier, stalled)
        if ticks % REPORT_TICKS == 0:
            pipeline.report()
            notifier.status(summary(pipeline.stats()))
        if ticks % LOG_TICKS == 0:
            log.info("%s", summary(pipeline.stats()))


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
    source = "online" if stats.online else "away"
    return (
        f"source {source}; {stats.fps_in:.1f} fps in, {stats.fps_out:.1f} out; "
        f"{stats.frames} frames, {stats.faces} faces ({stats.refused} refused), "
        f"{stats.events} events; latency p50 {p50} ms, p95 {p95} ms; dropped {dropped}"
    )
