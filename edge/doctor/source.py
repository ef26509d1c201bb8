"""Checks of the source: cameras, a Raspberry Pi's camera, streams, videos and images."""

import errno
import importlib.util
import os
import re
import stat
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from grp import getgrgid
from pathlib import Path

from edge.capture import EndOfStream, Source, SourceSettings
from edge.capture.camera import CameraSettings
from edge.capture.picamera import PROGRAMS, PicameraBackend, PicameraSettings, find_program
from edge.doctor import CheckResult, failure, ok, warning
from edge.doctor.machine import user_name
from edge.doctor.v4l2 import Format, VideoNode, query_node
from edge.errors import SourceError

STREAM_REMEDY = (
    "check the address, its user and password, and whether others play it; the daemon tries again "
    "until it answers"
)

FILE_REMEDY = "let `path` name a file that can be read; a service cannot read into a home"


def check_source(settings: SourceSettings) -> Iterator[CheckResult]:
    """Check the source; an image is read, but of a camera, which the daemon may be using."""
    match settings:
        case CameraSettings():
            yield from check_camera(settings)
        case PicameraSettings():
            yield from check_picamera(settings)
        case _:
            remedy = STREAM_REMEDY if settings.is_live else FILE_REMEDY
            yield _read_image(f"source {settings.location}", settings.open, remedy)


def _read_image(subject: str, open_source: Callable[[], Source], remedy: str) -> CheckResult:
    """Read one image; a source that fails says so within its own limits of time."""
    try:
        source = open_source()
        try:
            while (frame := source.read()) is None:
                pass
        finally:
            source.close()
    except SourceError as error:
        return failure(subject, str(error), remedy)
    except EndOfStream:
        return failure(subject, "holds no image", remedy)
    height, width = frame.image.shape[:2]
    return ok(subject, f"gives images of {width}x{height}")


# Cameras that are video nodes.

MAX_USB2_PIXELS = 640 * 480 * 30
"""Pixels a second from which uncompressed images do not fit USB 2 (edge/capture/camera.py)."""

COMPRESSED = frozenset({"MJPG", "JPEG"})

MAX_NAMED_FORMATS = 4
"""Formats of one size that a line names; some drivers have dozens."""

RAW_SENSOR_DRIVERS = frozenset({"unicam", "rp1-cfe"})
"""Drivers of a Raspberry Pi's camera port: raw values of the sensor, which libcamera develops."""

PICAMERA_HINT = "a camera at a Raspberry Pi's own port is read by `source: {kind: picamera}`"

GROUP = "video"
"""Whose members may open cameras, on Debian and under the unit."""


@dataclass(frozen=True, slots=True)
class SystemPaths:
    """Directories in which the kernel and udev list devices and processes."""

    dev: Path = Path("/dev")
    sys: Path = Path("/sys")
    proc: Path = Path("/proc")


def check_camera(
    settings: CameraSettings,
    paths: SystemPaths = SystemPaths(),
    query: Callable[[Path], VideoNode] = query_node,
) -> Iterator[CheckResult]:
    """Check the config's camera, and list the others.

    No image is captured, so that a daemon that uses the camera is not disturbed.
    """
    device = settings.device
    path = paths.dev / f"video{device}" if isinstance(device, int) else Path(device)
    others = [node for node in video_nodes(paths.dev) if node.resolve() != path.resolve()]
    yield from _check_configured(path, settings, paths, query)
    yield from _list_others(others, paths, query)


def video_nodes(dev: Path) -> list[Path]:
    """Return every video node, by its number."""
    nodes = (path for path in dev.glob("video*") if path.name[5:].isdecimal())
    return sorted(nodes, key=lambda path: int(path.name[5:]))


def _check_configured(
    path: Path, settings: CameraSettings, paths: SystemPaths, query: Callable[[Path], VideoNode]
) -> Iterator[CheckResult]:
    subject = f"source {path}"
    try:
        node = query(path)
    except OSError as error:
        remedy = _open_remedy(error, path, paths)
        yield failure(subject, f"cannot be opened: {error.strerror}", remedy)
        return
    if not node.captures or node.driver in RAW_SENSOR_DRIVERS:
        text = f"{node.title}: gives no images that can be shown"
        yield failure(subject, text, f"name another in `source`; {PICAMERA_HINT}")
        return
    yield ok(subject, f"{node.title}: {_format_names(node.formats)}")
    yield from _check_size(subject, node, settings)
    yield from _check_other_processes(subject, path, paths)
    yield from _check_group(subject, path)
    yield from _suggest_stable_name(subject, path, paths)


