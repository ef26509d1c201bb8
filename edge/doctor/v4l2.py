"""V4L2 queries: what a video node is, and which formats and sizes it offers.

Nothing is changed, so that whoever streams from the node is not disturbed. Numbers and layouts are
those of linux/videodev2.h, which never change. `v4l2-ctl` is not on every machine, and linuxpy 0.25
leaves out multi-planar nodes, formats that it does not know, and ranges of sizes.
"""

import fcntl
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

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
            size.smallest[0] <= width <= size.largest[0]
            and size.smallest[1] <= height <= size.largest[1]
            for size in self.sizes
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
        answer = _ioctl(file, VIDIOC_QUERYCAP, bytes(CAPABILITY.size))
        *names, _, of_device, of_node = CAPABILITY.unpack(answer)
        driver, card, bus = (name.partition(b"\0")[0].decode("utf-8", "replace") for name in names)
        # A device with several nodes tells of all of them, and of this one apart.
        flags = of_node if of_device & CAP_DEVICE_CAPS else of_device
        buffers = next((buffers for flag, buffers in CAPTURE_BUFFERS if flags & flag), None)
        formats = () if buffers is None else tuple(_formats(file, buffers))
        return VideoNode(driver, card, bus, buffers is not None, formats)
    finally:
        os.close(file)


def _ioctl(file: int, request: int, question: bytes) -> bytes:
    answer = bytearray(question)
    fcntl.ioctl(file, request, answer)
    return bytes(answer)


def _list(file: int, request: int, question: Callable[[int], bytes]) -> Iterator[bytes]:
    """Yield the answers for each index, up to the first that is refused: there the list ends."""
    with suppress(OSError):
        for index in range(MAX_ITEMS):
            yield _ioctl(file, request, question(index))


def _formats(file: int, buffers: int) -> Iterator[Format]:
    for answer in _list(
        file, VIDIOC_ENUM_FMT, lambda index: FORMAT.pack(index, buffers, 0, b"", 0)
    ):
        code = FORMAT.unpack(answer)[4]
        letters = (code & ~BIG_ENDIAN).to_bytes(4, "little").decode("ascii", "replace").strip()
        fourcc = f"{letters}-BE" if code & BIG_ENDIAN else letters
        yield Format(fourcc, tuple(_sizes(file, code)))


def _sizes(file: int, code: int) -> Iterator[SizeRange]:
    for answer in _list(
        file, VIDIOC_ENUM_FRAMESIZES, lambda index: FRAME_SIZE.pack(index, code, *[0] * 7)
    ):
        _, _, kind, *numbers = FRAME_SIZE.unpack(answer)
        if kind != FRMSIZE_TYPE_DISCRETE:
            # struct v4l2_frmsize_stepwise: minimum, maximum and step of the width, then the height.
            yield SizeRange((numbers[0], numbers[3]), (numbers[1], numbers[4]))
            return  # one range tells of all
        yield SizeRange((numbers[0], numbers[1]), (numbers[0], numbers[1]))
