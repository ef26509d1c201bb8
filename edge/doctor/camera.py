"""Checks of cameras that are video nodes, by V4L2.

No image is captured and nothing is changed, so that a daemon that uses the camera is not disturbed.
Numbers and layouts of V4L2 are those of linux/videodev2.h, which never change. `v4l2-ctl` is not on
every machine, and linuxpy 0.25 leaves out multi-planar nodes, formats that it does not know, and
ranges of sizes.
"""

import errno
import fcntl
import os
import stat
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from edge.capture.camera import CameraSettings
from edge.doctor.machine import user_name
from edge.errors import CheckResult, failure, ok, warning

CAPABILITY = struct.Struct("=16s32s32sIII12x")
"""struct v4l2_capability: driver, card, bus_info, version, capabilities, device_caps."""

FORMAT = struct.Struct("=III32sI16x")
"""struct v4l2_fmtdesc: index, type, flags, description, pixelformat."""

FRAME_SIZE = struct.Struct("=IIIIIIIII8x")
"""struct v4l2_frmsizeenum: index, pixel_format, type, and two or six numbers of a union."""

VIDIOC_QUERYCAP = 0x8068_5600
VIDIOC_ENUM_FMT = 0xC040_5602
VIDIOC_ENUM_FRAMESIZES = 0xC02C_564A

CAP_DEVICE_CAPS = 0x8000_0000

CAPTURE_BUFFERS = ((0x1, 1), (0x1000, 9))
"""V4L2_CAP_VIDEO_CAPTURE and V4L2_CAP_VIDEO_CAPTURE_MPLANE, each with its type of buffers."""

FRMSIZE_TYPE_DISCRETE = 1

BIG_ENDIAN = 0x8000_0000
"""The bit that v4l2_fourcc_be() sets."""

MAX_ITEMS = 256
"""Formats, or sizes of one, that are asked for; some driver might never end the list."""

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

ROOT = Path("/")
"""Directory of the `dev`, `sys` and `proc` in which devices and processes are listed."""


class SizeRange(NamedTuple):
    """Sizes of one format in pixels, from the smallest to the largest; the same where it is one."""

    smallest: tuple[int, int]
    largest: tuple[int, int]


class Format(NamedTuple):
    """A pixel format: its name of four letters, such as "MJPG", and sizes if the driver tells."""

    fourcc: str
    sizes: tuple[SizeRange, ...]

    def offers(self, width: int, height: int) -> bool:
        """Tell whether it comes in that size; steps within a range are passed over."""
        return any(
            small[0] <= width <= large[0] and small[1] <= height <= large[1]
            for small, large in self.sizes
        )


class VideoNode(NamedTuple):
    """A video node.

    Attributes:
        driver: the kernel's module.
        card: the name of the device.
        bus: where it is plugged in, such as "usb-0000:00:14.0-1".
        captures: whether images can be captured from it.
        formats: of those images.
    """

    driver: str
    card: str
    bus: str
    captures: bool
    formats: tuple[Format, ...]

    @property
    def title(self) -> str:
        """Card, driver and bus."""
        return f"{self.card} ({self.driver}, {self.bus})"


def query_node(path: Path) -> VideoNode:
    """Ask a video node what it is. It is opened for reading and writing, as a daemon opens it.

    Raises:
        OSError: it cannot be opened, or is no V4L2 node.
    """
    file = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        answer = _ioctl(file, VIDIOC_QUERYCAP, CAPABILITY, b"", b"", b"", 0, 0, 0)
        *names, _, of_device, of_node = answer
        driver, card, bus = (name.partition(b"\0")[0].decode("utf-8", "replace") for name in names)
        # A device with several nodes tells of all of them, and of this one apart.
        flags = of_node if of_device & CAP_DEVICE_CAPS else of_device
        buffers = next((buffers for flag, buffers in CAPTURE_BUFFERS if flags & flag), None)
        formats = () if buffers is None else tuple(_formats(file, buffers))
        return VideoNode(driver, card, bus, buffers is not None, formats)
    finally:
        os.close(file)


def _ioctl(file: int, request: int, layout: struct.Struct, *question: object) -> tuple[Any, ...]:
    data = bytearray(layout.pack(*question))
    fcntl.ioctl(file, request, data)
    return layout.unpack(data)


def _formats(file: int, buffers: int) -> Iterator[Format]:
    """Yield each format, up to the first index that is refused: there the list ends."""
    with suppress(OSError):
        for index in range(MAX_ITEMS):
            *_, code = _ioctl(file, VIDIOC_ENUM_FMT, FORMAT, index, buffers, 0, b"", 0)
            letters = (code & ~BIG_ENDIAN).to_bytes(4, "little").decode("ascii", "replace").strip()
            fourcc = f"{letters}-BE" if code & BIG_ENDIAN else letters
            yield Format(fourcc, tuple(_sizes(file, code)))


