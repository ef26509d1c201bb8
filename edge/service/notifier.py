"""systemd's notification protocol (sd_notify(3))."""

import contextlib
import os
import socket
import time

PATIENCE = 5.0
"""Seconds that a message may wait for a busy supervisor, as in systemd's own sd_notify."""


class SystemdNotifier:
    """Tells systemd how the service fares; does nothing where systemd did not ask.

    Args:
        address: of the socket; by default from the environment.
    """

    def __init__(self, address: str | None = None) -> None:
        address = os.environ.get("NOTIFY_SOCKET", "") if address is None else address
        # A leading @ stands for the NUL of Linux' abstract sockets.
        self._address = "\0" + address[1:] if address.startswith("@") else address

    def ready(self) -> None:
        """The service is up."""
        self._send("READY=1")

    def reloading(self) -> None:
        """The config is read again; `ready` ends that."""
        # systemd tells by the stamp whether READY=1 is of before or after.
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._send(f"STATUS={text}")

    def alive(self) -> None:
        """Feed the watchdog."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """The service is on its way down."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection,
            contextlib.suppress(OSError),  # a service outlives its supervisor's socket
        ):
            connection.settimeout(PATIENCE)
            connection.sendto(message.encode(), self._address)
