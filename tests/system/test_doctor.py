import json

from tests.system.camera import Camera
from tests.system.guest import Guest, run
from tests.system.service import Service

DOCTOR = "emotiond doctor --config /etc/emotiond/emotiond.yaml --json"


def test_the_doctor_finds_no_failure_beside_a_running_service(
    guest: Guest, service: Service
) -> None:
    findings = json.loads(run(guest, DOCTOR))
    assert [one for one in findings if one["level"] == "failure"] == []


def test_the_doctor_finds_a_camera_and_a_broker_that_are_away(
    guest: Guest, camera: Camera, service: Service
) -> None:
    camera.unplug()
    run(guest, "systemctl stop mosquitto")
    done = guest.execute(DOCTOR, "", 60 * guest.slowness)
    run(guest, "systemctl start mosquitto")
    wrong = [one for one in json.loads(done.stdout) if one["level"] != "ok"]
    assert done.returncode == 1
    assert all(one["remedy"] for one in wrong)
    assert {"broker", "source"} <= {one["subject"].split()[0] for one in wrong}
