"""The camera of a Raspberry Pi: what it can be read through, and whether it is there."""

import importlib.util
import re
import subprocess
from collections.abc import Iterator

from edge.capture.picamera import PROGRAMS, PicameraBackend, PicameraSettings, find_program
from edge.doctor.result import CheckResult, Level

TIMEOUT = 20.0
"""Seconds that the program may take to list the cameras."""

ENTRY = re.compile(r"^\s*(\d+) : (.+)$", re.MULTILINE)
"""A line of `rpicam-vid --list-cameras`, such as "0 : imx708 [4608x2592 10-bit] (/base...)"."""

CABLE = (
    "check the ribbon cable at both ends and `camera_auto_detect=1` in /boot/firmware/config.txt"
)


def examine_picamera(settings: PicameraSettings) -> Iterator[CheckResult]:
    """Say through what the camera is read, and whether it is there. It is not opened."""
    subject = f"source picamera {settings.camera}"
    binding = importlib.util.find_spec("picamera2") is not None
    program = find_program()
    yield _examine_way(subject, settings.through, binding, program)
    if program is not None:
        yield _examine_list(subject, settings.camera, program)


def _examine_way(
    subject: str, through: PicameraBackend, binding: bool, program: str | None
) -> CheckResult:
    if binding and through is not PicameraBackend.PROGRAM:
        return CheckResult(Level.OK, subject, "is read through picamera2")
    if through is PicameraBackend.BINDING:
        remedy = (
            "sudo apt install python3-picamera2, and let the virtual environment see the system's "
            "packages (--system-site-packages), or set `through: rpicam-vid`"
        )
        return CheckResult(Level.FAILURE, subject, "picamera2 is not installed here", remedy)
    if program is None:
        remedy = "sudo apt install rpicam-apps"
        return CheckResult(Level.FAILURE, subject, f"{' or '.join(PROGRAMS)} is not there", remedy)
    return CheckResult(Level.OK, subject, f"is read through {program}")


def _examine_list(subject: str, camera: int, program: str) -> CheckResult:
    try:
        cameras = _list(program)
    except OSError as error:
        return CheckResult(Level.FAILURE, subject, str(error), f"try `{program} --list-cameras`")
    if camera in cameras:
        return CheckResult(Level.OK, subject, cameras[camera])
    others = ", ".join(f"{number} ({name})" for number, name in cameras.items())
    if others:
        text = f"is not there; there are {others}"
        return CheckResult(Level.FAILURE, subject, text, "set `camera` to one of them")
    return CheckResult(Level.FAILURE, subject, "no camera is found", CABLE)


def _list(program: str) -> dict[int, str]:
    """Return each camera's number and description.

    Raises:
        OSError: the program fails.
    """
    command = [program, "--list-cameras"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=True)
    except subprocess.SubprocessError as error:
        raise OSError(f"{program} does not list cameras: {error}") from error
    # By its version it tells them on one or the other.
    return {int(number): name for number, name in ENTRY.findall(done.stdout + done.stderr)}
