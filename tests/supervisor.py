"""What stands for systemd: the socket that a service tells it by (sd_notify(3))."""

import socket
from pathlib import Path
from typing import Self


class Supervisor:
    """Hears what is told over a notification socket, for as long as the `with` block lasts.

    Args:
        address: of the socket.

    Attributes:
        environment: what systemd sets for a service.
        heard: all messages so far.
    """

    def __init__(self, address: Path) -> None:
        self.address = str(address)
        self.environment = {"NOTIFY_SOCKET": self.address}
        self.heard: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def hear(self, text: str) -> str:
        """Wait for the next message that begins so.

        Raises:
            TimeoutError: nothing comes any more.
        """
        self._socket.settimeout(20)
        while True:
            self.heard.append(self._socket.recv(4096).decode())
            if self.heard[-1].startswith(text):
                return self.heard[-1]

    def listen(self) -> list[str]:
        """Return everything that was told so far, without waiting."""
        self._socket.setblocking(False)
        while True:
            try:
                self.heard.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return self.heard
