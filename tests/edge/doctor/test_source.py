"""Folders stand for /dev and /sys, a script for rpicam-vid; who holds a node open is a real process."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import pytest

from edge.capture import SourceSettings
from edge.capture.camera import CameraSettings
from edge.capture.images import ImagesSettings
from edge.capture.picamera import Backend, PicameraSettings
from edge.capture.stream import StreamSettings
from edge.capture.v4l2 import Format, SizeRange, VideoNode, processes_using, video_nodes
from edge.capture.video import VideoSettings
from edge.commands.demo import CLIP
from edge.commands.embedded_broker import free_port
from edge.doctor.checks import check_picamera, check_source
from edge.doctor.machine import check_camera
from edge.errors import CheckResult, Level
from edge.types import Image
from tests.edge.doctor.results import listed, only


def source_result(settings: SourceSettings) -> CheckResult:
    return only(check_source(settings))


def test_a_film_that_can_be_read_is_ok_with_the_size_of_its_pictures() -> None:
    result = source_result(VideoSettings(CLIP))
    assert (result.level, result.subject) == (Level.OK, f"source {CLIP}")
    assert result.text == "gives images of 640x480"


def test_a_film_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    result = source_result(VideoSettings(tmp_path / "none.mp4"))
    assert result.level is Level.FAILURE
    assert "a service cannot read into a home" in str(result.remedy)


def test_a_folder_without_pictures_is_a_failure(tmp_path: Path) -> None:
    result = source_result(ImagesSettings(tmp_path))
    assert result.level is Level.FAILURE
    assert "found none" in result.text


def test_a_folder_of_which_one_picture_is_broken_is_ok(tmp_path: Path, clip: list[Image]) -> None:
    (tmp_path / "a.png").write_bytes(b"broken")
    assert "a.png" in source_result(ImagesSettings(tmp_path)).text
    cv2.imwrite(str(tmp_path / "b.png"), clip[0])
    assert source_result(ImagesSettings(tmp_path)).level is Level.OK


def test_a_stream_that_does_not_answer_is_a_failure_and_its_password_never_shown() -> None:
    url = f"http://user:secret@127.0.0.1:{free_port()}/live?token=secret"
    result = source_result(StreamSettings(url))
    assert result.level is Level.FAILURE
    assert result.subject.startswith("source http://127.0.0.1:")
    assert "secret" not in str(result)
    assert str(result).endswith("nothing listens there; check the port in `url`, and the camera")


@pytest.mark.parametrize(
    ("settings", "subject"), [(CameraSettings(250), "source /dev/video250"), (PicameraSettings(9), "source picamera 9")]
)  # fmt: skip
def test_each_kind_of_camera_is_looked_at_by_its_own_means(
    settings: SourceSettings, subject: str
) -> None:
    first, *_ = listed(check_source(settings))
    assert (first.level, first.subject) == (Level.FAILURE, subject)


VGA, HD = (640, 480), (1280, 720)
USB = "usb-0000:01:00.0-1.3"


def sizes(*each: tuple[int, int]) -> tuple[SizeRange, ...]:
    return tuple(SizeRange(size, size) for size in each)


WEBCAM = VideoNode(
    *("uvcvideo", "HD Webcam", USB, True),
    (Format("MJPG", sizes(VGA, HD)), Format("YUYV", sizes(VGA))),
)
METADATA = VideoNode("uvcvideo", "HD Webcam", USB, False, ())


class Machine:
    """A /dev and /sys in a folder, whose nodes answer as they are told to."""

    def __init__(self, root: Path) -> None:
        self.root, self.dev = root, root / "dev"
        self.dev.mkdir()
        (root / "proc").symlink_to("/proc")
        self.answers: dict[Path, VideoNode | OSError] = {}

    def plug(self, number: int, answer: VideoNode | OSError, name: str = "HD Webcam") -> Path:
        path = self.dev / f"video{number}"
        path.touch()
        path.chmod(0o660)
        folder = self.root / "sys" / "class" / "video4linux" / path.name
        folder.mkdir(parents=True)
        (folder / "name").write_text(f"{name}\n")
        self.answers[path] = answer
        return path

    def query(self, path: Path) -> VideoNode:
        answer = self.answers.get(
            path.resolve(), OSError(errno.ENOENT, "No such file or directory")
        )
        if isinstance(answer, OSError):
            raise answer
        return answer

    def results(self, device: int | str = 0, **asked: Any) -> list[CheckResult]:
        settings = CameraSettings(device, **asked)
        return listed(check_camera(settings, self.root, self.query))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    # The user of these tests is given the rights that cameras have on Debian.
    monkeypatch.setattr("edge.doctor.machine.GROUP", tmp_path.group())
    return Machine(tmp_path)


def test_a_camera_that_can_be_opened_is_ok_with_its_formats(machine: Machine) -> None:
    path = machine.plug(0, WEBCAM)
    (result,) = machine.results()
    assert (result.level, result.subject) == (Level.OK, f"source {path}")
    assert result.text == f"HD Webcam (uvcvideo, {USB}): MJPG up to 1280x720; YUYV up to 640x480"


def test_other_nodes_are_listed_too_and_those_without_pictures_in_one_line(
    machine: Machine,
) -> None:
    for number, node in enumerate((METADATA, WEBCAM, METADATA, WEBCAM)):
        machine.plug(number, node)
    wanted, other, silent = machine.results(1)
    assert wanted.subject.endswith("video1")
    assert other.subject.endswith("video3")
    assert other.text.startswith("HD Webcam (uvcvideo, ")
    assert (silent.level, silent.text) == (Level.OK, "video0, video2: give no images")


def test_another_camera_that_cannot_be_opened_is_no_concern_of_the_config(machine: Machine) -> None:
    machine.plug(0, WEBCAM)
    machine.plug(2, OSError(errno.EACCES, "Permission denied"), "Other Camera")
    _, other = machine.results()
    assert other.level is Level.OK
    assert "Other Camera: not the config's, and cannot be opened: Permission denied" in other.text


def test_a_driver_with_dozens_of_formats_gets_one_short_line(machine: Machine) -> None:
    names = [f"YUV{number}" for number in range(20)]
    machine.plug(0, node_with("platform:vivid-000", *(Format(name, sizes(VGA)) for name in names)))
    (result,) = machine.results()
    assert result.text.endswith("; YUV3 up to 640x480; 16 more")


def test_nodes_are_ordered_by_their_numbers(machine: Machine) -> None:
    paths = [machine.plug(number, WEBCAM) for number in (2, 10, 0)]
    (machine.dev / "video-dec0").touch()
    assert video_nodes(machine.root) == [paths[2], paths[0], paths[1]]


def test_a_camera_that_is_not_there_is_a_failure_that_names_those_that_are(
    machine: Machine,
) -> None:
    path = machine.plug(1, WEBCAM, "Other Camera")
    missing, other = machine.results()
    assert missing.level is Level.FAILURE
    assert f"there are {path} (Other Camera)" in str(missing.remedy)
    assert "source: {kind: picamera}" in str(missing.remedy)
    assert other.level is Level.OK


def test_where_there_is_no_video_node_at_all_that_is_said(machine: Machine) -> None:
    (missing,) = machine.results()
    assert "there is no video node" in str(missing.remedy)


def test_a_camera_of_a_group_that_the_user_is_not_in_says_how_to_join_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "pi")
    machine.plug(0, OSError(errno.EACCES, "Permission denied"))
    (denied,) = machine.results()
    assert denied.level is Level.FAILURE
    assert f"sudo usermod -aG {machine.dev.group()} pi, and log in anew" in str(denied)


def test_a_file_that_is_no_camera_is_a_failure(machine: Machine) -> None:
    machine.plug(0, OSError(errno.ENOTTY, "Inappropriate ioctl for device"))
    (result,) = machine.results()
    assert result.level is Level.FAILURE
    assert str(result.remedy).startswith("name a camera; there are ")


def test_a_node_without_pictures_is_a_failure_where_the_config_names_it(machine: Machine) -> None:
    machine.plug(0, METADATA)
    (result,) = machine.results()
    assert result.level is Level.FAILURE
    assert "name another in `source`" in str(result)


def test_the_raw_sensor_of_a_raspberry_pi_is_a_failure_that_names_picamera(
    machine: Machine,
) -> None:
    raw = Format("pRAA", ())
    machine.plug(0, VideoNode("unicam", "unicam", "platform:3f801000.csi", True, (raw,)))
    (result,) = machine.results()
    assert result.level is Level.FAILURE
    assert "source: {kind: picamera}" in str(result.remedy)


def test_a_size_that_it_does_not_offer_is_a_warning(machine: Machine) -> None:
    machine.plug(0, WEBCAM)
    _, warning = machine.results(width=800, height=600)
    assert warning.level is Level.WARNING
    assert "does not offer 800x600" in warning.text


def node_with(bus: str, *formats: Format) -> VideoNode:
    return VideoNode("driver", "card", bus, True, formats)


RAW = Format("YUYV", sizes(VGA))


@pytest.mark.parametrize(
    ("node", "fps", "warned"),
    [
        (node_with(USB, RAW), 30, True),
        (node_with(USB, RAW), 15, False),
        (node_with(USB, RAW, Format("MJPG", sizes(HD))), 30, True),
        (node_with(USB, RAW, Format("MJPG", sizes(VGA))), 30, False),
        (node_with("platform:vivid-000", RAW), 30, False),
        (node_with(USB, Format("YUYV", ())), 30, False),
    ],
)
def test_raw_pictures_that_usb_2_does_not_carry_are_a_warning(
    node: VideoNode, fps: int, warned: bool, machine: Machine
) -> None:
    machine.plug(0, node)
    _, *warnings = machine.results(fps=fps)
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
        _, warning = machine.results()
    assert (warning.level, warning.text) == (Level.WARNING, f"held open by sleep ({pid})")


def test_a_daemon_that_uses_it_is_ok(machine: Machine, tmp_path: Path) -> None:
    path = machine.plug(0, WEBCAM)
    program = shutil.copy(str(shutil.which("sleep")), tmp_path / "emotiond")
    with holding(str(program), path) as pid:
        _, result = machine.results()
    assert (result.level, result.text) == (Level.OK, f"in use by emotiond ({pid})")


def test_a_camera_that_one_alone_may_open_says_who_has_it(machine: Machine) -> None:
    path = machine.plug(0, OSError(errno.EBUSY, "Device or resource busy"))
    with holding("sleep", path) as pid:
        (busy,) = machine.results()
    assert busy.level is Level.FAILURE
    assert busy.remedy == f"end what uses it: sleep ({pid})"


@pytest.mark.parametrize(("mode", "warned"), [(0o660, False), (0o600, True), (0o640, True), (0o666, False)])  # fmt: skip
def test_root_is_told_of_a_camera_that_the_service_may_not_open(
    mode: int, warned: bool, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    path = machine.plug(0, WEBCAM)
    path.chmod(mode)
    _, *warnings = machine.results()
    assert len(warnings) == warned
    assert all("of the service may not" in warning.text for warning in warnings)


def test_a_group_other_than_that_of_cameras_is_told_of(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr("edge.doctor.machine.GROUP", "no-such-group")
    path = machine.plug(0, WEBCAM)
    _, warning = machine.results()
    assert f"sudo chgrp no-such-group {path}" in str(warning.remedy)


@pytest.mark.parametrize("named", [lambda link: 0, str])
def test_the_name_that_survives_replugging_is_offered_to_who_does_not_use_it(
    named: Callable[[Path], int | str], machine: Machine
) -> None:
    path = machine.plug(0, WEBCAM)
    link = machine.dev / "v4l" / "by-id" / "usb-HD_Webcam-video-index0"
    link.parent.mkdir(parents=True)
    link.symlink_to(path)
    device = named(link)
    _, *offers = machine.results(device)
    assert [str(link) in offer.text for offer in offers] == [True] * (device == 0)
    assert all(offer.level is Level.OK for offer in offers)


def test_a_process_that_has_a_file_open_is_named_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    with path.open() as file, subprocess.Popen(["sleep", "60"], stdin=file) as process:
        found = processes_using(path)
        process.kill()
    assert found == [f"sleep ({process.pid})"]


def test_a_process_that_has_it_open_under_another_name_is_found_too(tmp_path: Path) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    path.touch()
    link.symlink_to(path)
    with link.open() as file, subprocess.Popen(["sleep", "60"], stdin=file) as process:
        found = processes_using(path)
        process.kill()
    assert len(found) == 1


def test_the_process_that_asks_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("w"):
        assert processes_using(path) == []


def test_a_file_that_is_not_there_is_used_by_none(tmp_path: Path) -> None:
    assert processes_using(tmp_path / "none") == []


def test_a_process_that_ends_meanwhile_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    (tmp_path / "proc" / "1234567").mkdir(parents=True)
    assert processes_using(path, tmp_path) == []


LISTED = """Available cameras
-----------------
0 : imx708 [4608x2592 10-bit RGGB] (/base/soc/i2c0mux/i2c@1/imx708@1a)
    Modes: 'SRGGB10_CSI2P' : 1536x864 [120.13 fps - (768, 432)/3072x1728 crop]
                             2304x1296 [56.03 fps - (0, 0)/4608x2592 crop]
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the only one in which programs are looked for."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def install_program(
    programs: Path, answer: str = LISTED, code: int = 0, name: str = "rpicam-vid"
) -> Path:
    path = programs / name
    path.write_text(f'#!/bin/sh\n[ $1 = --list-cameras ] || exit 9\necho "{answer}"\nexit {code}\n')
    path.chmod(0o755)
    return path


