"""Checks of cameras that are video nodes, by V4L2."""

import math
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from edge.capture import v4l2
from edge.capture.camera import CameraSettings
from edge.capture.v4l2 import GROUP, ROOT, Format, VideoNode, query_node
from edge.errors import CheckResult, failure, ok, warning

MAX_USB2_PIXELS = 640 * 480 * 30  # a second, from which raw ones do not fit (capture/camera.py)
COMPRESSED = frozenset({"MJPG", "JPEG"})
MAX_NAMED_FORMATS = 4  # in one line; some drivers have dozens


def check_camera(
    settings: CameraSettings, root: Path = ROOT, query: Callable[[Path], VideoNode] = query_node
) -> Iterator[CheckResult]:
    """Check the config's camera, and list the others; `query` tells what a node is."""
    path = root / settings.node
    subject, without_images = f"source {path}", []
    try:
        yield from _check_node(subject, path, query(path), settings, root)
    except OSError as error:
        remedy = v4l2.open_remedy(error, path, root)
        yield failure(subject, f"cannot be opened: {error.strerror}", remedy)
    for other in v4l2.video_nodes(root):
        if other.resolve() == path.resolve():
            continue
        try:
            node = query(other)
        except OSError as error:
            text = f"{v4l2.kernel_name(other, root)}: not the config's, and cannot be opened: "
            yield ok(f"camera {other}", f"{text}{error.strerror}")
            continue
        if node.captures:
            text = f"{node.title}: not the config's: {_format_names(node.formats)}"
            yield ok(f"camera {other}", text)
        else:
            without_images.append(other.name)
    if without_images:
        yield ok("camera", f"{', '.join(without_images)}: give no images")


def _check_node(
    subject: str, path: Path, node: VideoNode, settings: CameraSettings, root: Path
) -> Iterator[CheckResult]:
    if not node.gives_images:
        text = f"{node.title}: {v4l2.NO_IMAGES}"
        yield failure(subject, text, f"name another in `source`; {v4l2.PICAMERA_HINT}")
        return
    yield ok(subject, f"{node.title}: {_format_names(node.formats)}")
    yield from _check_size(subject, node, settings)
    for process in v4l2.processes_using(path, root):  # two cannot capture from it at once
        if process.startswith("emotiond "):
            yield ok(subject, f"in use by {process}")
        else:
            remedy = "end it if the daemon cannot open the camera"
            yield warning(subject, f"held open by {process}", remedy)
    mode = path.stat().st_mode
    by_group = v4l2.group_of(path) == GROUP and mode & 0o060 == 0o060
    if os.geteuid() == 0 and not by_group and not mode & stat.S_IWOTH:
        text = f"root may open it, the group {GROUP} of the service may not"
        remedy = f"sudo chgrp {GROUP} {path} && sudo chmod 660 {path}, and have udev do so"
        yield warning(subject, text, remedy)
    links = () if path.is_symlink() else sorted(root.glob("dev/v4l/by-id/*"))
    if link := next((one for one in links if one.resolve() == path.resolve()), None):
        yield ok(subject, f"`device: {link}` names the same camera, and survives replugging")


def _format_names(formats: tuple[Format, ...]) -> str:
    """Name the formats with the largest size of each; first those the daemon asks for."""
    parts = []
    for one in sorted(formats, key=lambda one: one.fourcc not in COMPRESSED):
        width, height = max((size.largest for size in one.sizes), key=math.prod, default=(0, 0))
        parts.append(f"{one.fourcc} up to {width}x{height}" if width else one.fourcc)
    if len(parts) > MAX_NAMED_FORMATS:
        parts[MAX_NAMED_FORMATS:] = [f"{len(parts) - MAX_NAMED_FORMATS} more"]
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
