"""V4L2: what a video node is, what keeps it from being opened, and who uses it.

No image is captured and nothing is changed, so that a daemon that uses the camera is not disturbed.
Numbers and layouts are those of linux/videodev2.h, which never change. `v4l2-ctl` is not on every
machine, and linuxpy 0.25 leaves out multi-planar nodes, unknown formats, and ranges of sizes.
"""

import errno
import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple

from edge.paths import user_name

# struct v4l2_capability: driver, card, bus_info, version, capabilities, device_caps.
CAPABILITY = struct.Struct("=16s32s32sIII12x")
# struct v4l2_fmtdesc: index, type, flags, description, pixelformat.
FORMAT = struct.Struct("=III32sI16x")
# struct v4l2_frmsizeenum: index, pixel_format, type, and two or six numbers of a union.
FRAME_SIZE = struct.Struct("=IIIIIIIII8x")
# struct v4l2_requestbuffers: count, type, memory, capabilities, flags.
REQUEST_BUFFERS = struct.Struct("=IIIIB3x")

VIDIOC_QUERYCAP, VIDIOC_ENUM_FMT = 0x8068_5600, 0xC040_5602
VIDIOC_ENUM_FRAMESIZES, VIDIOC_REQBUFS = 0xC02C_564A, 0xC014_5608

# V4L2_CAP_VIDEO_CAPTURE and V4L2_CAP_VIDEO_CAPTURE_MPLANE, each with its type of buffers.
CAPTURE_BUFFERS = ((0x1, 1), (0x1000, 9))
CAP_DEVICE_CAPS, FRMSIZE_TYPE_DISCRETE, MEMORY_MMAP = 0x8000_0000, 1, 1
BIG_ENDIAN = 0x8000_0000  # the bit that v4l2_fourcc_be() sets
MAX_ITEMS = 256  # formats, or sizes of one, asked for; some driver might never end the list

RAW_SENSOR_DRIVERS = frozenset({"unicam", "rp1-cfe"})  # raw values, which libcamera develops
NO_IMAGES = "gives no images that can be shown"
PICAMERA_HINT = "a camera at a Raspberry Pi's own port is read by `source: {kind: picamera}`"
GROUP = "video"  # whose members may open cameras, on Debian and under the unit
ROOT = Path("/")  # of the `dev`, `sys` and `proc` in which devices and processes are listed


class SizeRange(NamedTuple):
    """Sizes of one format in pixels; both are the same where it is one."""

    smallest: tuple[int, int]
    largest: tuple[int, int]


class Format(NamedTuple):
    """A pixel format: its name of four letters, such as "MJPG", and sizes if the driver tells."""

    fourcc: str
    sizes: tuple[SizeRange, ...]

    def offers(self, width: int, height: int) -> bool:
        """Tell whether it comes in that size; steps within a range are passed over."""
        ranges = (zip(low, high, strict=True) for low, high in self.sizes)
        return any(w[0] <= width <= w[1] and h[0] <= height <= h[1] for w, h in ranges)


class VideoNode(NamedTuple):
    """A video node; `bus` is where it is plugged in, such as "usb-0000:00:14.0-1"."""

    driver: str
    card: str
    bus: str
    captures: bool
    formats: tuple[Format, ...]

    @property
    def gives_images(self) -> bool:
        """Tell whether its images can be shown as they come."""
        return self.captures and self.driver not in RAW_SENSOR_DRIVERS

    @property
    def title(self) -> str:
        """Card, driver and bus."""
        return f"{self.card} ({self.driver}, {self.bus})"


def _open(path: Path) -> FileIO:
    return FileIO(path, "r+", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))


def query_node(path: Path) -> VideoNode:
    """Ask a video node what it is; an OSError tells that it cannot be opened, or is none."""
    with _open(path) as file:
        question = b"", b"", b"", 0, 0, 0
        *names, _, of_device, of_node = _ioctl(file, VIDIOC_QUERYCAP, CAPABILITY, *question)
        driver, card, bus = (name.partition(b"\0")[0].decode("utf-8", "replace") for name in names)
        # A device with several nodes tells of all of them, and of this one apart.
        flags = of_node if of_device & CAP_DEVICE_CAPS else of_device
        buffers = next((buffers for flag, buffers in CAPTURE_BUFFERS if flags & flag), None)
        formats = () if buffers is None else tuple(_formats(file, buffers))
        return VideoNode(driver, card, bus, buffers is not None, formats)


def _ioctl(file: FileIO, request: int, layout: struct.Struct, *question: object) -> tuple[Any, ...]:
    data = bytearray(layout.pack(*question))
    fcntl.ioctl(file, request, data)
    return layout.unpack(data)


