from collections.abc import Iterator

import pytest

from tests.system.guest import Guest, run
from tests.system.listener import Listener
from tests.system.service import Service

STATE = "/var/lib/private/emotiond"


@pytest.fixture
def small_disk(guest: Guest, service: Service) -> Iterator[None]:
    """Have the state lie on a disk of 512 KiB, and nothing in it yet."""
    run(guest, f"systemctl stop {service.unit}; mount -t tmpfs -o size=512k tmpfs {STATE}")
    service.restart()
    yield
    run(guest, f"systemctl stop {service.unit}; umount {STATE}")


def test_events_arrive_though_the_disk_is_full(
    guest: Guest, service: Service, small_disk: None, listener: Listener
) -> None:
    pid = service.pid
    run(guest, f"cat /dev/zero > {STATE}/ballast || true")
    listener.wait_for_events(4)
    assert [
        line["MESSAGE"]
        for line in service.journal("--priority=warning")
        if "full" in line["MESSAGE"]
    ]
    assert service.pid == pid


def test_it_starts_with_a_full_disk(
    guest: Guest, service: Service, small_disk: None, listener: Listener
) -> None:
    run(guest, f"systemctl stop {service.unit}; cat /dev/zero > {STATE}/ballast || true")
    service.restart()
    listener.wait_for_events(2)
