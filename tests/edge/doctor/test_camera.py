"""Folders stand for /dev and /sys; who holds a node open is a real process."""

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.capture.camera import CameraSettings
from edge.doctor.camera import Places, examine_camera, video_nodes
from edge.doctor.result import CheckResult, Level
from edge.doctor.v4l2 import Capability, Format, Node, SizeRange
from tests.edge.doctor.findings import listed

VGA, HD = (640, 480), (1280, 720)
USB = "usb-0000:01:00.0-1.3"


def sizes(*each: tuple[int, int]) -> tuple[SizeRange, ...]:
    return tuple(SizeRange(size, size) for size in each)


WEBCAM = Node(
    Capability("uvcvideo", "HD Webcam", USB, 1),
    (Format("MJPG", sizes(VGA, HD)), Format("YUYV", sizes(VGA))),
)
METADATA = Node(Capability("uvcvideo", "HD Webcam", USB, None), ())


class Machine:
    """A /dev and /sys in a folder, whose nodes answer as they are told to."""

    def __init__(self, root: Path) -> None:
        self.places = Places(root / "dev", root / "sys", Path("/proc"))
        self.places.dev.mkdir()
        self.answers: dict[Path, Node | OSError] = {}

    def plug(self, number: int, answer: Node | OSError, name: str = "HD Webcam") -> Path:
        path = self.places.dev / f"video{number}"
        path.touch()
        path.chmod(0o660)
        folder = self.places.sys / "class" / "video4linux" / path.name
        folder.mkdir(parents=True)
        (folder / "name").write_text(f"{name}\n")
        self.answers[path] = answer
        return path

    def ask(self, path: Path) -> Node:
        answer = self.answers.get(
            path.resolve(), OSError(errno.ENOENT, "No such file or directory")
        )
        if isinstance(answer, OSError):
            raise answer
        return answer

    def found(self, device: int | str = 0, **asked: int) -> list[CheckResult]:
        settings = CameraSettings(device, **asked)
        return listed(examine_camera(settings, self.places, self.ask))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    # The user of these tests is given the rights that cameras have on Debian.
    monkeypatch.setattr("edge.doctor.camera.GROUP", tmp_path.group())
    return Machine(tmp_path)


def test_a_camera_that_can_be_opened_is_ok_with_its_formats(machine: Machine) -> None:
    path = machine.plug(0, WEBCAM)
    (finding,) = machine.found()
    assert (finding.level, finding.subject) == (Level.OK, f"source {path}")
    assert finding.text == f"HD Webcam (uvcvideo, {USB}): MJPG up to 1280x720; YUYV up to 640x480"


def test_other_nodes_are_listed_too_and_those_without_pictures_in_one_line(
    machine: Machine,
) -> None:
    for number, node in enumerate((METADATA, WEBCAM, METADATA, WEBCAM)):
        machine.plug(number, node)
    wanted, other, silent = machine.found(1)
    assert wanted.subject.endswith("video1")
    assert other.subject.endswith("video3")
    assert other.text.startswith("HD Webcam (uvcvideo, ")
    assert (silent.level, silent.text) == (Level.OK, "video0, video2: give no pictures")


def test_another_that_cannot_be_opened_is_no_concern_of_the_config(machine: Machine) -> None:
    machine.plug(0, WEBCAM)
    machine.plug(2, OSError(errno.EACCES, "Permission denied"), "Other Camera")
    _, other = machine.found()
    assert other.level is Level.OK
    assert "Other Camera: not the config's, and cannot be opened: Permission denied" in other.text


def test_a_driver_with_dozens_of_formats_gets_one_short_line(machine: Machine) -> None:
    names = [f"YUV{number}" for number in range(20)]
    machine.plug(0, camera("platform:vivid-000", *(Format(name, sizes(VGA)) for name in names)))
    (finding,) = machine.found()
    assert finding.text.endswith(": YUV0, YUV1, YUV2, YUV3 and 16 more up to 640x480")


def test_nodes_are_ordered_by_their_numbers(machine: Machine) -> None:
    paths = [machine.plug(number, WEBCAM) for number in (2, 10, 0)]
    (machine.places.dev / "video-dec0").touch()
    assert video_nodes(machine.places.dev) == [paths[2], paths[0], paths[1]]


def test_a_camera_that_is_not_there_is_a_failure_that_names_those_that_are(
    machine: Machine,
) -> None:
    path = machine.plug(1, WEBCAM, "Other Camera")
    missing, other = machine.found()
    assert missing.level is Level.FAILURE
    assert f"there are {path} (Other Camera)" in str(missing.remedy)
    assert "source: {kind: picamera}" in str(missing.remedy)
    assert other.level is Level.OK


def test_where_there_is_no_node_at_all_that_is_said(machine: Machine) -> None:
    (missing,) = machine.found()
    assert "there is no video node" in str(missing.remedy)


def test_a_camera_of_a_group_that_the_user_is_not_in_says_how_to_join_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "pi")
    machine.plug(0, OSError(errno.EACCES, "Permission denied"))
    (denied,) = machine.found()
    assert denied.level is Level.FAILURE
    assert f"sudo usermod -aG {machine.places.dev.group()} pi, and log in anew" in str(denied)


