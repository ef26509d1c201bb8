import secrets
from collections.abc import Callable, Iterator

import pytest

from tests.system.camera import Camera
from tests.system.guest import Guest, run, write
from tests.system.listener import Listener
from tests.system.service import Service

PASSWORDS = "/etc/mosquitto/passwords"
LOCK = "/etc/mosquitto/conf.d/lock.conf"
CREDENTIAL = "/etc/emotiond/mqtt-password"


def test_a_restarted_broker_is_found_again_by_the_same_process(
    guest: Guest, service: Service, listener: Listener
) -> None:
    pid = service.pid
    listener.wait_for_events()
    run(guest, "systemctl restart mosquitto")
    listener.wait_for_events(2)
    assert service.pid == pid


@pytest.fixture
def password(guest: Guest, installed: None) -> Iterator[str]:
    """What the broker wants of user `edge`, kept where the service's credential is."""
    word = secrets.token_urlsafe()
    run(guest, f"touch {PASSWORDS} && mosquitto_passwd -b {PASSWORDS} edge {word}")
    write(guest, LOCK, f"allow_anonymous false\npassword_file {PASSWORDS}\n")
    write(guest, CREDENTIAL, f"{word}\n")
    run(guest, f"chmod 600 {CREDENTIAL}; systemctl restart mosquitto")
    yield word
    run(guest, f"rm {LOCK} {PASSWORDS} {CREDENTIAL}; systemctl restart mosquitto")


def test_the_password_reaches_the_daemon_alone(
    guest: Guest,
    password: str,
    camera: Camera,
    service: Service,
    listen: Callable[[str], Listener],
) -> None:
    service.configure(camera, {"user": "edge", "password": {"credential": "mqtt-password"}})
    service.restart()
    listen(f"--username edge --pw {password}").wait_for_events()
    assert password not in run(guest, f"systemctl show {service.unit}")
    assert password not in run(
        guest, f"cat /proc/{service.pid}/environ /proc/{service.pid}/cmdline"
    )
    assert password not in str(service.journal())


def test_a_refused_password_is_told_without_the_password(
    guest: Guest, password: str, camera: Camera, service: Service
) -> None:
    write(guest, CREDENTIAL, "another-word\n")
    service.configure(camera, {"user": "edge", "password": {"credential": "mqtt-password"}})
    service.restart()
    service.wait_for_warning("localhost:1883")
    assert "another-word" not in str(service.journal())
