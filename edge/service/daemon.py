"""Main thread: start, watch over the pipeline, answer requests, report to systemd, stop."""

import contextlib
import ctypes
import gc
import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import cv2

from edge.config import Config
from edge.errors import EmotiondError, ExitCode
from edge.paths import atomic_write
from edge.pipeline.pipeline import STALL_TIMEOUT, Pipeline
from edge.service.cameras import Cameras
from edge.service.controller import Controller
from edge.service.retention import retention_thread
from edge.terminal import plural
from edge.types import Stats

TICK, STARTUP_TICK = 1.0, 0.05  # seconds between two looks at the pipeline; until it is ready
STATS_INTERVAL, STATUS_INTERVAL = 10.0, 10.0  # seconds between stats, frame rates of the status
TRIM_INTERVAL = 60.0  # seconds after which free memory is given back
SEND_TIMEOUT = 5.0  # seconds a message may wait for a busy supervisor, as in systemd's sd_notify
M_ARENA_MAX = -8  # option of mallopt(3): the number of heaps

log = logging.getLogger(__name__)


class Signals:
    """Signals that came since they were looked at."""

    def __init__(self) -> None:
        self.stop = self.reload = False  # SIGTERM or SIGINT; SIGHUP
        self.wake: Callable[[], None] = lambda: None  # called when one comes
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.reload |= number == signal.SIGHUP
        self.stop |= number != signal.SIGHUP
        self.wake()


class SystemdReporter:
    """Reports readiness, health and status to systemd's socket; without one it is mute."""

    def __init__(self, address: str | None = None) -> None:
        address = os.environ.get("NOTIFY_SOCKET", "") if address is None else address
        # A leading @ stands for the NUL of Linux' abstract sockets.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        # Held, so that the watchdog is fed even when there is no other descriptor left.
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if address else None
        self._began = time.monotonic()
        self.not_ready = "started"  # what readiness is still to be reported of
        self._stalled: list[str] = []
        self._status = ""
        self._status_sent = 0.0

    def begin_reload(self) -> None:
        """Report that the config is read again; readiness is to be reported anew."""
        self._began, self.not_ready = time.monotonic(), "reloaded"
        # systemd tells by the stamp whether READY=1 is of before or after.
        self.send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def end_reload(self, refusal: str) -> None:
        """Report what came of a reload, by a file also to the unit's waiting `ExecReload=`."""
        if refusal:  # else it is in force a little later
            self.not_ready = ""
            self.send("READY=1")
        if folder := os.environ.get("RUNTIME_DIRECTORY"):
            with contextlib.suppress(OSError):  # systemd then ends its wait as it would for a hang
                atomic_write(Path(folder) / "reload", refusal.encode())

    def update(self, *pipelines: Pipeline) -> None:
        """Report what there is to report of the pipelines of all cameras."""
        now = time.monotonic()
        parts: list[str | None] = [
            f"camera {f'{one.name} '.lstrip()}{one.source.state}" for one in pipelines
        ]
        parts += [one.sinks.status_text for one in pipelines[:1]]  # they have them in common
        status = "; ".join(part for part in parts if part)
        if status != self._status or now - self._status_sent >= STATUS_INTERVAL:
            self._status, self._status_sent = status, now
            self.send(f"STATUS={status}; {sum(one.fps for one in pipelines):.0f} fps")
        if self.not_ready and all(one.applied and one.has_processed_frame for one in pipelines):
            log.info("%s within %.1f s; %s", self.not_ready, now - self._began, status)
            self.not_ready = ""
            self.send("READY=1")
        # Without pings systemd restarts the process; of several cameras one that hangs is given up.
        stalled = [part for one in pipelines if not one.name for part in one.stalled()]
        if not stalled:
            self.send("WATCHDOG=1")
        elif stalled != self._stalled:
            log.error("nothing comes from %s for %.0f s", ", ".join(stalled), STALL_TIMEOUT)
        self._stalled = stalled

    def send(self, message: str) -> None:
        """Send a message of sd_notify(3), such as READY=1."""
        if self._socket is not None:
            self._socket.settimeout(SEND_TIMEOUT)
            with contextlib.suppress(OSError):  # a service outlives its supervisor's socket
                self._socket.sendto(message.encode(), self._address)


