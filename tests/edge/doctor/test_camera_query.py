"""The layouts are those of linux/videodev2.h; where this machine has a camera, it is asked too."""

import errno
import fcntl
import gc
import struct
from pathlib import Path

import pytest

from edge.capture.v4l2 import (
    CAPABILITY,
    FORMAT,
    FRAME_SIZE,
    VIDIOC_ENUM_FMT,
    VIDIOC_ENUM_FRAMESIZES,
    VIDIOC_QUERYCAP,
    Format,
    SizeRange,
    VideoNode,
    query_node,
    video_nodes,
)

CAPTURE, MPLANE, META, SEVERAL = 0x1, 0x1000, 0x0080_0000, 0x8000_0000
SINGLE_PLANAR, MULTI_PLANAR = 1, 9
"""V4L2_BUF_TYPE_VIDEO_CAPTURE and V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE."""

MJPG, YUYV, Y16_BE = 0x4750_4A4D, 0x5659_5559, 0xA036_3159
"""As v4l2_fourcc() and v4l2_fourcc_be() of linux/videodev2.h make them."""

VGA, HD = (1, 640, 480), (1, 1280, 720)
STEPWISE = (3, 320, 1920, 2, 180, 1080, 4)
"""Kind and numbers of struct v4l2_frmsizeenum."""


class Driver:
    """A camera that answers as drivers do: an error ends each list."""

    formats: tuple[int, ...] = (MJPG, YUYV)
    sizes: tuple[tuple[tuple[int, ...], ...], ...] = ((VGA, HD), (VGA,))

    def __init__(self, flags: int = CAPTURE, flags_of_node: int = 0) -> None:
        self.flags = flags, flags_of_node
        self.buffers: set[int] = set()

    def ioctl(self, file: int, request: int, data: bytearray) -> int:
        if request == VIDIOC_QUERYCAP:
            names = b"uvcvideo".ljust(16, b"\0") + b"HD Webcam".ljust(32, b"\0")
            bus = b"usb-0000:00:14.0-1".ljust(32, b"\0")
            data[:] = names + bus + struct.pack("=6I", 0x060147, *self.flags, 0, 0, 0)
        elif request == VIDIOC_ENUM_FMT:
            index, buffers, *_ = FORMAT.unpack(data)
            self.buffers.add(buffers)
            self._end(index, len(self.formats))
            data[44:48] = self.formats[index].to_bytes(4, "little")
        else:
            assert request == VIDIOC_ENUM_FRAMESIZES
            index, code, *_ = FRAME_SIZE.unpack(data)
            sizes = self.sizes[self.formats.index(code)]
            self._end(index, len(sizes))
            numbers = sizes[index]
            data[:] = struct.pack("=11I", index, code, *numbers, *[0] * (9 - len(numbers)))
        return 0

    def _end(self, index: int, count: int) -> None:
        if index >= count:
            raise OSError(errno.EINVAL, "Invalid argument")


def query(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> VideoNode:
    monkeypatch.setattr(fcntl, "ioctl", driver.ioctl)
    return query_node(Path("/dev/null"))


def test_the_numbers_are_those_that_the_headers_of_the_kernel_give() -> None:
    assert VIDIOC_QUERYCAP == 0x8068_5600
    assert VIDIOC_ENUM_FMT == 0xC040_5602
    assert VIDIOC_ENUM_FRAMESIZES == 0xC02C_564A


@pytest.mark.parametrize(
    ("layout", "request_number"),
    [
        (CAPABILITY, VIDIOC_QUERYCAP),
        (FORMAT, VIDIOC_ENUM_FMT),
        (FRAME_SIZE, VIDIOC_ENUM_FRAMESIZES),
    ],
)
def test_each_layout_has_the_size_that_its_number_holds(
    layout: struct.Struct, request_number: int
) -> None:
    assert layout.size == request_number >> 16 & 0x3FFF  # _IOC_SIZE() of asm-generic/ioctl.h


def test_a_node_tells_driver_card_and_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    node = query(Driver(), monkeypatch)
    assert (node.driver, node.card, node.bus) == ("uvcvideo", "HD Webcam", "usb-0000:00:14.0-1")


@pytest.mark.parametrize(
    ("flags", "flags_of_node", "buffers"),
    [
        (CAPTURE, 0, {SINGLE_PLANAR}),
        (MPLANE, 0, {MULTI_PLANAR}),
        (META, 0, set()),
        (SEVERAL | CAPTURE | META, CAPTURE, {SINGLE_PLANAR}),
        (SEVERAL | CAPTURE | META, META, set()),
    ],
)
def test_of_a_device_with_several_nodes_each_is_told_by_its_own_flags(
    flags: int, flags_of_node: int, buffers: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = Driver(flags, flags_of_node)
    node = query(driver, monkeypatch)
    assert driver.buffers == buffers
    assert node.captures == bool(buffers) == bool(node.formats)


def test_a_node_is_asked_for_every_format_and_every_size(monkeypatch: pytest.MonkeyPatch) -> None:
    node = query(Driver(), monkeypatch)
    vga, hd = SizeRange((640, 480), (640, 480)), SizeRange((1280, 720), (1280, 720))
    assert node.formats == (Format("MJPG", (vga, hd)), Format("YUYV", (vga,)))


def test_a_format_of_big_endian_numbers_and_a_range_of_sizes_are_understood(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    driver = Driver()
    driver.formats, driver.sizes = (Y16_BE,), ((STEPWISE, STEPWISE),)
    (one,) = query(driver, monkeypatch).formats
    assert one == Format("Y16-BE", (SizeRange((320, 180), (1920, 1080)),))


def test_a_format_offers_what_lies_in_both_ranges_of_a_size() -> None:
    one = Format("MJPG", (SizeRange((320, 180), (1920, 1080)),))
    assert one.offers(320, 180)
    assert one.offers(1920, 1080)
    assert not one.offers(1921, 1080)
    assert not one.offers(640, 179)


def test_a_driver_that_never_ends_its_list_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(Driver):
        def ioctl(self, file: int, request: int, data: bytearray) -> int:
            return super().ioctl(file, request, data) if request == VIDIOC_QUERYCAP else 0

    assert len(query(Endless(), monkeypatch).formats) == 256


def test_what_is_no_camera_is_an_error_and_left_closed() -> None:
    gc.collect()
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(OSError, match="Inappropriate ioctl"):
        query_node(Path("/dev/null"))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.skipif(not video_nodes(), reason="there is no video node")
def test_every_node_of_this_machine_tells_its_driver() -> None:
    for path in video_nodes():
        node = query_node(path)
        assert node.driver
        assert bool(node.formats) == node.captures
