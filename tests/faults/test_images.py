"""Small image files that claim to be large cost neither memory nor time."""

import resource
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest

from edge.capture.images import decode_image
from edge.errors import InputError
from tests.faults import fault


def chunk(kind: bytes, data: bytes, length: int | None = None) -> bytes:
    """Return a chunk of a PNG, whose length field may lie."""
    size = len(data) if length is None else length
    return struct.pack(">I", size) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    """Return a gray PNG of that size."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IEND", b"")


FILES = {
    "a chunk of 4 GB": png(160, 160, chunk(b"IDAT", zlib.compress(b"\0"), 0xFFFFFF00)),
    "900 megapixels": png(30_000, 30_000, chunk(b"IDAT", zlib.compress(bytes(10_000_000)))),
    "a text that unpacks to 1 GB": png(
        160,
        160,
        chunk(b"zTXt", b"t\0\0" + zlib.compress(bytes(100_000_000)) * 10),
        chunk(b"IDAT", zlib.compress(bytes(161 * 160))),
    ),
    "a bitmap of 4 gigapixels": b"BM"
    + struct.pack("<IHHIIiiHHIIiiII", 100, 0, 0, 54, 40, 65000, 65000, 1, 24, 0, 0, 0, 0, 0, 0),
}


@fault(
    "files",
    "an image of 100 bytes that claims gigabytes",
    seen="one line with its name, exit code 1",
    recovery="none needed",
    lost="that image",
)
@pytest.mark.parametrize("name", FILES)
def test_the_command_for_images_refuses_it_in_little_memory(name: str, tmp_path: Path) -> None:
    path = tmp_path / "small.png"
    path.write_bytes(FILES[name])
    started = time.monotonic()
    program = "import resource, sys; resource.setrlimit(resource.RLIMIT_CPU, (60, 60)); import edge.__main__ as m; code = m.main(); print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM'))); sys.exit(code)"
    command = [sys.executable, "-c", program, "image", str(path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert time.monotonic() - started < 60
    assert "Traceback" not in run.stderr
    assert int(run.stdout.split()[-1]) < 400_000, "kilobytes resident at most"
    if "text" not in name:  # that image itself is sound
        assert run.returncode == 1
        assert len([line for line in run.stderr.splitlines() if "small.png" in line]) == 1


@fault(
    "files",
    "an image that breaks off",
    seen="one line with its name",
    recovery="none needed",
    lost="that image",
)
def test_an_image_that_breaks_off_is_refused_and_not_half_gray() -> None:
    whole = png(64, 64, chunk(b"IDAT", zlib.compress(bytes(range(65)) * 64)))
    assert decode_image(whole).shape == (64, 64, 3)
    with pytest.raises(InputError, match="cannot be decoded"):
        decode_image(whole[: len(whole) // 2])


def test_memory_for_an_image_of_the_largest_size_stays_bounded() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    image = png(7_000, 7_000, chunk(b"IDAT", zlib.compress(bytes(7_001 * 7_000))))
    assert decode_image(image).shape == (7_000, 7_000, 3)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 700_000, "kilobytes"
