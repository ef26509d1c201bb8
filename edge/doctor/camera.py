"""Cameras: the video nodes there are, and whether the one that the config names can be used."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from grp import getgrgid
from pathlib import Path

from edge.capture.camera import CameraSettings
from edge.doctor.holders import holders
from edge.doctor.result import CheckResult, Level
from edge.doctor.user import user_name
from edge.doctor.v4l2 import Format, Node, query

SUBJECT = "camera"
"""Of those that the config does not name."""

RAW_PIXELS = 640 * 480 * 30
"""Pixels a second that do not fit USB 2 unless they are compressed (edge/capture/camera.py)."""

COMPRESSED = frozenset({"MJPG", "JPEG"})

MOST_NAMED = 4
"""Formats of one size that a line names; some drivers have dozens."""

SENSORS = frozenset({"unicam", "rp1-cfe"})
"""Drivers of a Raspberry Pi's camera port: raw values of the sensor, which libcamera develops."""

PI_CAMERA = "a camera at a Raspberry Pi's own port is read by `source: {kind: picamera}`"

GROUP = "video"
"""Whose members may open cameras, on Debian and under the unit."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the kernel and udev show devices and processes."""

    dev: Path = Path("/dev")
    sys: Path = Path("/sys")
    proc: Path = Path("/proc")


def examine_camera(
    settings: CameraSettings, places: Places = Places(), ask: Callable[[Path], Node] = query
) -> Iterator[CheckResult]:
    """Say what can be watched here, and whether the config's camera can.

    No picture is taken, so that a daemon that uses the camera is not disturbed.

    Args:
        settings: of the config's camera.
        places: where devices and processes are looked for.
        ask: asks a node what it is.
    """
    wanted = _node(settings.device, places)
    others = [node for node in video_nodes(places.dev) if node.resolve() != wanted.resolve()]
    yield from _examine_wanted(wanted, settings, places, ask)
    yield from _examine_others(others, places, ask)


def video_nodes(dev: Path) -> list[Path]:
    """Return every video node, by its number."""
    nodes = (path for path in dev.glob("video*") if path.name[5:].isdecimal())
    return sorted(nodes, key=lambda path: int(path.name[5:]))


def _node(device: int | str, places: Places) -> Path:
    return places.dev / f"video{device}" if isinstance(device, int) else Path(device)


def _examine_wanted(
    path: Path, settings: CameraSettings, places: Places, ask: Callable[[Path], Node]
) -> Iterator[CheckResult]:
    subject = f"source {path}"
    try:
        node = ask(path)
    except OSError as error:
        text = f"cannot be opened: {error.strerror}"
        yield CheckResult(Level.FAILURE, subject, text, _remedy(error, path, places))
        return
    if node.capability.buffers is None or node.capability.driver in SENSORS:
        text = f"{_called(node)}: gives no pictures that can be shown"
        yield CheckResult(Level.FAILURE, subject, text, f"name another in `source`; {PI_CAMERA}")
        return
    yield CheckResult(Level.OK, subject, f"{_called(node)}: {_tell(node.formats)}")
    yield from _examine_size(subject, node, settings)
    yield from _examine_holders(subject, path, places)
    yield from _examine_group(subject, path)
    yield from _examine_name(subject, path, places)


def _examine_others(
    paths: list[Path], places: Places, ask: Callable[[Path], Node]
) -> Iterator[CheckResult]:
    """Name the other cameras, a line each, and all that is none in one."""
    silent = []
    for path in paths:
        try:
            node = ask(path)
        except OSError as error:
            text = f"{_label(path, places)}: not the config's, and cannot be opened: "
            yield CheckResult(Level.OK, f"{SUBJECT} {path}", f"{text}{error.strerror}")
            continue
        if node.capability.buffers is None:
            silent.append(path.name)
        else:
            text = f"{_called(node)}: not the config's: {_tell(node.formats)}"
            yield CheckResult(Level.OK, f"{SUBJECT} {path}", text)
    if silent:
        yield CheckResult(Level.OK, SUBJECT, f"{', '.join(silent)}: give no pictures")


