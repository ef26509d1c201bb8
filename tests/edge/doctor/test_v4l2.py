"""The layouts are those of linux/videodev2.h; where this machine has a camera, it is asked too."""

import errno
import fcntl
import struct
from pathlib import Path

import pytest

from edge.doctor.camera import video_nodes
from edge.doctor.v4l2 import (
    BUF_TYPE_VIDEO_CAPTURE,
    BUF_TYPE_VIDEO_CAPTURE_MPLANE,
    FORMAT,
    FRAME_SIZE,
    VIDIOC_ENUM_FMT,
    VIDIOC_ENUM_FRAMESIZES,
    VIDIOC_QUERYCAP,
    Format,
    SizeRange,
    name,
    parse_capability,
    parse_format,
    parse_frame_size,
    query,
)

CAPTURE, MPLANE, META, SEVERAL = 0x1, 0x1000, 0x0080_0000, 0x8000_0000
MJPG, YUYV = 0x4750_4A4D, 0x5659_5559
"""As v4l2_fourcc() of linux/videodev2.h makes them."""


def capability(whole: int, of_node: int = 0) -> bytes:
    names = b"uvcvideo".ljust(16, b"\0") + b"HD Webcam".ljust(32, b"\0")
    bus = b"usb-0000:00:14.0-1".ljust(32, b"\0")
    return names + bus + struct.pack("=6I", 0x060147, whole, of_node, 0, 0, 0)


def frame_size(kind: int, *numbers: int) -> bytes:
    return struct.pack("=11I", 0, MJPG, kind, *numbers, *[0] * (8 - len(numbers)))


def test_the_numbers_are_those_that_the_headers_of_the_kernel_give() -> None:
    assert VIDIOC_QUERYCAP == 0x8068_5600
    assert VIDIOC_ENUM_FMT == 0xC040_5602
    assert VIDIOC_ENUM_FRAMESIZES == 0xC02C_564A


def test_a_capability_tells_driver_card_and_bus() -> None:
    read = parse_capability(capability(CAPTURE))
    assert (read.driver, read.card, read.bus) == ("uvcvideo", "HD Webcam", "usb-0000:00:14.0-1")


@pytest.mark.parametrize(
    ("whole", "of_node", "buffers"),
    [
        (CAPTURE, 0, BUF_TYPE_VIDEO_CAPTURE),
        (MPLANE, 0, BUF_TYPE_VIDEO_CAPTURE_MPLANE),
        (META, 0, None),
        (SEVERAL | CAPTURE | META, CAPTURE, BUF_TYPE_VIDEO_CAPTURE),
        (SEVERAL | CAPTURE | META, META, None),
    ],
)
def test_of_a_device_with_several_nodes_each_is_told_by_its_own_flags(
    whole: int, of_node: int, buffers: int | None
) -> None:
    assert parse_capability(capability(whole, of_node)).buffers == buffers


def test_a_format_is_named_by_its_four_letters() -> None:
    data = struct.pack("=III", 0, 1, 1) + b"Motion-JPEG".ljust(32, b"\0")
    code = parse_format(data + struct.pack("=5I", MJPG, 0, 0, 0, 0))
    assert name(code) == "MJPG"
    assert name(0xA036_3159) == "Y16-BE"


def test_a_size_is_one_of_a_list_or_a_range() -> None:
    assert parse_frame_size(frame_size(1, 640, 480)) == (SizeRange((640, 480), (640, 480)), True)
    stepwise = parse_frame_size(frame_size(3, 320, 1920, 2, 180, 1080, 4))
    assert stepwise == (SizeRange((320, 180), (1920, 1080)), False)


def test_a_size_holds_what_lies_in_both_its_ranges() -> None:
    sizes = SizeRange((320, 180), (1920, 1080))
    assert sizes.holds(320, 180)
    assert sizes.holds(1920, 1080)
    assert not sizes.holds(1921, 1080)
    assert not sizes.holds(640, 179)


class Driver:
    """A camera that answers as drivers do: an error ends each list."""

    formats = (MJPG, YUYV)
    sizes = (((640, 480), (1280, 720)), ((640, 480),))

    def ioctl(self, file: int, request: int, data: bytearray) -> int:
        if request == VIDIOC_QUERYCAP:
            data[:] = capability(CAPTURE)
        elif request == VIDIOC_ENUM_FMT:
            index, buffers, *_ = FORMAT.unpack(data)
            assert buffers == BUF_TYPE_VIDEO_CAPTURE
            self._end(index, len(self.formats))
            data[44:48] = self.formats[index].to_bytes(4, "little")
        else:
            assert request == VIDIOC_ENUM_FRAMESIZES
            index, code, *_ = FRAME_SIZE.unpack(data)
            sizes = self.sizes[self.formats.index(code)]
            self._end(index, len(sizes))
            data[:] = struct.pack("=11I", index, code, 1, *sizes[index], *[0] * 6)
        return 0

    def _end(self, index: int, count: int) -> None:
        if index >= count:
            raise OSError(errno.EINVAL, "Invalid argument")


def test_a_node_is_asked_for_every_format_and_every_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "ioctl", Driver().ioctl)
    node = query(Path("/dev/null"))
    assert node.capability.card == "HD Webcam"
    vga, hd = SizeRange((640, 480), (640, 480)), SizeRange((1280, 720), (1280, 720))
    assert node.formats == (Format("MJPG", (vga, hd)), Format("YUYV", (vga,)))


def test_a_driver_that_never_ends_its_list_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(file: int, request: int, data: bytearray) -> int:
        if request == VIDIOC_QUERYCAP:
            data[:] = capability(CAPTURE)
        return 0

    monkeypatch.setattr(fcntl, "ioctl", endless)
    assert len(query(Path("/dev/null")).formats) == 256


def test_what_is_no_camera_is_an_error_and_left_closed() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(OSError, match="Inappropriate ioctl"):
        query(Path("/dev/null"))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.skipif(not video_nodes(Path("/dev")), reason="there is no video node")
def test_every_node_of_this_machine_tells_its_driver() -> None:
    for path in video_nodes(Path("/dev")):
        node = query(path)
        assert node.capability.driver
        assert (node.formats == ()) == (node.capability.buffers is None)