def run(path: Path, adjust: Callable[[Config], Config] = lambda config: config) -> ExitCode:
    """Run the daemon until its input ends, it is told to stop, or a stage fails, which is a FAULT.

    `adjust` is what the command line changes of whatever the config at `path` says.
    """
    cv2.setNumThreads(1)  # a stage is one thread, and what it takes is measured on it
    # Each thread would keep the memory of its frames for itself.
    _call_glibc("mallopt", M_ARENA_MAX, 1)
    signals, reporter = Signals(), SystemdReporter()
    controller = Controller(path, adjust=adjust)
    signals.wake = controller.commands.wake
    controller.cameras.start()
    # What is loaded by now stays to the end: collections need not go through it again and again.
    gc.collect()
    gc.freeze()
    with retention_thread(lambda: controller.config):
        _watch(controller, signals, reporter)
    reporter.update(*controller.cameras.pipelines)  # a film may be over before anybody looked
    reporter.send("STOPPING=1")
    return _end(controller.cameras)


def release_memory() -> None:
    """Give back free pages within the heap; by itself the C library gives back its end alone.

    An hour of faults left 9 MB of them behind, in steps; a call takes 1 to 18 ms (2026-11-30).
    """
    _call_glibc("malloc_trim", 0)


def _call_glibc(name: str, *arguments: int) -> None:
    if function := getattr(ctypes.CDLL(None), name, None):  # other C libraries have it not
        function(*arguments)


def _watch(controller: Controller, signals: Signals, reporter: SystemdReporter) -> None:
    """Answer requests, and look at the pipelines each second, until there is no more to watch."""
    due, now = 0.0, time.monotonic()
    stats_due, trim_due = now + STATS_INTERVAL, now + TRIM_INTERVAL
    cameras = controller.cameras
    while cameras.running and cameras.error is None:
        if signals.stop or controller.shutdown:
            return
        request = controller.commands.next(due - time.monotonic())
        if request is not None:
            controller.answer(request)
        if signals.reload:
            signals.reload = False
            reporter.begin_reload()
            reporter.end_reload(controller.reload())
        if time.monotonic() < due and not reporter.not_ready:
            continue
        due = time.monotonic() + (STARTUP_TICK if reporter.not_ready else TICK)
        reporter.update(*controller.cameras.pipelines)
        cameras.tick()
        if time.monotonic() >= stats_due:
            stats_due = time.monotonic() + STATS_INTERVAL
            for pipeline in cameras.pipelines:
                pipeline.publish_stats()
        if time.monotonic() >= trim_due:
            trim_due = time.monotonic() + TRIM_INTERVAL
            release_memory()


def _end(cameras: Cameras) -> ExitCode:
    in_time = cameras.stop()
    for name, camera in cameras.items():
        log.info("%s%s", f"camera {name}: " if name else "", summary(camera.pipeline.stats()))
    error = cameras.error
    if isinstance(error, EmotiondError):
        log.error("%s", error)
    elif error is not None:
        log.error("a stage failed", exc_info=error)
    if not in_time:
        log.error("some stages did not end in time and were left behind")
    failed_inputs = any(one.failed_inputs for one in cameras.pipelines)
    return ExitCode.FAULT if error or failed_inputs or not in_time else ExitCode.OK


def summary(stats: Stats) -> str:
    """Return the numbers in one line."""
    p50, p95 = (f"{1000 * value:.1f}" for value in stats.frame_latency or (0.0, 0.0))
    dropped = " ".join(f"{name}={count}" for name, count in stats.dropped.items())
    return (
        f"ended; {stats.fps_in:.1f} fps in, {stats.fps_out:.1f} out; "
        f"{plural(stats.frames, 'frame')}, {plural(stats.faces, 'face')} "
        f"({stats.rejected_faces} refused), {plural(stats.events, 'event')}; "
        f"latency p50 {p50} ms, p95 {p95} ms; dropped {dropped}"
    )
