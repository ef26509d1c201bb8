from tests.system.camera import Camera
from tests.system.guest import CHECKOUT, Guest, run
from tests.system.installation import files
from tests.system.listener import Listener
from tests.system.service import Service

KEPT = ("/etc/emotiond", "/var/lib/emotiond", "/var/lib/private/emotiond")


def test_uninstall_leaves_configs_and_state_alone(
    guest: Guest, pristine: frozenset[str], camera: Camera, service: Service
) -> None:
    camera.unplug()  # it runs by what is installed
    run(guest, f"{CHECKOUT}/systemd/uninstall")
    left = files(guest) - pristine
    assert left >= {service.config, *KEPT}
    assert [path for path in sorted(left) if not path.startswith(KEPT)] == []
    assert run(guest, "systemctl list-units --no-legend 'emotiond*'") == ""


def test_uninstall_with_purge_leaves_nothing(
    guest: Guest, pristine: frozenset[str], camera: Camera, service: Service, listener: Listener
) -> None:
    heard = {one.topic for one in listener.heard() if one.payload}
    assert heard > {f"emotiond/guest/{name}" for name in ("availability", "state")}
    camera.unplug()
    run(guest, f"{CHECKOUT}/systemd/uninstall --purge")
    topics = "--topic 'emotiond/guest/#' --topic 'homeassistant/device/emotiond_guest/#'"
    retained = run(guest, f"timeout 3 mosquitto_sub --retained-only {topics} --verbose || true")
    assert retained == "", "no broker and no Home Assistant remembers the device"
    assert sorted(files(guest) - pristine) == []
    assert sorted(pristine - files(guest)) == []