def picamera_results(camera: int = 0, backend: Backend = "auto") -> list[CheckResult]:
    return listed(check_picamera(PicameraSettings(camera, backend=backend)))


@pytest.mark.parametrize("name", ["rpicam-vid", "libcamera-vid"])
def test_a_camera_that_the_program_lists_is_ok(name: str, programs: Path) -> None:
    path = install_program(programs, name=name)
    way, camera = picamera_results()
    assert (way.level, way.text) == (Level.OK, f"is read through {path}")
    assert camera.level is Level.OK
    assert camera.text.startswith("imx708 [4608x2592 10-bit RGGB]")


def test_another_number_is_a_failure_that_names_those_there_are(programs: Path) -> None:
    install_program(programs)
    _, camera = picamera_results(1)
    assert camera.level is Level.FAILURE
    assert camera.text.startswith("is not there; there are 0 (imx708 ")


def test_no_camera_at_all_is_a_matter_of_the_cable(programs: Path) -> None:
    install_program(programs, "No cameras available!")
    _, camera = picamera_results()
    assert camera.level is Level.FAILURE
    assert "ribbon cable" in str(camera.remedy)


def test_a_program_that_fails_is_a_failure(programs: Path) -> None:
    install_program(programs, code=255)
    _, camera = picamera_results()
    assert camera.level is Level.FAILURE
    assert "exit status 255" in camera.text


