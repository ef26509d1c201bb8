"""A network between client and broker that a test can cut, freeze and mend."""

import contextlib
import socket
import threading
from typing import Self

from edge.commands.embedded_broker import free_port


class Proxy:
    """Passes TCP connections on to a port of 127.0.0.1, while it is open.

    Args:
        target: the port behind it.
    """

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self._target = target
        self._server: socket.socket | None = None
        self._sockets: list[socket.socket] = []
        self._orphans: set[socket.socket] = set()
        self._flowing = threading.Event()
        self._flowing.set()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.thaw()
        self.cut()

    def open(self) -> None:
        """Let clients in."""
        self._server = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._server,), daemon=True).start()

    def cut(self) -> None:
        """End every connection and let nobody in."""
        for one in [self._server, *self._sockets]:
            if one is not None:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
        self._sockets = []

    def orphan(self) -> None:
        """End the clients' side of every connection; the broker's stays open and silent."""
        for client in self._sockets[::2]:
            self._orphans.add(client)
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def freeze(self) -> None:
        """Keep connections open and pass nothing on."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Pass on again, also what was held back."""
        self._flowing.set()

    def _accept(self, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client = server.accept()[0]
                broker = socket.create_connection(("127.0.0.1", self._target))
                self._sockets += [client, broker]
                for source, sink in ((client, broker), (broker, client)):
                    threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(4096):
                self._flowing.wait()
                sink.sendall(data)
            if source not in self._orphans:
                sink.shutdown(socket.SHUT_RDWR)
