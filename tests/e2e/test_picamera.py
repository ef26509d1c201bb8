"""The daemon with a Raspberry Pi's camera, whose program is a stand-in."""

import os
import signal
from pathlib import Path

import pytest

from tests.brokers import wait_until
from tests.e2e.daemon import Daemon, read_events
from tests.rpicam_vid import install


class Pi:
    """A machine whose camera is filmed by a stand-in for rpicam-vid.

    Args:
        folder: where that is installed, and where all is kept that comes of it.
    """

    def __init__(self, folder: Path) -> None:
        self._diary = folder / "diary"
        self._folder = folder
        self.record = folder / "events.jsonl"
        self._programs = folder / "bin"
        self._programs.mkdir()
        install(self._programs)

    def run(self) -> Daemon:
        sinks = [{"kind": "jsonl", "path": str(self.record)}]
        path = f"{self._programs}:{os.environ['PATH']}"
        environment = {"PATH": path, "STANDIN_DIARY": str(self._diary)}
        return Daemon(self._folder, {"source": "picamera", "sinks": sinks}, environment)

    @property
    def program(self) -> int:
        """The process id of the program, as it last wrote it."""
        return int(self._diary.read_text().split()[0])

    @property
    def films(self) -> bool:
        return Path(f"/proc/{self.program}").exists()


@pytest.fixture
def pi(tmp_path: Path) -> Pi:
    return Pi(tmp_path)


def test_a_picamera_gives_events_is_found_again_and_is_let_go_at_the_end(pi: Pi) -> None:
    with pi.run() as daemon:
        wait_until(lambda: read_events(pi.record), seconds=60)
        os.kill(pi.program, signal.SIGKILL)
        daemon.wait_for("picamera 0: rpicam-vid ended with exit code -9; trying again")
        wait_until(lambda: daemon.log.count("picamera 0: frames are coming") == 2, seconds=40)
        assert daemon.stop() == 0
        assert not pi.films
    starts = [event for event in read_events(pi.record) if event["type"] == "start"]
    assert starts[0]["emotion"] == "neutral"


def test_a_daemon_that_is_killed_leaves_no_program_behind(pi: Pi) -> None:
    with pi.run() as daemon:
        daemon.wait_for("picamera 0: frames are coming", seconds=60)
    wait_until(lambda: not pi.films)
