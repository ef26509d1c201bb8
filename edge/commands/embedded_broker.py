"""A small MQTT broker, for machines that have none.

Run as a program, `python -m edge.commands.embedded_broker PORT`, it serves until its input ends.
"""

import asyncio
import logging
import socket
import subprocess
import sys
import time
from contextlib import suppress
from importlib.util import find_spec
from typing import Self

from edge.errors import EmotiondError
from edge.paths import extra_remedy

HOST = "127.0.0.1"
START_SECONDS = 15.0  # how long the broker may take to listen


class EmbeddedBroker:
    """An MQTT 3.1.1 broker on a free port of 127.0.0.1, for as long as the `with` block lasts.

    It takes everybody without a password, keeps nothing, and is a process of its own.
    """

    def __init__(self) -> None:
        if find_spec("amqtt") is None:
            raise EmotiondError(f"the embedded broker is not installed; {extra_remedy('broker')}")
        self.host, self.port = HOST, free_port()

    def __enter__(self) -> Self:
        # In a session of its own: Ctrl-C is for this program. It ends with its input, in any case.
        command = [sys.executable, "-m", __name__, str(self.port)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError), socket.create_connection((self.host, self.port), timeout=1):
                return self
            time.sleep(0.05)
        self.__exit__()
        raise EmotiondError(f"the embedded broker did not start at {self.host}:{self.port}")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()


def free_port(port: int = 0) -> int:
    """Return a port of 127.0.0.1 that nobody listens on: this one, else an OSError is raised."""
    with socket.create_server((HOST, port)) as server:
        return int(server.getsockname()[1])


async def _serve(port: int) -> None:
    from amqtt.broker import Broker

    config = {
        "listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }
    await Broker(config).start()
    await asyncio.to_thread(sys.stdin.buffer.read)


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL)
    asyncio.run(_serve(int(sys.argv[1])))
