import json

import pytest

from tests.system.camera import Camera
from tests.system.guest import Guest, run, wait, write
from tests.system.listener import Listener
from tests.system.service import Service

READ = """
import glob, sqlite3
(path,) = glob.glob("/var/lib/private/emotiond/outbox-emotiond-guest@*.sqlite")
for (payload,) in sqlite3.connect(f'file:{path}?mode=ro', uri=True).execute('SELECT payload FROM event'):
    print(payload if isinstance(payload, str) else payload.decode())
"""


def _waiting(guest: Guest) -> set[str]:
    """Return the ids of the events on disk."""
    lines = run(guest, "python3 -", stdin=READ).splitlines()
    return {json.loads(line)["id"] for line in lines}


def test_events_arrive_at_a_subscriber(service: Service, listener: Listener) -> None:
    listener.wait_for_events(2)


def test_a_killed_daemon_comes_back(guest: Guest, service: Service, listener: Listener) -> None:
    pid = service.pid
    run(guest, f"kill -KILL {pid}")
    service.wait_for_another(pid, 20)
    assert service.seconds_to_restart < 7 * guest.slowness, "docs/install.md says 5, then it starts"
    listener.wait_for_events()


def test_what_was_recorded_outlives_a_kill_and_comes_once(
    guest: Guest, service: Service, listener: Listener
) -> None:
    listener.wait_for_events()
    run(guest, "systemctl stop mosquitto")
    wait(guest, lambda: len(_waiting(guest)) >= 3, 40)
    pid = service.pid
    run(guest, f"kill -KILL {pid}")
    waiting = _waiting(guest) - {one["id"] for one in listener.events()}
    service.wait_for_another(pid, 20)
    run(guest, "systemctl start mosquitto")
    wait(guest, lambda: {one["id"] for one in listener.events()} >= waiting, 40)
    heard = [one["id"] for one in listener.events()]
    assert [heard.count(id_) for id_ in waiting] == [1] * len(waiting)


def test_the_watchdog_replaces_a_stopped_process(
    guest: Guest, service: Service, listener: Listener
) -> None:
    service.shorten_watchdog()
    pid = service.pid
    run(guest, f"kill -STOP {pid}")
    service.wait_for_another(pid, 60)
    listener.wait_for_events()


@pytest.mark.parametrize("config", ["source: {kind: nothing}\n", "classifier: {model: missing}\n"])
def test_a_config_that_cannot_work_is_not_tried_again(
    guest: Guest, service: Service, config: str
) -> None:
    write(guest, service.config, config)
    assert (
        guest.execute(f"systemctl restart {service.unit}", "", 60 * guest.slowness).returncode != 0
    )
    assert service.show("ExecMainStatus") == "78"
    assert service.show("ActiveState") == "failed"  # else it would be activating, for the next try


def test_while_the_camera_is_away_the_watchdog_is_fed(
    guest: Guest, camera: Camera, service: Service
) -> None:
    seconds = service.shorten_watchdog()
    pid = service.pid
    camera.unplug()
    run(guest, f"sleep {1.5 * seconds}")
    assert (service.pid, service.is_active) == (pid, True)