def _sizes(file: int, code: int) -> Iterator[SizeRange]:
    with suppress(OSError):
        for index in range(MAX_ITEMS):
            question = index, code, *[0] * 7
            _, _, kind, *numbers = _ioctl(file, VIDIOC_ENUM_FRAMESIZES, FRAME_SIZE, *question)
            if kind != FRMSIZE_TYPE_DISCRETE:
                # Minimum, maximum and step of the width, then the height (v4l2_frmsize_stepwise).
                yield SizeRange((numbers[0], numbers[3]), (numbers[1], numbers[4]))
                return  # one range tells of all
            yield SizeRange((numbers[0], numbers[1]), (numbers[0], numbers[1]))


def check_camera(
    settings: CameraSettings,
    root: Path = ROOT,
    query: Callable[[Path], VideoNode] = query_node,
) -> Iterator[CheckResult]:
    """Check the config's camera, and list the others; `query` tells what a node is."""
    device = settings.device
    path = root / f"dev/video{device}" if isinstance(device, int) else Path(device)
    others = [node for node in video_nodes(root) if node.resolve() != path.resolve()]
    try:
        node = query(path)
    except OSError as error:
        remedy = _open_remedy(error, path, root)
        yield failure(f"source {path}", f"cannot be opened: {error.strerror}", remedy)
    else:
        yield from _check_node(path, node, settings, root)
    yield from _list_others(others, root, query)


def video_nodes(root: Path = ROOT) -> list[Path]:
    """Return every video node, by its number."""
    nodes = (path for path in root.glob("dev/video*") if path.name[5:].isdecimal())
    return sorted(nodes, key=lambda path: int(path.name[5:]))


def _check_node(
    path: Path, node: VideoNode, settings: CameraSettings, root: Path
) -> Iterator[CheckResult]:
    subject = f"source {path}"
    if not node.captures or node.driver in RAW_SENSOR_DRIVERS:
        text = f"{node.title}: gives no images that can be shown"
        yield failure(subject, text, f"name another in `source`; {PICAMERA_HINT}")
        return
    yield ok(subject, f"{node.title}: {_format_names(node.formats)}")
    yield from _check_size(subject, node, settings)
    for process in processes_using(path, root):  # two cannot capture from it at once
        if process.startswith("emotiond "):
            yield ok(subject, f"in use by {process}")
        else:
            remedy = "end it if the daemon cannot open the camera"
            yield warning(subject, f"held open by {process}", remedy)
    yield from _check_group(subject, path)
    for link in () if path.is_symlink() else sorted(root.glob("dev/v4l/by-id/*")):
        if link.resolve() == path.resolve():
            yield ok(subject, f"`device: {link}` names the same camera, and survives replugging")
            return


def _list_others(
    nodes: list[Path], root: Path, query: Callable[[Path], VideoNode]
) -> Iterator[CheckResult]:
    """Name the other cameras, a line each, and all nodes that are none in one."""
    without_images = []
    for path in nodes:
        try:
            node = query(path)
        except OSError as error:
            text = f"{_label(path, root)}: not the config's, and cannot be opened: "
            yield ok(f"camera {path}", f"{text}{error.strerror}")
            continue
        if node.captures:
            text = f"{node.title}: not the config's: {_format_names(node.formats)}"
            yield ok(f"camera {path}", text)
        else:
            without_images.append(path.name)
    if without_images:
        yield ok("camera", f"{', '.join(without_images)}: give no images")


def _open_remedy(error: OSError, path: Path, root: Path) -> str:
    names = [f"{node} ({_label(node, root)})" for node in video_nodes(root)]
    choice = f"there are {', '.join(names)}" if names else "there is no video node"
    match error.errno:
        case errno.EACCES | errno.EPERM:
            add = f"sudo usermod -aG {_group(path)} {user_name()}"
            return f"{add}, and log in anew; the service is in the group {GROUP} by itself"
        case errno.EBUSY:
            users = "".join(f": {one}" for one in processes_using(path, root))
            return f"end what uses it{users}"
        case errno.ENOENT | errno.ENXIO | errno.ENODEV:
            return f"plug it in, or name another; {choice}; {PICAMERA_HINT}"
    return f"name a camera; {choice}"


def _label(node: Path, root: Path) -> str:
    """Return what the kernel calls a node, without opening it."""
    try:
        return (root / "sys/class/video4linux" / node.name / "name").read_text().strip()
    except OSError:
        return "without a name"


def _group(path: Path) -> str:
    try:
        return path.group()
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


def processes_using(path: Path, root: Path = ROOT) -> list[str]:
    """Return name and number of each other process that has the file at `path` open (proc(5)).

    Those of other users are seen by root alone.
    """
    found = []
    for process in sorted(root.glob("proc/[0-9]*")):
        try:
            links = (process / "fd").iterdir()
            is_other = process.name != str(os.getpid())
            if is_other and any(link.samefile(path) for link in links if link.exists()):
                found.append(f"{(process / 'comm').read_text().strip()} ({process.name})")
        except OSError:  # it has ended, or is another user's
            continue
    return found
