from tests.system.camera import Camera
from tests.system.guest import Guest, run, wait
from tests.system.listener import Listener
from tests.system.service import Service


def test_a_bad_config_fails_the_reload_and_the_old_one_goes_on(
    guest: Guest, camera: Camera, service: Service, listener: Listener
) -> None:
    pid = service.pid
    service.configure(camera, tracker={"min_iou": 7})
    done = guest.execute(f"systemctl reload {service.unit}", "", 60 * guest.slowness)
    assert done.returncode != 0
    assert any("min_iou" in line["MESSAGE"] for line in service.journal())
    listener.wait_for_events()
    assert service.pid == pid


def test_a_secret_that_the_daemon_has_not_fails_the_reload_with_the_reason(
    guest: Guest, camera: Camera, service: Service, listener: Listener
) -> None:
    pid = service.pid
    service.configure(camera, {"user": "edge", "password": {"credential": "nosuch"}})
    done = guest.execute(f"systemctl reload {service.unit}", "", 60 * guest.slowness)
    assert done.returncode != 0
    assert "nosuch" in run(guest, f"systemctl status --no-pager {service.unit}")
    service.configure(camera)
    run(guest, f"systemctl reload {service.unit}")
    listener.wait_for_events()
    assert service.pid == pid


def test_a_good_config_is_in_force_in_the_same_process(
    guest: Guest, camera: Camera, service: Service, listener: Listener
) -> None:
    pid = service.pid
    service.configure(camera, classifier={"model": "tiny-int8"})
    run(guest, f"systemctl reload {service.unit}")
    wait(guest, lambda: "tiny-int8" in {event["model"] for event in listener.events()}, 30)
    assert service.pid == pid


def test_another_device_name_is_in_force_in_the_same_process_and_the_former_is_cleared(
    guest: Guest, camera: Camera, service: Service, listener: Listener
) -> None:
    pid = service.pid
    service.configure(camera, {"device": "porch"})
    run(guest, f"systemctl reload {service.unit}")
    listener.wait_for_events(device="porch")
    assert service.pid == pid
    cleared = {one.topic for one in listener.heard() if not one.payload}
    assert cleared >= {f"emotiond/guest/{name}" for name in ("availability", "state", "stats")}