def _list_others(
    nodes: list[Path], paths: SystemPaths, query: Callable[[Path], VideoNode]
) -> Iterator[CheckResult]:
    """Name the other cameras, a line each, and all nodes that are none in one."""
    without_images = []
    for path in nodes:
        try:
            node = query(path)
        except OSError as error:
            text = f"{_label(path, paths)}: not the config's, and cannot be opened: "
            yield ok(f"camera {path}", f"{text}{error.strerror}")
            continue
        if node.captures:
            text = f"{node.title}: not the config's: {_format_names(node.formats)}"
            yield ok(f"camera {path}", text)
        else:
            without_images.append(path.name)
    if without_images:
        yield ok("camera", f"{', '.join(without_images)}: give no images")


def _open_remedy(error: OSError, path: Path, paths: SystemPaths) -> str:
    names = [f"{node} ({_label(node, paths)})" for node in video_nodes(paths.dev)]
    choice = f"there are {', '.join(names)}" if names else "there is no video node"
    match error.errno:
        case errno.EACCES | errno.EPERM:
            add = f"sudo usermod -aG {_group(path)} {user_name()}"
            return f"{add}, and log in anew; the service is in the group {GROUP} by itself"
        case errno.EBUSY:
            users = "".join(f": {one}" for one in processes_using(path, paths.proc))
            return f"end what uses it{users}"
        case errno.ENOENT | errno.ENXIO | errno.ENODEV:
            return f"plug it in, or name another; {choice}; {PICAMERA_HINT}"
    return f"name a camera; {choice}"


def _label(node: Path, paths: SystemPaths) -> str:
    """Return what the kernel calls a node, without opening it."""
    try:
        return (paths.sys / "class/video4linux" / node.name / "name").read_text().strip()
    except OSError:
        return "without a name"


def _group(path: Path) -> str:
    try:
        return getgrgid(path.stat().st_gid).gr_name
    except (OSError, KeyError):
        return GROUP


def _format_names(formats: tuple[Format, ...]) -> str:
    """Name the formats by the largest size they come in; first the one that the daemon asks for."""
    by_size: dict[str, list[str]] = {}
    for one in sorted(formats, key=lambda one: one.fourcc not in COMPRESSED):
        size = ""
        if one.sizes:
            width, height = max((each.largest for each in one.sizes), key=lambda wh: wh[0] * wh[1])
            size = f" up to {width}x{height}"
        by_size.setdefault(size, []).append(one.fourcc)
    parts = []
    for size, names in by_size.items():
        more = len(names) - MAX_NAMED_FORMATS
        shown = ", ".join(names[:MAX_NAMED_FORMATS]) + (f" and {more} more" if more > 0 else "")
        parts.append(f"{shown}{size}")
    return "; ".join(parts) or "no format named"


def _check_size(subject: str, node: VideoNode, settings: CameraSettings) -> Iterator[CheckResult]:
    """Warn where images cannot come as they are asked for."""
    width, height = settings.width, settings.height
    offered = {one.fourcc for one in node.formats if one.offers(width, height)}
    if not offered and any(one.sizes for one in node.formats):
        text = f"does not offer {width}x{height}; it will give the nearest it has"
        yield warning(subject, text, "set `width` and `height` to a size it offers")
    fits_usb2 = width * height * settings.fps < MAX_USB2_PIXELS
    if offered and not COMPRESSED & offered and node.bus.startswith("usb-") and not fits_usb2:
        text = f"has {width}x{height} uncompressed alone; over USB 2 that is too much for "
        remedy = "set a size that it has as MJPG, or fewer `fps`"
        yield warning(subject, f"{text}{settings.fps} images a second", remedy)


