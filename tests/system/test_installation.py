from tests.system.camera import Camera
from tests.system.guest import Guest, read, run
from tests.system.installation import copy_checkout, install, release
from tests.system.listener import Listener
from tests.system.service import Service


def test_the_installer_leaves_it_running_and_enabled(guest: Guest, installed: None) -> None:
    assert run(guest, "systemctl is-enabled emotiond").strip() == "enabled"
    assert run(guest, "systemctl is-failed emotiond || true").strip() != "failed"
    assert run(guest, "emotiond --version").startswith("emotiond ")


def test_an_upgrade_takes_over_from_a_running_service_and_renames_old_keys(
    guest: Guest, camera: Camera, service: Service, listener: Listener
) -> None:
    service.configure(camera, {"keepalive": 31})  # as version 0.1 named it
    service.restart()
    before, config = release(guest), read(guest, service.config)
    listener.wait_for_events()
    done = install(guest, copy_checkout(guest, "77.1.0"))
    assert done.returncode == 0, done.stderr
    listener.wait_for_events()
    assert run(guest, "emotiond --version").strip() == "emotiond 77.1.0"
    assert run(guest, f"cat /proc/{service.pid}/cmdline").startswith(release(guest))
    assert run(guest, f"ls {before} 2>&1 || true").endswith("No such file or directory\n")
    assert read(guest, service.config) == config.replace("keepalive:", "keepalive_s:")
    assert read(guest, f"{service.config}.before-77.1.0") == config


def test_a_new_release_that_refuses_the_config_changes_nothing(
    guest: Guest, camera: Camera, service: Service, listener: Listener
) -> None:
    service.configure(camera, tracker={"min_iou": 0.3})
    service.restart()
    pid, releases = service.pid, run(guest, "ls /opt/emotiond; readlink /opt/emotiond/current")
    newer = copy_checkout(guest, "77.2.0")
    run(guest, f"grep -rlw min_iou {newer} | xargs sed -i 's/\\bmin_iou\\b/min_overlap/g'")
    done = install(guest, newer)
    assert done.returncode != 0
    assert "min_iou" in done.stderr
    assert run(guest, "ls /opt/emotiond; readlink /opt/emotiond/current") == releases
    assert service.pid == pid
    listener.wait_for_events()


def test_a_new_release_that_cannot_be_installed_changes_nothing(
    guest: Guest, service: Service, listener: Listener
) -> None:
    pid, releases = service.pid, run(guest, "ls /opt/emotiond; readlink /opt/emotiond/current")
    newer = copy_checkout(guest, "77.3.0")
    run(
        guest,
        f"sed -i 's/^dependencies = \\[/&\"a-package-that-is-nowhere\",/' {newer}/pyproject.toml",
    )
    assert install(guest, newer).returncode != 0
    assert run(guest, "ls /opt/emotiond; readlink /opt/emotiond/current") == releases
    assert service.pid == pid
    listener.wait_for_events()