def test_a_file_that_is_no_camera_is_a_failure(machine: Machine) -> None:
    machine.plug(0, OSError(errno.ENOTTY, "Inappropriate ioctl for device"))
    (finding,) = machine.found()
    assert finding.level is Level.FAILURE
    assert str(finding.remedy).startswith("name a camera; there are ")


def test_a_node_without_pictures_is_a_failure_where_the_config_names_it(machine: Machine) -> None:
    machine.plug(0, METADATA)
    (finding,) = machine.found()
    assert finding.level is Level.FAILURE
    assert "name another in `source`" in str(finding)


def test_the_raw_sensor_of_a_raspberry_pi_is_a_failure_that_names_picamera(
    machine: Machine,
) -> None:
    raw = Format("pRAA", ())
    machine.plug(0, Node(Capability("unicam", "unicam", "platform:3f801000.csi", 1), (raw,)))
    (finding,) = machine.found()
    assert finding.level is Level.FAILURE
    assert "source: {kind: picamera}" in str(finding.remedy)


def test_a_size_that_it_does_not_offer_is_a_warning(machine: Machine) -> None:
    machine.plug(0, WEBCAM)
    _, warning = machine.found(width=800, height=600)
    assert warning.level is Level.WARNING
    assert "does not offer 800x600" in warning.text


def camera(bus: str, *formats: Format) -> Node:
    return Node(Capability("driver", "card", bus, 1), formats)


RAW = Format("YUYV", sizes(VGA))


@pytest.mark.parametrize(
    ("node", "fps", "warned"),
    [
        (camera(USB, RAW), 30, True),
        (camera(USB, RAW), 15, False),
        (camera(USB, RAW, Format("MJPG", sizes(HD))), 30, True),
        (camera(USB, RAW, Format("MJPG", sizes(VGA))), 30, False),
        (camera("platform:vivid-000", RAW), 30, False),
        (camera(USB, Format("YUYV", ())), 30, False),
    ],
)
def test_raw_pictures_that_usb_2_does_not_carry_are_a_warning(
    node: Node, fps: int, warned: bool, machine: Machine
) -> None:
    machine.plug(0, node)
    _, *warnings = machine.found(fps=fps)
    assert [warning.level for warning in warnings] == [Level.WARNING] * warned
    assert all("uncompressed alone" in warning.text for warning in warnings)


@contextmanager
def holding(program: str, path: Path) -> Iterator[int]:
    """Let a process have a file open."""
    with path.open() as file, subprocess.Popen([program, "60"], stdin=file) as process:
        try:
            yield process.pid
        finally:
            process.kill()


def test_who_else_has_it_open_is_a_warning_with_name_and_number(machine: Machine) -> None:
    path = machine.plug(0, WEBCAM)
    with holding("sleep", path) as pid:
        _, warning = machine.found()
    assert (warning.level, warning.text) == (Level.WARNING, f"held open by sleep ({pid})")


def test_a_daemon_that_uses_it_is_ok(machine: Machine, tmp_path: Path) -> None:
    path = machine.plug(0, WEBCAM)
    program = shutil.copy(str(shutil.which("sleep")), tmp_path / "emotiond")
    with holding(str(program), path) as pid:
        _, finding = machine.found()
    assert (finding.level, finding.text) == (Level.OK, f"in use by emotiond ({pid})")


def test_a_camera_that_one_alone_may_open_says_who_has_it(machine: Machine) -> None:
    path = machine.plug(0, OSError(errno.EBUSY, "Device or resource busy"))
    with holding("sleep", path) as pid:
        (busy,) = machine.found()
    assert busy.level is Level.FAILURE
    assert busy.remedy == f"end what uses it: sleep ({pid})"


@pytest.mark.parametrize(("mode", "warned"), [(0o660, False), (0o600, True), (0o640, True), (0o666, False)])  # fmt: skip
def test_root_is_told_of_a_camera_that_the_service_may_not_open(
    mode: int, warned: bool, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    path = machine.plug(0, WEBCAM)
    path.chmod(mode)
    _, *warnings = machine.found()
    assert len(warnings) == warned
    assert all("of the service may not" in warning.text for warning in warnings)


def test_a_group_other_than_that_of_cameras_is_told_of(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr("edge.doctor.camera.GROUP", "no-such-group")
    path = machine.plug(0, WEBCAM)
    _, warning = machine.found()
    assert f"sudo chgrp no-such-group {path}" in str(warning.remedy)


@pytest.mark.parametrize("named", [lambda link: 0, str])
def test_the_name_that_survives_replugging_is_offered_to_who_does_not_use_it(
    named: Callable[[Path], int | str], machine: Machine
) -> None:
    path = machine.plug(0, WEBCAM)
    link = machine.places.dev / "v4l" / "by-id" / "usb-HD_Webcam-video-index0"
    link.parent.mkdir(parents=True)
    link.symlink_to(path)
    device = named(link)
    _, *offers = machine.found(device)
    assert [str(link) in offer.text for offer in offers] == [True] * (device == 0)
    assert all(offer.level is Level.OK for offer in offers)
