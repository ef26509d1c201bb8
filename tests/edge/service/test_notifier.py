import socket
import time
from pathlib import Path

import pytest

from edge.service.systemd import SystemdNotifier


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_hears_each_message_on_its_socket(tmp_path: Path, abstract: bool) -> None:
    address = f"@emotiond-{tmp_path.name}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + address[1:] if abstract else address)
        systemd.settimeout(5)
        notifier = SystemdNotifier(address)
        notifier.ready()
        notifier.status("all is well")
        notifier.watchdog()
        notifier.stopping()
        received = [systemd.recv(100).decode() for _ in range(4)]
    assert received == ["READY=1", "STATUS=all is well", "WATCHDOG=1", "STOPPING=1"]


def test_a_reload_carries_the_moment_at_which_it_began(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(5)
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        SystemdNotifier(str(tmp_path / "notify")).reloading()
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        first, second = systemd.recv(100).decode().splitlines()
    assert first == "RELOADING=1"
    assert before <= int(second.removeprefix("MONOTONIC_USEC=")) <= after


def test_without_systemd_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    opened = list[object]()
    monkeypatch.setattr(socket, "socket", lambda *kind: opened.append(kind))
    notifier = SystemdNotifier()
    notifier.ready()
    notifier.status("up")
    notifier.watchdog()
    assert opened == []


def test_a_socket_that_is_gone_does_not_end_the_service(tmp_path: Path) -> None:
    SystemdNotifier(str(tmp_path / "gone")).watchdog()
