"""Notifications to systemd: what it is told of the pipeline, by sd_notify(3)."""

import contextlib
import logging
import os
import socket
import time

from edge.pipeline.pipeline import STALL_TIMEOUT, Pipeline

SEND_TIMEOUT = 5.0
"""Seconds that a message may wait for a busy supervisor, as in systemd's own sd_notify."""

STATUS_INTERVAL = 10.0
"""Seconds between updates of the frame rate; the rest of the status is sent when it changes."""

log = logging.getLogger(__name__)


class SystemdReporter:
    """Reports a pipeline to systemd: readiness once, health while it lasts, and its status.

    Args:
        address: of systemd's socket; by default from the environment. Without one, nothing is sent.
    """

    def __init__(self, address: str | None = None) -> None:
        address = os.environ.get("NOTIFY_SOCKET", "") if address is None else address
        # A leading @ stands for the NUL of Linux' abstract sockets.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._began = time.monotonic()
        self._loading = "started"
        self._stalled: list[str] = []
        self._status = ""
        self._status_sent = 0.0

    @property
    def not_ready(self) -> bool:
        """Tell whether readiness is still to be reported."""
        return bool(self._loading)

    def begin_reload(self) -> None:
        """Report that the config is read again; readiness is to be reported anew."""
        self._began, self._loading = time.monotonic(), "reloaded"
        # systemd tells by the stamp whether READY=1 is of before or after.
        self.send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def update(self, pipeline: Pipeline) -> None:
        """Report what there is to report of the pipeline."""
        status, now = describe(pipeline), time.monotonic()
        if status != self._status or now - self._status_sent >= STATUS_INTERVAL:
            self._status, self._status_sent = status, now
            self.send(f"STATUS={status}; {pipeline.fps:.0f} fps")
        if self._loading and pipeline.applied and pipeline.has_processed_frame:
            log.info("%s within %.1f s; %s", self._loading, now - self._began, status)
            self._loading = ""
            self.send("READY=1")
        self._ping_watchdog(pipeline)

    def end(self) -> None:
        """Report that the service is ending."""
        self.send("STOPPING=1")

    def send(self, message: str) -> None:
        """Send a message of sd_notify(3), such as READY=1."""
        if not self._address:
            return
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection,
            contextlib.suppress(OSError),  # a service outlives its supervisor's socket
        ):
            connection.settimeout(SEND_TIMEOUT)
            connection.sendto(message.encode(), self._address)

    def _ping_watchdog(self, pipeline: Pipeline) -> None:
        """Ping the watchdog unless something hangs: without pings systemd restarts the process."""
        stalled = pipeline.stalled()
        if not stalled:
            self.send("WATCHDOG=1")
        elif stalled != self._stalled:
            log.error("nothing comes from %s for %.0f s", ", ".join(stalled), STALL_TIMEOUT)
        self._stalled = stalled


def describe(pipeline: Pipeline) -> str:
    """Return the state of camera and sinks in one line."""
    parts = (f"camera {pipeline.source.state}", pipeline.sink_status)
    return "; ".join(part for part in parts if part)