def _check_other_processes(subject: str, path: Path, paths: SystemPaths) -> Iterator[CheckResult]:
    """Say who has the camera open; two cannot capture from it at once."""
    for process in processes_using(path, paths.proc):
        if process.startswith("emotiond "):
            yield ok(subject, f"in use by {process}")
        else:
            remedy = "end it if the daemon cannot open the camera"
            yield warning(subject, f"held open by {process}", remedy)


def _check_group(subject: str, path: Path) -> Iterator[CheckResult]:
    """Root may open any node; the service, whose users are others, by its group alone."""
    if os.geteuid() != 0:
        return
    mode = path.stat().st_mode
    shared = _group(path) == GROUP and mode & stat.S_IRGRP and mode & stat.S_IWGRP
    if not shared and not mode & stat.S_IWOTH:
        text = f"root may open it, the group {GROUP} of the service may not"
        remedy = f"sudo chgrp {GROUP} {path} && sudo chmod 660 {path}, and have udev do so"
        yield warning(subject, text, remedy)


def _suggest_stable_name(subject: str, path: Path, paths: SystemPaths) -> Iterator[CheckResult]:
    """Suggest a name that stays where a number may change when the camera is plugged in again."""
    if path.is_symlink():
        return
    for link in sorted((paths.dev / "v4l/by-id").glob("*")):
        if link.resolve() == path.resolve():
            yield ok(subject, f"`device: {link}` names the same camera, and survives replugging")
            return


def processes_using(path: Path, proc: Path) -> list[str]:
    """Return name and number of each other process that has the file at `path` open (proc(5)).

    Those of other users are seen by root alone.
    """
    found = []
    for process in sorted(proc.glob("[0-9]*")):
        try:
            links = (process / "fd").iterdir()
            is_other = process.name != str(os.getpid())
            if is_other and any(link.samefile(path) for link in links if link.exists()):
                found.append(f"{(process / 'comm').read_text().strip()} ({process.name})")
        except OSError:  # it has ended, or is another user's
            continue
    return found


# The camera at a Raspberry Pi's own port.

LIST_SECONDS = 20.0
"""How long the program may take to list the cameras."""

LISTED_CAMERA = re.compile(r"^\s*(\d+) : (.+)$", re.MULTILINE)
"""A line of `rpicam-vid --list-cameras`, such as "0 : imx708 [4608x2592 10-bit] (/base...)"."""

CABLE_REMEDY = (
    "check the ribbon cable at both ends and `camera_auto_detect=1` in /boot/firmware/config.txt"
)


def check_picamera(settings: PicameraSettings) -> Iterator[CheckResult]:
    """Check what the camera is read through, and that it is there. It is not opened."""
    subject = f"source picamera {settings.camera}"
    program = find_program()
    yield _check_backend(subject, settings.backend, program)
    if program is not None:
        yield _check_listed(subject, settings.camera, program)


def _check_backend(subject: str, backend: PicameraBackend, program: str | None) -> CheckResult:
    installed = importlib.util.find_spec("picamera2") is not None
    if installed and backend is not PicameraBackend.PROGRAM:
        return ok(subject, "is read through picamera2")
    if backend is PicameraBackend.BINDING:
        remedy = (
            "sudo apt install python3-picamera2, and let the virtual environment see the system's "
            "packages (--system-site-packages), or set `backend: rpicam-vid`"
        )
        return failure(subject, "picamera2 is not installed here", remedy)
    if program is None:
        text = f"{' or '.join(PROGRAMS)} is not there"
        return failure(subject, text, "sudo apt install rpicam-apps")
    return ok(subject, f"is read through {program}")


def _check_listed(subject: str, camera: int, program: str) -> CheckResult:
    command = [program, "--list-cameras"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=LIST_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        text = f"{program} does not list cameras: {error}"
        return failure(subject, text, f"try `{' '.join(command)}`")
    # By its version it lists them on one or the other.
    found = dict(LISTED_CAMERA.findall(done.stdout + done.stderr))
    cameras = {int(number): name for number, name in found.items()}
    if camera in cameras:
        return ok(subject, cameras[camera])
    others = ", ".join(f"{number} ({name})" for number, name in cameras.items())
    if others:
        text = f"is not there; there are {others}"
        return failure(subject, text, "set `camera` to one of them")
    return failure(subject, "no camera is found", CABLE_REMEDY)
