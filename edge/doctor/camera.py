"""Checks of cameras that are video nodes, by V4L2."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from edge.capture.camera import CameraSettings
from edge.capture.v4l2 import (
    GROUP,
    NO_IMAGES,
    PICAMERA_HINT,
    ROOT,
    Format,
    VideoNode,
    group_of,
    kernel_name,
    open_remedy,
    processes_using,
    query_node,
    video_nodes,
)
from edge.errors import CheckResult, failure, ok, warning

MAX_USB2_PIXELS = 640 * 480 * 30
"""Pixels a second from which uncompressed images do not fit USB 2 (edge/capture/camera.py)."""

COMPRESSED = frozenset({"MJPG", "JPEG"})

MAX_NAMED_FORMATS = 4
"""Formats of one size that a line names; some drivers have dozens."""


def check_camera(
    settings: CameraSettings,
    root: Path = ROOT,
    query: Callable[[Path], VideoNode] = query_node,
) -> Iterator[CheckResult]:
    """Check the config's camera, and list the others; `query` tells what a node is."""
    path = root / settings.node
    others = [node for node in video_nodes(root) if node.resolve() != path.resolve()]
    try:
        node = query(path)
    except OSError as error:
        remedy = open_remedy(error, path, root)
        yield failure(f"source {path}", f"cannot be opened: {error.strerror}", remedy)
    else:
        yield from _check_node(path, node, settings, root)
    yield from _list_others(others, root, query)


def _check_node(
    path: Path, node: VideoNode, settings: CameraSettings, root: Path
) -> Iterator[CheckResult]:
    subject = f"source {path}"
    if not node.gives_images:
        text = f"{node.title}: {NO_IMAGES}"
        yield failure(subject, text, f"name another in `source`; {PICAMERA_HINT}")
        return
    yield ok(subject, f"{node.title}: {_format_names(node.formats)}")
    yield from _check_size(subject, node, settings)
    for process in processes_using(path, root):  # two cannot capture from it at once
        if process.startswith("emotiond "):
            yield ok(subject, f"in use by {process}")
        else:
            remedy = "end it if the daemon cannot open the camera"
            yield warning(subject, f"held open by {process}", remedy)
    yield from _check_group(subject, path)
    for link in () if path.is_symlink() else sorted(root.glob("dev/v4l/by-id/*")):
        if link.resolve() == path.resolve():
            yield ok(subject, f"`device: {link}` names the same camera, and survives replugging")
            return


def _list_others(
    nodes: list[Path], root: Path, query: Callable[[Path], VideoNode]
) -> Iterator[CheckResult]:
    """Name the other cameras, a line each, and all nodes that are none in one."""
    without_images = []
    for path in nodes:
        try:
            node = query(path)
        except OSError as error:
            text = f"{kernel_name(path, root)}: not the config's, and cannot be opened: "
            yield ok(f"camera {path}", f"{text}{error.strerror}")
            continue
        if node.captures:
            text = f"{node.title}: not the config's: {_format_names(node.formats)}"
            yield ok(f"camera {path}", text)
        else:
            without_images.append(path.name)
    if without_images:
        yield ok("camera", f"{', '.join(without_images)}: give no images")


def _format_names(formats: tuple[Format, ...]) -> str:
    """Name the formats by the largest size they come in; first the one that the daemon asks for."""
    by_size: dict[str, list[str]] = {}
    for one in sorted(formats, key=lambda one: one.fourcc not in COMPRESSED):
        size = ""
        if one.sizes:
            width, height = max((each.largest for each in one.sizes), key=lambda wh: wh[0] * wh[1])
            size = f" up to {width}x{height}"
        by_size.setdefault(size, []).append(one.fourcc)
    parts = []
    for size, names in by_size.items():
        more = len(names) - MAX_NAMED_FORMATS
        shown = ", ".join(names[:MAX_NAMED_FORMATS]) + (f" and {more} more" if more > 0 else "")
        parts.append(f"{shown}{size}")
    return "; ".join(parts) or "no format named"


def _check_size(subject: str, node: VideoNode, settings: CameraSettings) -> Iterator[CheckResult]:
    """Warn where images cannot come as they are asked for."""
    width, height = settings.width, settings.height
    offered = {one.fourcc for one in node.formats if one.offers(width, height)}
    if not offered and any(one.sizes for one in node.formats):
        text = f"does not offer {width}x{height}; it will give the nearest it has"
        yield warning(subject, text, "set `width` and `height` to a size it offers")
    fits_usb2 = width * height * settings.fps < MAX_USB2_PIXELS
    if offered and not COMPRESSED & offered and node.bus.startswith("usb-") and not fits_usb2:
        text = f"has {width}x{height} uncompressed alone; over USB 2 that is too much for "
        remedy = "set a size that it has as MJPG, or fewer `fps`"
        yield warning(subject, f"{text}{settings.fps} images a second", remedy)


def _check_group(subject: str, path: Path) -> Iterator[CheckResult]:
    """Root may open any node; the service, whose users are others, by its group alone."""
    if os.geteuid() != 0:
        return
    mode = path.stat().st_mode
    shared = group_of(path) == GROUP and mode & stat.S_IRGRP and mode & stat.S_IWGRP
    if not shared and not mode & stat.S_IWOTH:
        text = f"root may open it, the group {GROUP} of the service may not"
        remedy = f"sudo chgrp {GROUP} {path} && sudo chmod 660 {path}, and have udev do so"
        yield warning(subject, text, remedy)