def test_where_nothing_is_installed_it_is_said_what_to_install(programs: Path) -> None:
    (way,) = picamera_results()
    assert (way.level, way.remedy) == (Level.FAILURE, "sudo apt install rpicam-apps")


def test_a_binding_that_the_config_asks_for_and_is_not_there_is_a_failure(programs: Path) -> None:
    install_program(programs)
    way, _ = picamera_results(backend="picamera2")
    assert way.level is Level.FAILURE
    assert "python3-picamera2" in str(way.remedy)


@pytest.mark.parametrize(
    ("backend", "text"),
    [
        ("auto", "picamera2"),
        ("picamera2", "picamera2"),
        ("rpicam-vid", "rpicam-vid"),
    ],
)
def test_a_binding_that_is_there_goes_before_the_program_unless_the_config_says_otherwise(
    backend: Backend, text: str, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_program(programs)
    monkeypatch.setitem(sys.modules, "picamera2", ModuleType("picamera2"))
    way, _ = picamera_results(backend=backend)
    assert (way.level, way.text.endswith(text)) == (Level.OK, True)


def test_a_binding_that_cannot_be_imported_leaves_it_to_the_program(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = install_program(programs)
    (programs / "picamera2.py").write_text("raise ValueError('numpy.dtype size changed')")
    monkeypatch.syspath_prepend(str(programs))
    way, _ = picamera_results()
    assert (way.level, way.text) == (Level.OK, f"is read through {path}")
