"""What a guest watches: the built-in clip, behind something that can be pulled out."""

from typing import Any, ClassVar, Protocol

from tests.system.guest import CHECKOUT, SUPPLIES, Guest, run, start, stop

PYTHON = "/opt/emotiond/current/bin/python"
PORT = 8000


class Camera(Protocol):
    """A camera of a guest."""

    @property
    def source(self) -> dict[str, Any]:
        """What a config has as `source`."""

    def plug(self) -> None:
        """Have it give pictures."""

    def unplug(self) -> None:
        """Take it away."""


class Stream:
    """A camera behind an address of the guest itself.

    Args:
        guest: where emotiond is installed.
    """

    source: ClassVar[dict[str, Any]] = {
        "kind": "stream",
        "url": f"http://127.0.0.1:{PORT}/live.mjpg",
    }

    def __init__(self, guest: Guest) -> None:
        self._guest = guest
        self._unit = ""
        # Twice the pace of the film, so that something happens more often, or what it can bear.
        self._fps = 10 if guest.slowness > 1 else 50

    def plug(self) -> None:
        """Start serving, and return once it is answered there."""
        command = f"{PYTHON} -I {CHECKOUT}/tests/system/stream.py {self._fps} {PORT}"
        self._unit = start(self._guest, "camera", command)
        knock = f"true 2>/dev/null >/dev/tcp/127.0.0.1/{PORT}"
        run(self._guest, f"until {knock}; do sleep 0.1; done")

    def unplug(self) -> None:
        """Cut everyone off."""
        stop(self._guest, self._unit)


class Webcam:
    """A USB camera made of software, on a USB bus made of software.

    Args:
        guest: one with camera drivers.
    """

    fps = 10  # as many as an emulated processor can bear
    node = "/dev/v4l/by-id/usb-emotiond_Software_webcam_0001-video-index0"
    source: ClassVar[dict[str, Any]] = {"kind": "camera", "device": node, "fps": fps}

    def __init__(self, guest: Guest) -> None:
        self._guest = guest
        self._unit = ""

    def plug(self) -> None:
        """Put it in, and return once the kernel has found it."""
        run(self._guest, "modprobe --all vhci-hcd uvcvideo")
        command = f"{CHECKOUT}/tests/system/webcam.py {SUPPLIES}/clip.mjpeg {self.fps}"
        self._unit = start(self._guest, "camera", f"python3 -I {command}")
        run(self._guest, f"until [ -e {self.node} ]; do sleep 0.2; done")

    def unplug(self) -> None:
        """Pull it out."""
        stop(self._guest, self._unit)


class Pattern:
    """The kernel's own test camera (vivid), which shows no faces.

    Args:
        guest: one with camera drivers.
    """

    node = "/dev/v4l/by-path/platform-vivid.0-video-index0"
    source: ClassVar[dict[str, Any]] = {"kind": "camera", "device": node, "fps": 10}
    driver = "/sys/bus/platform/drivers/vivid"

    def __init__(self, guest: Guest) -> None:
        self._guest = guest

    def plug(self) -> None:
        """Bind it to its driver, and return once its node is there."""
        run(
            self._guest,
            f"modprobe vivid n_devs=1 node_types=0x1; echo vivid.0 >{self.driver}/bind || true",
        )
        run(self._guest, f"until [ -e {self.node} ]; do sleep 0.2; done")

    def unplug(self) -> None:
        """Take it from its driver: its node goes, whoever reads from it."""
        run(self._guest, f"echo vivid.0 >{self.driver}/unbind")
