"""One booted system for all tests, and a running emotiond, as good as new, for each."""

from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from tests.system import machine
from tests.system.camera import Camera, Stream, Webcam
from tests.system.guest import CommandFailed, Guest, run
from tests.system.installation import files, install
from tests.system.listener import Listener
from tests.system.service import Service

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip all of these tests where there is nothing to boot, a line a file."""
    kind = machine.chosen()
    reason = machine.obstacle(kind) if kind else "a system is booted by `make test-system` alone"
    if reason is not None:
        for item in items:
            if item.path.is_relative_to(HERE):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """A booted Debian."""
    booted = machine.boot(machine.chosen() or "", tmp_path_factory.mktemp("guest"))
    yield booted
    booted.close()


@pytest.fixture(scope="session")
def pristine(guest: Guest) -> frozenset[str]:
    """Every file that there was before emotiond was installed."""
    return files(guest)


@pytest.fixture
def installed(guest: Guest, pristine: frozenset[str]) -> None:
    """See that emotiond is installed."""
    if guest.execute("test -e /opt/emotiond/current", "", 60).returncode != 0:
        done = install(guest)
        if done.returncode != 0:
            raise CommandFailed("systemd/install", done)


@pytest.fixture
def camera(guest: Guest, installed: None) -> Iterator[Camera]:
    """A camera that is there."""
    camera = Webcam(guest) if guest.has_cameras else Stream(guest)
    camera.plug()
    yield camera
    camera.unplug()


@pytest.fixture
def service(guest: Guest, camera: Camera) -> Iterator[Service]:
    """emotiond, started afresh, watching the camera and sending to the guest's Mosquitto."""
    run(guest, "systemctl start mosquitto")  # whatever a test before left behind
    service = Service(guest)
    service.configure(camera)
    service.restart()
    yield service
    service.close()


@pytest.fixture
def listen(guest: Guest) -> Iterator[Callable[..., Listener]]:
    """Makes listeners; they go with the test."""
    listeners: list[Listener] = []

    def make(login: str = "") -> Listener:
        listeners.append(Listener(guest, login))
        return listeners[-1]

    yield make
    for listener in listeners:
        listener.close()


@pytest.fixture
def listener(listen: Callable[..., Listener]) -> Listener:
    """One who hears all that emotiond publishes."""
    return listen()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the guest's journal with what failed."""
    report = yield
    guest = getattr(item, "funcargs", {}).get("guest")
    if report.failed and guest is not None:
        journal = guest.execute("journalctl --no-pager --lines=60", "", 60).stdout
        report.sections.append(("journal of the guest", journal))
    return report