def _formats(file: FileIO, buffers: int) -> Iterator[Format]:
    """Yield each format, up to the first index that is refused: there the list ends."""
    with suppress(OSError):
        for index in range(MAX_ITEMS):
            *_, code = _ioctl(file, VIDIOC_ENUM_FMT, FORMAT, index, buffers, 0, b"", 0)
            letters = (code & ~BIG_ENDIAN).to_bytes(4, "little").decode("ascii", "replace").strip()
            letters += "-BE" if code & BIG_ENDIAN else ""
            yield Format(letters, tuple(_sizes(file, code)))


def _sizes(file: FileIO, code: int) -> Iterator[SizeRange]:
    with suppress(OSError):
        for index in range(MAX_ITEMS):
            question = index, code, *[0] * 7
            _, _, kind, *numbers = _ioctl(file, VIDIOC_ENUM_FRAMESIZES, FRAME_SIZE, *question)
            if kind != FRMSIZE_TYPE_DISCRETE:
                # Minimum, maximum and step of the width, then the height (v4l2_frmsize_stepwise).
                yield SizeRange((numbers[0], numbers[3]), (numbers[1], numbers[4]))
                return  # one range tells of all
            yield SizeRange((numbers[0], numbers[1]), (numbers[0], numbers[1]))


def listed(root: Path, pattern: str) -> list[Path]:
    """Return the files of a pattern, none where no descriptor is left to list them."""
    try:
        return sorted(root.glob(pattern))
    except OSError:
        return []


def video_nodes(root: Path = ROOT) -> list[Path]:
    """Return every video node, by its number."""
    nodes = (path for path in listed(root, "dev/video*") if path.name[5:].isdecimal())
    return sorted(nodes, key=lambda path: int(path.name[5:]))


def why_not_opened(path: Path) -> str:
    """Return why a camera could not be opened, and the remedy, as the doctor has them."""
    try:
        node = query_node(path)
        _check_free(path)
    except OSError as error:
        return f"cannot be opened: {error.strerror}; {open_remedy(error, path)}"
    if not node.gives_images:
        return f"{node.title}: {NO_IMAGES}; name another in `source`; {PICAMERA_HINT}"
    return f"{node.title}: cannot be opened; `emotiond doctor` tells what it offers"


def _check_free(path: Path) -> None:
    """Raise EBUSY where another program has the node's buffers; to ask for none changes nothing."""
    with _open(path) as file:
        for _, buffers in CAPTURE_BUFFERS:
            try:
                _ioctl(file, VIDIOC_REQBUFS, REQUEST_BUFFERS, 0, buffers, MEMORY_MMAP, 0, 0)
            except OSError as error:  # or it has no buffers of that type
                if error.errno == errno.EBUSY:
                    raise


def open_remedy(error: OSError, path: Path, root: Path = ROOT) -> str:
    """Return what to do where a camera cannot be opened for that error."""
    names = [f"{node} ({kernel_name(node, root)})" for node in video_nodes(root)]
    choice = f"there are {', '.join(names)}" if names else "there is no video node"
    match error.errno:
        case errno.EACCES | errno.EPERM:
            add = f"sudo usermod -aG {group_of(path)} {user_name()}"
            return f"{add}, and log in anew; the service is in the group {GROUP} by itself"
        case errno.EBUSY:
            return f"end what uses it{''.join(f': {one}' for one in processes_using(path, root))}"
        case errno.ENOENT | errno.ENXIO | errno.ENODEV:
            return f"plug it in, or name another; {choice}; {PICAMERA_HINT}"
    return f"name a camera; {choice}"


def kernel_name(node: Path, root: Path) -> str:
    """Return what the kernel calls a node, without opening it."""
    try:
        return (root / "sys/class/video4linux" / node.name / "name").read_text().strip()
    except OSError:
        return "without a name"


def group_of(path: Path) -> str:
    """Return the group of a node; that of cameras where it cannot be told."""
    try:
        return path.group()
    except (OSError, KeyError):
        return GROUP


def processes_using(path: Path, root: Path = ROOT) -> list[str]:
    """Name the other processes with a file open, as "name (number)" (proc(5)); root sees all."""
    found = []
    for process in listed(root, "proc/[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        try:
            if any(link.samefile(path) for link in (process / "fd").iterdir() if link.exists()):
                found.append(f"{(process / 'comm').read_text().strip()} ({process.name})")
        except OSError:  # it has ended, or is another user's
            pass
    return found
