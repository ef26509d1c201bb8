"""A guest in a virtual machine: a kernel of its own, with the drivers of cameras."""

import json
import os
import socket
import subprocess
import time
from itertools import count
from pathlib import Path
from typing import Any

from tests.brokers import wait_until
from tests.system.guest import Completed
from tests.system.image import Image

BOOT_SECONDS = 300.0
EMULATED, ACCELERATED = 20.0, 2.0
"""How much longer things may take where the processor is emulated, and where it is not."""

KVM_MODULES = ("kvm_intel", "kvm_amd")
"""With these a kernel of Debian boots; what else calls itself KVM wants kernels of its own."""

MACHINE = (
    *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none"),
    *("-machine", "q35", "-smp", "2", "-m", "2048", "-nic", "none", "-device", "virtio-rng-pci"),
)
COMMAND_LINE = "root=/dev/vda rw console=ttyS0 quiet panic=-1 mitigations=off"


def has_kvm() -> bool:
    """Tell whether this processor can run the guest's code itself."""
    modules = any((Path("/sys/module") / name).exists() for name in KVM_MODULES)
    return modules and os.access("/dev/kvm", os.R_OK | os.W_OK)


class VirtualGuest:
    """A guest under qemu.

    Args:
        image: what it boots, which stays as it is.
        checkout: the project.
        supplies: what it has no network to fetch.
        directory: an empty one.
    """

    has_cameras = True

    def __init__(self, image: Image, checkout: Path, supplies: Path, directory: Path) -> None:
        self.slowness = ACCELERATED if has_kvm() else EMULATED
        self._numbers = count(1)
        self._console = directory / "console.log"
        path = directory / "agent"
        command = [
            *MACHINE,
            *(("-accel", "kvm", "-cpu", "host") if has_kvm() else ("-accel", "tcg", "-cpu", "max")),
            *("-kernel", str(image.kernel), "-initrd", str(image.initrd), "-append", COMMAND_LINE),
            *("-drive", f"file={image.disk},format=raw,if=virtio,snapshot=on,cache=unsafe"),
            *_share(checkout, "checkout"),
            *_share(supplies, "supplies"),
            *("-serial", f"file:{self._console}", "-device", "virtio-serial-pci"),
            *("-chardev", f"socket,id=agent,path={path},server=on,wait=off"),
            *("-device", "virtserialport,chardev=agent,name=agent"),
        ]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        wait_until(path.exists)
        self._line = socket.socket(socket.AF_UNIX)
        self._line.connect(str(path))
        self._answers = self._line.makefile("rb")
        self._wait_for_boot()

    def execute(self, command: str, stdin: str, timeout: float) -> Completed:
        """Have the guest's agent run a line of bash."""
        number = self._ask(command, stdin, timeout)
        while (answer := self._hear(timeout + 30)) is None or answer["number"] != number:
            pass
        if answer["timed_out"]:
            raise subprocess.TimeoutExpired(command, timeout)
        return Completed(answer["returncode"], answer["stdout"], answer["stderr"])

    def reboot(self) -> None:
        """Restart it, its kernel as well."""
        self._ask("systemctl reboot", "", 30)
        self._wait_for_boot()

    def close(self) -> None:
        """End the machine as if its plug were pulled."""
        self._line.close()
        self._process.kill()
        self._process.wait()

    def _ask(self, command: str, stdin: str, timeout: float) -> int:
        number = next(self._numbers)
        request = {"number": number, "command": command, "stdin": stdin, "timeout": timeout}
        self._line.sendall(json.dumps(request).encode() + b"\n")
        return number

    def _hear(self, timeout: float) -> Any:
        self._line.settimeout(timeout)
        line = self._answers.readline()
        assert line, f"the machine has ended: {self._console.read_text()}"
        return json.loads(line)

    def _wait_for_boot(self) -> None:
        deadline = time.monotonic() + BOOT_SECONDS
        try:
            while self._hear(deadline - time.monotonic()) is not None:
                pass  # an answer of before
        except TimeoutError as error:
            raise AssertionError(f"it does not boot: {self._console.read_text()}") from error


def _share(directory: Path, name: str) -> tuple[str, ...]:
    """Let the guest see a folder of the host, as it stands in its fstab."""
    how = "security_model=none,readonly=on,multidevs=remap"
    return "-virtfs", f"local,path={directory},mount_tag={name},{how}"
