"""Real brokers for tests: Mosquitto where it is installed, else the embedded one."""

import getpass
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from edge.commands.embedded_broker import EmbeddedBroker, free_port

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


class Mosquitto:
    """A Mosquitto process that can be killed and started again on the same port.

    Args:
        directory: for its config and data.
        lines: added to its config.
    """

    host = "127.0.0.1"

    def __init__(self, directory: Path, lines: str = "allow_anonymous true") -> None:
        self.port = free_port()
        self._config = directory / "mosquitto.conf"
        # Started by root it would become a user who may not read the test's files.
        user = getpass.getuser()
        self._config.write_text(f"user {user}\nlistener {self.port} {self.host}\n{lines}\n")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Mosquitto":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        assert MOSQUITTO is not None
        command = [MOSQUITTO, "-c", str(self._config)]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        wait_until(lambda: listens(self.port))

    def reload(self) -> None:
        """Have it read its passwords and access list again."""
        self.signal(signal.SIGHUP)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; SIGSTOP freezes it with its connections."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Embedded(EmbeddedBroker):
    """The embedded broker, with the same two verbs."""

    def start(self) -> None:
        self.__enter__()

    def kill(self) -> None:
        self.__exit__()


Broker = Mosquitto | Embedded


def new_broker(directory: Path) -> Broker:
    """Return the best broker of this machine, not yet started."""
    return Mosquitto(directory) if MOSQUITTO else Embedded()


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def wait_until(condition: Callable[[], object], seconds: float = 15.0) -> None:
    """Wait for `condition()` to be true.

    Raises:
        AssertionError: it is not within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not true within {seconds} s"
        time.sleep(0.02)
