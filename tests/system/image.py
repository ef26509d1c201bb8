"""The disk of a virtual machine, with the kernel that starts from it."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.system.guest import CHECKOUT, SUPPLIES
from tests.system.root import Recipe, cache, root

PACKAGES = ("linux-image-amd64", "udev", "kmod")
FREE_MEGABYTES = 2000

AGENT = f"""
[Unit]
Description=Does what the tests say
RequiresMountsFor={CHECKOUT} {SUPPLIES}
[Service]
ExecStart=/usr/bin/python3 -I {CHECKOUT}/tests/system/agent.py /dev/virtio-ports/agent
"""
SHARE = "9p trans=virtio,version=9p2000.L,msize=524288,ro,cache=loose 0 0"
FILES = (
    (
        "etc/fstab",
        f"/dev/vda / ext4 rw,noatime 0 0\ncheckout {CHECKOUT} {SHARE}\nsupplies {SUPPLIES} {SHARE}\n",
    ),
    ("etc/systemd/system/agent.service", AGENT),
    ("etc/systemd/system/multi-user.target.d/agent.conf", "[Unit]\nWants=agent.service\n"),
    # The initramfs has what finds the disk, and nothing else: it is read by a slow machine.
    ("etc/initramfs-tools/conf.d/small.conf", "MODULES=list\n"),
    ("etc/initramfs-tools/modules", "virtio_pci\nvirtio_blk\next4\n"),
)


@dataclass(frozen=True, slots=True)
class Image:
    """What a virtual machine boots.

    Attributes:
        disk: an ext4 file system.
        kernel, initrd: of its kernel.
    """

    disk: Path
    kernel: Path
    initrd: Path


def image(suite: str) -> Image:
    """Return an image, making it where there is none yet.

    Raises:
        CalledProcessError: a program, which says why, did not succeed.
    """
    recipe = Recipe(suite, PACKAGES, FILES)
    directory = root(recipe)
    disk = cache() / f"{recipe.key}.img"
    if not disk.is_file():
        unfinished = disk.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        _format(directory, unfinished)
        unfinished.rename(disk)
    (kernel,) = (directory / "boot").glob("vmlinuz-*")
    (initrd,) = (directory / "boot").glob("initrd.img-*")
    return Image(disk, kernel, initrd)


def _format(directory: Path, disk: Path) -> None:
    used = subprocess.run(["du", "-sm", directory], check=True, capture_output=True, text=True)
    size = f"{int(used.stdout.split()[0]) + FREE_MEGABYTES}M"
    command = ["mke2fs", "-q", "-t", "ext4", "-d", str(directory), str(disk), size]
    subprocess.run(command, check=True, stdout=sys.stderr)
