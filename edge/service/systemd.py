"""systemd's notification protocol (sd_notify(3)), and what it is told of the pipeline."""

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


class SystemdNotifier:
    """Sends messages to systemd; does nothing where systemd did not ask for them.

    Args:
        address: of the socket; by default from the environment.
    """

    def __init__(self, address: str | None = None) -> None:
        address = os.environ.get("NOTIFY_SOCKET", "") if address is None else address
        # A leading @ stands for the NUL of Linux' abstract sockets.
        self._address = "\0" + address[1:] if address.startswith("@") else address

    def ready(self) -> None:
        """Report that the service is up."""
        self._send("READY=1")

    def reloading(self) -> None:
        """Report that the config is read again; `ready` ends that."""
        # systemd tells by the stamp whether READY=1 is of before or after.
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def status(self, text: str) -> None:
        """Set the line that `systemctl status` shows."""
        self._send(f"STATUS={text}")

    def watchdog(self) -> None:
        """Ping the watchdog."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Report that the service is ending."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection,
            contextlib.suppress(OSError),  # a service outlives its supervisor's socket
        ):
            connection.settimeout(SEND_TIMEOUT)
            connection.sendto(message.encode(), self._address)


class SystemdReporter:
    """Reports a pipeline to systemd: readiness once, health while it lasts, and its status.

    Args:
        notifier: sends the messages.
    """

    def __init__(self, notifier: SystemdNotifier) -> None:
        self._notifier = notifier
        self._began = time.monotonic()
        self._loading = "started"
        self._stalled: list[str] = []
        self._status = ""
        self._status_sent = 0.0

    @property
    def not_ready(self) -> bool:
        """Whether readiness is still to be reported."""
        return bool(self._loading)

    def begin_reload(self) -> None:
        """Report that the config is read again; readiness is to be reported anew."""
        self._began, self._loading = time.monotonic(), "reloaded"
        self._notifier.reloading()

    def update(self, pipeline: Pipeline) -> None:
        """Report what there is to report of the pipeline."""
        self._update_status(pipeline)
        if self._loading and pipeline.applied and pipeline.has_processed_frame:
            taken = time.monotonic() - self._began
            log.info("%s within %.1f s; %s", self._loading, taken, self._status)
            self._loading = ""
            self._notifier.ready()
        self._ping_watchdog(pipeline)

    def end(self) -> None:
        """Report that the service is ending."""
        self._notifier.stopping()

    def _ping_watchdog(self, pipeline: Pipeline) -> None:
        """Ping the watchdog unless something hangs: without pings systemd restarts the process."""
        stalled = pipeline.stalled()
        if not stalled:
            self._notifier.watchdog()
        elif stalled != self._stalled:
            log.error("nothing comes from %s for %.0f s", ", ".join(stalled), STALL_TIMEOUT)
        self._stalled = stalled

    def _update_status(self, pipeline: Pipeline) -> None:
        """Send the status when it changed, or the frame rate is due."""
        status, now = describe(pipeline), time.monotonic()
        if status == self._status and now - self._status_sent < STATUS_INTERVAL:
            return
        self._status, self._status_sent = status, now
        self._notifier.status(f"{status}; {pipeline.fps:.0f} fps")


def describe(pipeline: Pipeline) -> str:
    """Return the state of camera and sinks in one line."""
    parts = (f"camera {pipeline.source.state}", pipeline.sink_status)
    return "; ".join(part for part in parts if part)
