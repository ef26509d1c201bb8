"""Stand-ins for cameras at USB: nodes in a folder, which show the built-in clip to one process at a time.

`install` makes the nodes, and what has each Python process that is started with a PYTHONPATH of that
folder find them, as if they were /dev/video0 and so on. Every node has a diary of who opened it.
"""

import fcntl
import os
import time
from pathlib import Path
from typing import Any

import cv2

from edge.capture import v4l2
from edge.capture.v4l2 import VideoNode
from edge.commands.demo import CLIP
from edge.service import settings

FRAME_S = 1 / 15  # between two frames


def install(folder: Path) -> list[Path]:
    """Return the nodes of two cameras; their folder goes into PYTHONPATH."""
    folder.mkdir(exist_ok=True)
    nodes = [folder / "video0", folder / "video1"]
    for node, device in zip(nodes, ("/dev/null", "/dev/zero"), strict=True):
        node.symlink_to(device)  # a character device, as a camera is
    script = "from pathlib import Path\nfrom tests.v4l2_cameras import stand_in\n"
    (folder / "sitecustomize.py").write_text(f"{script}stand_in(Path({str(folder)!r}))\n")
    return nodes


def opened(node: Path) -> int:
    """Return how often a camera was opened."""
    diary = node.with_suffix(".diary")
    return len(diary.read_text().splitlines()) if diary.exists() else 0


def stand_in(folder: Path) -> None:
    """Have this process find the cameras of a folder, and no others."""
    nodes = sorted(folder.glob("video?"))

    def told(node: Path) -> VideoNode:
        return VideoNode("standin", f"Camera {node.name}", "usb", True, ())

    for module in (v4l2, settings):
        module.video_nodes = lambda root=v4l2.ROOT: nodes  # type: ignore[attr-defined]
        module.query_node = told  # type: ignore[attr-defined]

    real = cv2.VideoCapture

    class Camera:  # none of a class of OpenCV's, which the garbage collector does not survive
        def __init__(self, node: Path) -> None:
            self._capture, self._lock = (
                real(),
                os.open(node.with_suffix(".lock"), os.O_CREAT | os.O_RDWR),
            )
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            self._capture.open(str(CLIP))
            with node.with_suffix(".diary").open("a") as diary:
                diary.write(f"{os.getpid()}\n")

        def __getattr__(self, name: str) -> Any:
            return getattr(self._capture, name)

        def set(self, *_: object) -> bool:
            return False

        def read(self) -> tuple[bool, Any]:
            time.sleep(FRAME_S)
            found, image = self._capture.read()
            if not found:  # from the beginning again
                self._capture.open(str(CLIP))
                return self._capture.read()
            return found, image

        def release(self) -> None:
            self._capture.release()
            os.close(self._lock)

    def capture(device: Any, api: int = cv2.CAP_ANY) -> Any:
        node = folder / f"video{device}" if isinstance(device, int) else Path(device)
        return Camera(node) if api == cv2.CAP_V4L2 and node in nodes else real(device, api)

    cv2.VideoCapture = capture  # type: ignore[assignment, misc]