def _remedy(error: OSError, path: Path, places: Places) -> str:
    match error.errno:
        case errno.EACCES | errno.EPERM:
            add = f"sudo usermod -aG {_group(path)} {user_name()}"
            return f"{add}, and log in anew; the service is in the group {GROUP} by itself"
        case errno.EBUSY:
            return f"end what uses it{''.join(f': {one}' for one in holders(path, places.proc))}"
        case errno.ENOENT | errno.ENXIO | errno.ENODEV:
            return f"plug it in, or name another; {_choice(places)}; {PI_CAMERA}"
    return f"name a camera; {_choice(places)}"


def _choice(places: Places) -> str:
    names = [f"{node} ({_label(node, places)})" for node in video_nodes(places.dev)]
    return f"there are {', '.join(names)}" if names else "there is no video node"


def _label(node: Path, places: Places) -> str:
    """Return what the kernel calls a node, without opening it."""
    try:
        return (places.sys / "class/video4linux" / node.name / "name").read_text().strip()
    except OSError:
        return "without a name"


def _group(path: Path) -> str:
    try:
        return getgrgid(path.stat().st_gid).gr_name
    except (OSError, KeyError):
        return GROUP


def _called(node: Node) -> str:
    return f"{node.capability.card} ({node.capability.driver}, {node.capability.bus})"


def _tell(formats: tuple[Format, ...]) -> str:
    """Name the formats by the largest size they come in; first the one that the daemon asks for."""
    by_size: dict[str, list[str]] = {}
    for one in sorted(formats, key=lambda one: one.fourcc not in COMPRESSED):
        by_size.setdefault(_largest(one), []).append(one.fourcc)
    return "; ".join(f"{_few(names)}{size}" for size, names in by_size.items()) or "no format named"


def _largest(one: Format) -> str:
    if not one.sizes:
        return ""
    width, height = max((size.largest for size in one.sizes), key=lambda size: size[0] * size[1])
    return f" up to {width}x{height}"


def _few(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _examine_size(subject: str, node: Node, settings: CameraSettings) -> Iterator[CheckResult]:
    """Warn where pictures cannot come as they are asked for."""
    width, height = settings.width, settings.height
    having = [one.fourcc for one in node.formats if one.holds(width, height)]
    sized = any(one.sizes for one in node.formats)  # a driver need not tell sizes
    if sized and not having:
        text = f"does not offer {width}x{height}; it will give the nearest it has"
        yield CheckResult(
            Level.WARNING, subject, text, "set `width` and `height` to a size it offers"
        )
    raw = having and not COMPRESSED & set(having)
    on_usb = node.capability.bus.startswith("usb-")
    if raw and on_usb and width * height * settings.fps >= RAW_PIXELS:
        text = f"has {width}x{height} uncompressed alone; over USB 2 that is too much for "
        remedy = "set a size that it has as MJPG, or fewer `fps`"
        yield CheckResult(Level.WARNING, subject, f"{text}{settings.fps} pictures a second", remedy)


def _examine_holders(subject: str, path: Path, places: Places) -> Iterator[CheckResult]:
    """Say who has the camera open; two cannot take pictures from it at once."""
    for holder in holders(path, places.proc):
        if holder.startswith("emotiond "):
            yield CheckResult(Level.OK, subject, f"in use by {holder}")
        else:
            remedy = "end it if the daemon cannot open the camera"
            yield CheckResult(Level.WARNING, subject, f"held open by {holder}", remedy)


def _examine_group(subject: str, path: Path) -> Iterator[CheckResult]:
    """Root may open any node; the service, whose users are others, by its group alone."""
    if os.geteuid() != 0:
        return
    mode = path.stat().st_mode
    shared = _group(path) == GROUP and mode & stat.S_IRGRP and mode & stat.S_IWGRP
    if not shared and not mode & stat.S_IWOTH:
        text = f"root may open it, the group {GROUP} of the service may not"
        remedy = f"sudo chgrp {GROUP} {path} && sudo chmod 660 {path}, and have udev do so"
        yield CheckResult(Level.WARNING, subject, text, remedy)


def _examine_name(subject: str, path: Path, places: Places) -> Iterator[CheckResult]:
    """Offer a name that stays where a number may change when the camera is plugged in again."""
    if path.is_symlink():
        return
    for link in sorted((places.dev / "v4l/by-id").glob("*")):
        if link.resolve() == path.resolve():
            text = f"`device: {link}` names the same camera, and survives replugging"
            yield CheckResult(Level.OK, subject, text)
            return
