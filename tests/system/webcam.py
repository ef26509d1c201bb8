"""A USB webcam made of software; run in a guest as root, by the Python of Debian.

Usage: webcam.py FILE FPS

It is plugged into the kernel's virtual USB host controller (vhci-hcd), which wants a socket that
speaks USB/IP. The kernel sees a USB 2 device of the video class with one MJPEG format, so that its
own driver (uvcvideo) serves it and udev names it. FILE is JPEGs of 640x480, one after the other.
With the end of the process it is pulled out.

Descriptors, requests and payload headers are those of the "USB Device Class Definition for Video
Devices", revision 1.0; messages those of Documentation/usb/usbip_protocol.rst of the kernel.
"""

import errno
import select
import socket
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from struct import pack, unpack

CONTROLLER = Path("/sys/devices/platform/vhci_hcd.0")
FREE_PORT, DEVICE_ID, HIGH_SPEED = "004", 0x10002, 3

WIDTH, HEIGHT = 640, 480
LARGEST_FRAME = 2 * WIDTH * HEIGHT
PAYLOAD = 16384
NAMES = ("emotiond", "Software webcam", "0001")
"""Maker, product and serial number: what /dev/v4l/by-id is made of."""

STREAM_ENDPOINT = 0x81
CLASS_VIDEO, CONTROL, STREAMING = 0x0E, 1, 2
CLASS_INTERFACE = 0x24


# ------------------------------------------------------------------- what it says it is


def device_descriptor() -> bytes:
    """Return what it is: a composite device with one configuration."""
    return pack("<BBHBBBBHHHBBBB", 18, 1, 0x0200, 0xEF, 2, 1, 64, 0x1209, 1, 0x0100, 1, 2, 3, 1)


def string_descriptor(number: int) -> bytes:
    """Return one of `NAMES`, counted from 1; number 0 tells the languages."""
    text = b"\x09\x04" if number == 0 else NAMES[number - 1].encode("utf-16-le")
    return pack("<BB", 2 + len(text), 3) + text


def configuration_descriptor(interval: int) -> bytes:
    """Return what it consists of.

    Args:
        interval: between two pictures, in units of 100 ns.
    """
    association = bytes((8, 0x0B, 0, 2, CLASS_VIDEO, 3, 0, 2))
    control = bytes((9, 4, 0, 0, 0, CLASS_VIDEO, CONTROL, 0, 2)) + _control()
    streaming = bytes((9, 4, 1, 0, 1, CLASS_VIDEO, STREAMING, 0, 0)) + _streaming(interval)
    endpoint = pack("<BBBBHB", 7, 5, STREAM_ENDPOINT, 2, 512, 0)
    body = association + control + streaming + endpoint
    return pack("<BBHBBBBB", 9, 2, 9 + len(body), 2, 1, 0, 0x80, 250) + body


def _control() -> bytes:
    """Return a sensor, and the USB cable that its pictures go to."""
    sensor = pack("<BBBBHBBHHHB3x", 18, CLASS_INTERFACE, 2, 1, 0x0201, 0, 0, 0, 0, 0, 3)
    cable = pack("<BBBBHBBB", 9, CLASS_INTERFACE, 3, 3, 0x0101, 0, 1, 0)
    length = 13 + len(sensor + cable)
    header = pack("<BBBHHIBB", 13, CLASS_INTERFACE, 1, 0x0100, length, 48_000_000, 1, 1)
    return header + sensor + cable


def _streaming(interval: int) -> bytes:
    """Return one format, MJPEG, of one size and one rate."""
    form = bytes((11, CLASS_INTERFACE, 6, 1, 1, 1, 1, 0, 0, 0, 0))
    bits = LARGEST_FRAME * 8
    rate = (bits, bits, LARGEST_FRAME, interval, 1, interval)
    size = pack("<BBBBBHHIIIIBI", 30, CLASS_INTERFACE, 7, 1, 0, WIDTH, HEIGHT, *rate)
    colours = bytes((6, CLASS_INTERFACE, 0x0D, 1, 1, 4))
    length = 14 + len(form + size + colours)
    header = pack(
        "<BBBBHBBBBBBBB", 14, CLASS_INTERFACE, 1, 1, length, STREAM_ENDPOINT, 0, 3, 0, 0, 0, 1, 0
    )
    return header + form + size + colours


# ------------------------------------------------------------------- what it answers


class Stalled(Exception):
    """A request that it does not know."""


@dataclass(frozen=True, slots=True)
class Control:
    """Answers what the host asks on endpoint 0.

    Args:
        interval: between two pictures, in units of 100 ns.
    """

    interval: int

    def answer(self, setup: bytes) -> bytes:
        """Return the answer to a request; nothing to one that only tells something.

        Raises:
            Stalled: it is unknown.
        """
        kind, request, value, index, length = unpack("<BBHHH", setup)
        if kind & 0x60 == 0:
            return self._standard(request, value)[:length]
        if kind & 0x60 == 0x20 and index & 0xFF == 1 and value >> 8 in (1, 2):
            return self._negotiate(request)[:length]
        raise Stalled

    def _standard(self, request: int, value: int) -> bytes:
        if request == 6:
            return self._descriptor(value >> 8, value & 0xFF)
        return {0: b"\0\0", 8: b"\1", 10: b"\0"}.get(request, b"")  # status, configuration, setting

    def _descriptor(self, kind: int, number: int) -> bytes:
        if kind == 1:
            return device_descriptor()
        if kind == 2:
            return configuration_descriptor(self.interval)
        if kind == 3 and number <= len(NAMES):
            return string_descriptor(number)
        raise Stalled

    def _negotiate(self, request: int) -> bytes:
        """Agree on the one thing that it can do, in PROBE as in COMMIT."""
        offer = pack("<HBBIHHHHHII", 1, 1, 1, self.interval, 0, 0, 0, 0, 0, LARGEST_FRAME, PAYLOAD)
        answers = {0x01: b"", 0x85: pack("<H", len(offer)), 0x86: b"\3"}
        answers |= dict.fromkeys((0x81, 0x82, 0x83, 0x87), offer)
        if request not in answers:
            raise Stalled
        return answers[request]


