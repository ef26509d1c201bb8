"""A camera that cannot be opened is named in the log as the doctor names it: absent, forbidden, busy."""

import errno
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from edge.capture.camera import CameraSettings
from edge.capture.reconnect import ReconnectingSource
from edge.capture.v4l2 import CAPABILITY, VIDIOC_QUERYCAP
from edge.doctor.machine import check_camera
from edge.errors import Level
from tests.brokers import wait_until
from tests.faults import fault

WITHOUT_ROOTS_RIGHTS = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


@contextmanager
def running(config: Path, log: Path, *before: str) -> Iterator[None]:
    with log.open("w") as file:
        command = [*before, sys.executable, "-m", "edge", "run", "--config", str(config)]
        process = subprocess.Popen(command, stderr=file)
    yield
    process.terminate()
    process.wait()


@fault(
    "camera",
    "is absent, forbidden, or in use",
    seen="one line with that cause, as the doctor names it",
    recovery="by itself, once it can be opened",
    lost="frames of the meantime",
)
@pytest.mark.parametrize("kind", ["absent", "forbidden", "no camera"])
def test_the_log_says_what_the_doctor_says(kind: str, tmp_path: Path) -> None:
    device, log, config = tmp_path / "video", tmp_path / "log", tmp_path / "emotiond.yaml"
    before: tuple[str, ...] = ()
    if kind != "absent":
        device.touch()
    if kind == "forbidden":
        if os.geteuid() == 0:
            before = WITHOUT_ROOTS_RIGHTS
            os.chown(device, 65534, 65534)
        device.chmod(0)
    source = {"kind": "camera", "device": str(device)}
    config.write_bytes(msgspec.json.encode({"source": source, "sinks": []}))
    with running(config, log, *before):
        wait_until(lambda: "trying again until it is back" in log.read_text(), 60)
    command = [*before, sys.executable, "-m", "edge", "doctor", "--json", "--config", str(config)]
    doctor = subprocess.run(command, capture_output=True, timeout=60, check=False)
    (said,) = (
        one
        for one in msgspec.json.decode(doctor.stdout)
        if one["subject"] == f"source {device}" and one["level"] == "failure"
    )
    reason = {"absent": "No such file", "forbidden": "Permission denied", "no camera": "ioctl"}
    assert reason[kind] in said["text"]
    expected = f"camera {device}: {said['text']}; {said['remedy']}; trying again until it is back"
    assert [line for line in log.read_text().splitlines() if line.endswith(expected)]


def answer_busy(file: int, request: int, data: bytearray) -> int:
    """Answer as the driver of a webcam that another program reads from."""
    if request == VIDIOC_QUERYCAP:
        data[:] = CAPABILITY.pack(b"uvcvideo", b"HD Webcam", b"usb-1", 0x060147, 1, 0)
        return 0
    if request & 0xFF == 8:  # VIDIOC_REQBUFS
        raise OSError(errno.EBUSY, "Device or resource busy")
    raise OSError(errno.EINVAL, "Invalid argument")


def test_a_camera_in_use_is_named_with_its_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    node = tmp_path / "video0"
    node.touch()
    program = shutil.copy(str(shutil.which("sleep")), tmp_path / "zoom")
    monkeypatch.setattr(fcntl, "ioctl", answer_busy)
    settings = CameraSettings(str(node))
    with node.open("rb") as held, subprocess.Popen([program, "60"], stdin=held) as zoom:
        try:
            ReconnectingSource(f"camera {node}", settings.open).read()
            used = f"zoom ({zoom.pid})"
            assert f"Device or resource busy; end what uses it: {used}; trying" in caplog.text
            said = [one for one in check_camera(settings) if one.level is Level.WARNING]
            assert used in said[0].text, "so the doctor names it"
        finally:
            zoom.kill()
