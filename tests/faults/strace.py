"""Every byte that a program and its children write or send, as strace(1) saw it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

STRACE = shutil.which("strace")

SEEN = "write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendmmsg"
UNSEEN = "sendfile,splice,vmsplice,copy_file_range,process_vm_writev,io_uring_setup,mmap"
"""Calls that write bytes: those whose bytes strace shows, and the others, which must not occur. A
mapping counts where a file is mapped to be written."""

CALL = re.compile(r"^(?:\d+ +)?(\w+)\((?:[-\w ,|]*?)(?:\d+<(.*?)>)?([,)].*)$")
STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')

MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"WEBPVP8", b"ftypisom", b"/9j/4", b"iVBORw0K")
"""First bytes of images and videos, and of two in base64."""

TEXT = bytes(range(32, 127)) + b"\t\n\r\0"

MAX_BINARY = 400
"""Bytes of one write that may be no text: a face of 48x48 pixels takes 1,000 as PNG or JPEG."""


class Written(NamedTuple):
    """What one call wrote, and to which file or address."""

    place: str
    data: bytes

    @property
    def may_be_image(self) -> bool:
        binary = self.data.translate(None, TEXT)
        return len(binary) > MAX_BINARY or any(magic in self.data for magic in MAGIC)


def trace(folder: Path, *arguments: str, timeout: float = 120) -> list[Written]:
    """Run a command of emotiond in a folder until its end; return each of its writes.

    What it prints goes into the file `printed` there.
    """
    assert STRACE is not None
    options = ["-f", "-yy", "-xx", "-s", "100000000", "-e", "signal=none", "--seccomp-bpf"]
    options += ["-e", f"trace={SEEN},{UNSEEN}", "-o", str(folder / "trace")]
    with (folder / "printed").open("w") as printed:
        command = [STRACE, *options, sys.executable, "-B", "-m", "edge", *arguments]
        subprocess.run(
            command, stdout=printed, stderr=printed, cwd=folder, timeout=timeout, check=True
        )
    written = []
    for line in (folder / "trace").read_text().splitlines():
        call = CALL.match(line)
        if call is None:
            continue
        name, place, rest = call.groups()
        place = decode(place or "").decode()
        if name in SEEN.split(","):
            data = b"".join(decode(text) for text in STRING.findall(rest))
            written.append(Written(place, data))
        elif name != "mmap" or (place and "PROT_WRITE" in line and "MAP_SHARED" in line):
            written.append(Written(f"{name} {place}", b""))
    return written


def decode(text: str) -> bytes:
    """Return what strace shows as `\\x41\\x42`, and other text as it is."""
    return re.sub(
        rb"\\x([0-9a-f]{2})", lambda found: bytes.fromhex(found[1].decode()), text.encode()
    )