def payloads(picture: bytes, odd: int) -> Iterator[bytes]:
    """Yield a picture in the parts that a transfer can carry, each with its header.

    Args:
        picture: a JPEG.
        odd: 0 or 1, another one than of the picture before.
    """
    step = PAYLOAD - 2
    for start in range(0, len(picture), step):
        last = 2 if start + step >= len(picture) else 0
        yield bytes((2, 0x80 | odd | last)) + picture[start : start + step]


# ------------------------------------------------------------------- the wire


def plug() -> socket.socket:
    """Connect to a free port of the controller and return our end of the wire."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    lines = (CONTROLLER / "status").read_text().splitlines()[1:]
    ports = [line.split() for line in lines]
    port = next(int(one[1]) for one in ports if one[0] == "hs" and one[2] == FREE_PORT)
    attach = f"{port} {theirs.fileno()} {DEVICE_ID} {HIGH_SPEED}"
    (CONTROLLER / "attach").write_text(attach)
    return ours


class Webcam:
    """Gives pictures, at its own pace, for as long as the host asks for them.

    Args:
        wire: to the host.
        pictures: JPEGs.
        fps: how many a second.
    """

    def __init__(self, wire: socket.socket, pictures: list[bytes], fps: float) -> None:
        self._wire = wire
        self._control = Control(int(1e7 / fps))
        self._pictures = cycle(pictures)
        self._period, self._due, self._odd = 1 / fps, time.monotonic(), 0
        self._parts = deque[bytes]()
        self._waiting = deque[tuple[int, int]]()  # number and size of each transfer asked for
        self._latest = 0
        self._withdrawn: dict[int, int] = {}  # a transfer may be withdrawn before it is asked for

    def run(self) -> None:
        """Serve until the host lets go."""
        while True:
            self._give()
            pause = max(0.0, self._due - time.monotonic()) if self._waiting else None
            if select.select([self._wire], [], [], pause)[0] and not self._listen():
                return

    def _give(self) -> None:
        """Send what is due and asked for."""
        if self._waiting and not self._parts and time.monotonic() >= self._due:
            self._due = max(self._due + self._period, time.monotonic())
            self._parts.extend(payloads(next(self._pictures), self._odd))
            self._odd ^= 1
        while self._waiting and self._parts:
            number, size = self._waiting.popleft()
            self._reply(number, self._parts.popleft()[:size])

    def _listen(self) -> bool:
        """Take in one message; return whether there was one."""
        head = self._receive(48)
        if not head:
            return False
        command, number, _, to_host, endpoint = unpack(">5I", head[:20])
        if command == 1:
            size = unpack(">i", head[24:28])[0]
            data = b"" if to_host else self._receive(size)
            self._submitted(number, endpoint, size, head[40:48], bool(to_host), len(data))
        else:
            self._unlink(number, unpack(">I", head[20:24])[0])
        return True

    def _submitted(
        self, number: int, endpoint: int, size: int, setup: bytes, to_host: bool, sent: int
    ) -> None:
        self._latest = number
        if number in self._withdrawn:
            self._reply_unlink(self._withdrawn.pop(number), True)
        elif endpoint:
            self._waiting.append((number, size))
        else:
            try:
                answer = self._control.answer(setup)
            except Stalled:
                self._reply(number, b"", -errno.EPIPE)
            else:
                self._reply(number, answer if to_host else b"", 0, None if to_host else sent)

    def _unlink(self, number: int, victim: int) -> None:
        found = [one for one in self._waiting if one[0] == victim]
        for one in found:
            self._waiting.remove(one)
        if not self._waiting:
            self._parts.clear()  # nobody watches: a picture begun is not ended
        if victim > self._latest:
            self._withdrawn[victim] = number
        else:
            self._reply_unlink(number, bool(found))

    def _receive(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self._wire.recv(size - len(data))
            if not part:
                return b""
            data += part
        return data

    def _reply(self, number: int, data: bytes, status: int = 0, taken: int | None = None) -> None:
        length = len(data) if taken is None else taken
        self._wire.sendall(pack(">5I5i8x", 3, number, 0, 0, 0, status, length, 0, 0, 0) + data)

    def _reply_unlink(self, number: int, found: bool) -> None:
        status = -errno.ECONNRESET if found else 0
        self._wire.sendall(pack(">5Ii24x", 4, number, 0, 0, 0, status))


def split(film: bytes) -> list[bytes]:
    """Return the JPEGs that lie one after the other."""
    end, start = b"\xff\xd9", b"\xff\xd8\xff"
    first, *others = film.split(end + start)
    return [part + end for part in (first, *(start + other for other in others))]


if __name__ == "__main__":
    shown = split(Path(sys.argv[1]).read_bytes())
    Webcam(plug(), shown, float(sys.argv[2])).run()
