"""What a video node tells of itself, asked through V4L2 without disturbing who streams from it.

Numbers and layouts are those of linux/videodev2.h, which never change.
"""

import fcntl
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CAPABILITY = struct.Struct("=16s32s32sIII12x")
"""struct v4l2_capability: driver, card, bus_info, version, capabilities, device_caps."""

FORMAT = struct.Struct("=III32sI16x")
"""struct v4l2_fmtdesc: index, type, flags, description, pixelformat."""

FRAME_SIZE = struct.Struct("=IIIIIIIII8x")
"""struct v4l2_frmsizeenum: index, pixel_format, type, and two or six numbers of a union."""

READ, WRITE = 2, 1
"""Directions of an ioctl (asm-generic/ioctl.h)."""


def _number(direction: int, place: int, size: int) -> int:
    """Return the number of a V4L2 ioctl, as the macro _IOC of asm-generic/ioctl.h makes it."""
    return direction << 30 | size << 16 | ord("V") << 8 | place


VIDIOC_QUERYCAP = _number(READ, 0, CAPABILITY.size)
VIDIOC_ENUM_FMT = _number(READ | WRITE, 2, FORMAT.size)
VIDIOC_ENUM_FRAMESIZES = _number(READ | WRITE, 74, FRAME_SIZE.size)

CAP_VIDEO_CAPTURE = 0x1
CAP_VIDEO_CAPTURE_MPLANE = 0x1000
CAP_DEVICE_CAPS = 0x8000_0000

BUF_TYPE_VIDEO_CAPTURE = 1
BUF_TYPE_VIDEO_CAPTURE_MPLANE = 9

FRMSIZE_TYPE_DISCRETE = 1

BIG_ENDIAN = 0x8000_0000
"""The bit that v4l2_fourcc_be() sets."""

MOST = 256
"""Formats, or sizes of one, that are asked for; a driver that never ends the list is left."""


@dataclass(frozen=True, slots=True)
class Capability:
    """What a node is.

    Attributes:
        driver: the kernel's module.
        card: what the device is called.
        bus: where it is plugged in, such as "usb-0000:00:14.0-1".
        buffers: the type of its capture buffers; None where it gives no pictures.
    """

    driver: str
    card: str
    bus: str
    buffers: int | None


@dataclass(frozen=True, slots=True)
class SizeRange:
    """Sizes of one format in pixels, from the smallest to the largest; the same where it is one."""

    smallest: tuple[int, int]
    largest: tuple[int, int]

    def holds(self, width: int, height: int) -> bool:
        """Tell whether a picture of that size can be asked for; steps are passed over."""
        return (
            self.smallest[0] <= width <= self.largest[0]
            and self.smallest[1] <= height <= self.largest[1]
        )


@dataclass(frozen=True, slots=True)
class Format:
    """One way in which pictures come.

    Attributes:
        fourcc: its name of four letters, such as "MJPG".
        sizes: that it comes in.
    """

    fourcc: str
    sizes: tuple[SizeRange, ...]

    def holds(self, width: int, height: int) -> bool:
        """Tell whether it comes in that size."""
        return any(one.holds(width, height) for one in self.sizes)


@dataclass(frozen=True, slots=True)
class Node:
    """A video node: what it is, and how its pictures come."""

    capability: Capability
    formats: tuple[Format, ...]


def query(path: Path) -> Node:
    """Ask a node what it is.

    Opened for reading and writing, as a daemon opens it; nothing is changed.

    Raises:
        OSError: it cannot be opened, or is no V4L2 node.
    """
    file = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        capability = parse_capability(_ask(file, VIDIOC_QUERYCAP, bytes(CAPABILITY.size)))
        return Node(capability, tuple(_formats(file, capability.buffers)))
    finally:
        os.close(file)


def _ask(file: int, request: int, question: bytes) -> bytes:
    answer = bytearray(question)
    fcntl.ioctl(file, request, answer)
    return bytes(answer)


def _answers(file: int, request: int, questions: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the answers up to the first question that is refused: there is no more of the list."""
    for question in questions:
        try:
            yield _ask(file, request, question)
        except OSError:
            return


def _formats(file: int, buffers: int | None) -> Iterator[Format]:
    if buffers is None:
        return
    questions = (FORMAT.pack(index, buffers, 0, b"", 0) for index in range(MOST))
    for answer in _answers(file, VIDIOC_ENUM_FMT, questions):
        code = parse_format(answer)
        yield Format(name(code), tuple(_sizes(file, code)))


def _sizes(file: int, code: int) -> Iterator[SizeRange]:
    questions = (FRAME_SIZE.pack(index, code, *[0] * 7) for index in range(MOST))
    for answer in _answers(file, VIDIOC_ENUM_FRAMESIZES, questions):
        size, discrete = parse_frame_size(answer)
        yield size
        if not discrete:  # one range tells of all
            return


def parse_capability(data: bytes) -> Capability:
    """Read a struct v4l2_capability."""
    driver, card, bus, _, whole, of_node = CAPABILITY.unpack(data)
    # A device with several nodes tells of all of them, and of this one apart.
    flags = of_node if whole & CAP_DEVICE_CAPS else whole
    buffers = None
    if flags & CAP_VIDEO_CAPTURE:
        buffers = BUF_TYPE_VIDEO_CAPTURE
    elif flags & CAP_VIDEO_CAPTURE_MPLANE:
        buffers = BUF_TYPE_VIDEO_CAPTURE_MPLANE
    return Capability(_text(driver), _text(card), _text(bus), buffers)


def parse_format(data: bytes) -> int:
    """Return the pixel format of a struct v4l2_fmtdesc."""
    return int(FORMAT.unpack(data)[4])


def parse_frame_size(data: bytes) -> tuple[SizeRange, bool]:
    """Read a struct v4l2_frmsizeenum; return the sizes, and whether they are one of several."""
    _, _, kind, *numbers = FRAME_SIZE.unpack(data)
    if kind == FRMSIZE_TYPE_DISCRETE:
        size = (numbers[0], numbers[1])
        return SizeRange(size, size), True
    # struct v4l2_frmsize_stepwise: least, greatest and step of the width, then of the height.
    return SizeRange((numbers[0], numbers[3]), (numbers[1], numbers[4])), False


def name(code: int) -> str:
    """Return the four letters of a pixel format, and `-BE` for one of big-endian numbers."""
    letters = (code & ~BIG_ENDIAN).to_bytes(4, "little").decode("ascii", "replace").strip()
    return f"{letters}-BE" if code & BIG_ENDIAN else letters


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "replace")
