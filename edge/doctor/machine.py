"""Checks of the machine: user, CPU, cameras, clock, temperature, throttling and systemd unit."""

import math
import os
import platform
import stat
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from edge.capture import v4l2
from edge.capture.camera import CameraSettings
from edge.capture.v4l2 import GROUP, ROOT, Format, VideoNode, query_node
from edge.errors import CheckResult, failure, ok, warning
from edge.metrics import ZONES, SystemStats
from edge.paths import systemd_unit_for, user_name
from edge.terminal import plural

PROGRAM_S = 20.0  # within which a program that is asked must answer
CPUINFO = Path("/proc/cpuinfo")
DEVICES = Path("/sys/devices")
SYSTEMD = Path("/run/systemd/system")  # is there where systemd is the first process (sd_booted(3))
MAX_USB2_PIXELS = 640 * 480 * 30  # a second, from which raw ones do not fit (capture/camera.py)
COMPRESSED = frozenset({"MJPG", "JPEG"})
MAX_NAMED_FORMATS = 4  # in one line; some drivers have dozens


def output_of(*command: str) -> str:
    """Return what a program prints, or raise an OSError or SubprocessError."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=PROGRAM_S, check=True)
    return done.stdout + done.stderr


def check_user(service: str | None) -> Iterator[CheckResult]:
    """Say who runs the checks, where `service`, the unit that runs the config, is another user."""
    if service is None:
        return
    if os.geteuid() == 0:
        yield ok("user", f"root looks; {service} is another user in a sandbox, and may open less")
    else:
        text = f"{user_name()} looks, who may read neither state nor secrets of {service}"
        yield warning("user", text, "run it with sudo")


INT8_FLAGS = {"x86_64": ("avx2", "avx512_vnni", "avx_vnni"), "aarch64": ("asimddp",)}
"""Flags in /proc/cpuinfo of instructions that XNNPACK has faster int8 kernels for."""

WITHOUT_INT8_FLAGS = {
    "x86_64": "without avx2, models take longer",
    # docs/research/detectors.md: the network of `emotiond` at 320x240, millions of instructions.
    "aarch64": "without asimddp, as in a Raspberry Pi 3 and 4: the detector's network takes 27.0 "
    "million instructions a call, with it 10.8",
}

SLOW_MODELS = "models take hundreds of times as long"
"""As LiteRT leaves out XNNPACK: `shallow-int8` 0.15 and 76 ms, `face-320x240` 0.28 and 107 ms
(LiteRT 2.3.0, x86-64, /proc with subset=pid; 2026-11-26)."""


def check_cpu(cpuinfo: Path = CPUINFO, machine: str | None = None) -> Iterator[CheckResult]:
    """Check that the CPU's flags can be read (proc(5)), and name those that models gain by."""
    machine = machine or platform.machine()
    try:
        words = set(cpuinfo.read_text().split())
    except OSError as error:
        text = f"{cpuinfo}: cannot be read: {error.strerror}; without XNNPACK {SLOW_MODELS}"
        yield warning("cpu", text, "mount /proc whole; a unit's ProcSubset=pid hides it")
        return
    flags = ", ".join(flag for flag in INT8_FLAGS.get(machine, ()) if flag in words)
    without = WITHOUT_INT8_FLAGS.get(machine, "of a kind not known here")
    yield ok("cpu", f"{machine} {f'with {flags}' if flags else without}")


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


def check_clock(run: Callable[..., str] = output_of) -> Iterator[CheckResult]:
    """Check that something keeps the time right: a Raspberry Pi learns it from the network."""
    shown = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    try:
        answer = run("timedatectl", "show", "--property=NTPSynchronized", "--value")
    except (OSError, subprocess.SubprocessError):
        yield ok("clock", f"{shown}; timedatectl does not say whether it is right")
        return
    if answer.strip() == "yes":
        yield ok("clock", f"{shown}, kept right")
    else:
        remedy = "sudo timedatectl set-ntp true, or install chrony or systemd-timesyncd"
        yield warning("clock", f"{shown}, which nothing keeps right; events carry it", remedy)


FIRMWARE = "platform/soc*/soc*firmware/get_throttled"  # as `vcgencmd get_throttled` tells it
HOT = 80.0  # °C, then the CPU slows (Raspberry Pi's "Frequency management and thermal control")
COOL_REMEDY = "give it air or a heat sink"
POWER_REMEDY = "give the board the power supply made for it, and USB devices one of their own"

THROTTLED_BITS = (  # by what is so now (Raspberry Pi documentation, "vcgencmd")
    (1, "too little voltage", POWER_REMEDY),
    (2, "the CPU's frequency is capped", COOL_REMEDY),
    (4, "the CPU is throttled", COOL_REMEDY),
    (8, "the soft limit of temperature is reached", COOL_REMEDY),
)

SINCE_BOOT = 16  # each bit stands a second time so much higher: it has been so since the boot


def check_temperature(zones: Path = ZONES) -> Iterator[CheckResult]:
    """Check how hot it is."""
    degrees = SystemStats(zones).sample().temperature
    if degrees is None:
        yield ok("temperature", "there is no thermometer")
    elif degrees >= HOT:
        text = f"{degrees} °C; a Raspberry Pi is slower from {HOT:.0f} °C"
        yield warning("temperature", text, COOL_REMEDY)
    else:
        yield ok("temperature", f"{degrees} °C")


def check_throttling(devices: Path = DEVICES) -> Iterator[CheckResult]:
    """Check that nothing holds the CPU back, where it is known."""
    for path in devices.glob(FIRMWARE):
        bits = _read_number(path, 16)
        if bits is None:
            continue
        if bits == 0:
            yield ok("throttling", "none since the boot")
        for bit, text, remedy in THROTTLED_BITS:
            if bits & bit:
                yield warning("throttling", f"{text} now", remedy)
            elif bits & bit << SINCE_BOOT:
                yield warning("throttling", f"since the boot: {text}", remedy)
    folder = devices / "system/cpu/cpu0/cpufreq"  # in kHz
    allowed = _read_number(folder / "scaling_max_freq", 10)
    highest = _read_number(folder / "cpuinfo_max_freq", 10)
    if allowed and highest:
        text = f"up to {allowed // 1000} of {highest // 1000} MHz are allowed"
        remedy = f"raise {devices}/system/cpu/cpu*/cpufreq/scaling_max_freq"
        yield warning("frequency", text, remedy) if allowed < highest else ok("frequency", text)


def _read_number(path: Path, base: int) -> int | None:
    try:
        return int(path.read_text(), base)
    except (OSError, ValueError):
        return None


CAMERA_REMEDY = "look at its lens, its light and its cable; the log says since when"

STARTED_AT_BOOT = frozenset({"enabled", "enabled-runtime", "static", "linked", "generated"})
"""States of unit files that are not forgotten at the next boot."""


def check_unit(
    config: Path, systemd: Path = SYSTEMD, run: Callable[..., str] = output_of
) -> Iterator[CheckResult]:
    """Check the unit that runs a config; of any other config, emotiond.service."""
    if not systemd.exists():
        yield ok("systemd", "does not run here")
        return
    service = systemd_unit_for(config)
    unit = service or "emotiond.service"
    try:
        lines = run("systemctl", "show", unit).splitlines()
    except (OSError, subprocess.SubprocessError) as error:
        yield warning("systemd", f"cannot be asked: {error}", f"try `systemctl status {unit}`")
        return
    found = defaultdict[str, str](str, (line.partition("=")[::2] for line in lines))
    load, active, sub = found["LoadState"], found["ActiveState"], found["SubState"]
    activity, journal = f"{active} ({sub})", f"read `journalctl -u {unit} -n 50`"
    match load, active:
        case "loaded", "active" | "reloading":
            yield ok(unit, activity)
        case "loaded", "inactive":
            yield warning(unit, activity, f"sudo systemctl start {unit}")
        case "loaded", "activating" if sub != "auto-restart":
            yield warning(unit, f"{activity}: no frame has come yet", journal)
        case "loaded", _:  # a config that cannot work ends it for good, with 78
            result = f"{found['Result']}, status {found['ExecMainStatus']}"
            yield failure(unit, f"{activity}: {result}", journal)
        case "not-found", _ if service is None:
            yield ok(unit, "is not installed; the daemon is not run by systemd")
        case "not-found", _:
            yield failure(unit, "is not installed", "sudo systemd/install")
        case "masked", _:
            yield failure(unit, "is masked", f"sudo systemctl unmask {unit}")
        case _:
            remedy = f"read `systemctl status {unit}`, and run sudo systemd/install again"
            yield failure(unit, f"cannot be loaded: {load}", remedy)
    if load == "loaded":
        yield from _check_care(unit, found)


def _check_care(unit: str, found: dict[str, str]) -> Iterator[CheckResult]:
    """Warn of what will be missed later, and of a camera that sees nothing now."""
    camera = found["StatusText"].partition(";")[0]
    if camera in ("camera offline", "camera frozen", "camera dark"):
        yield warning(unit, f"the daemon says: {camera}", CAMERA_REMEDY)
    if (state := found["UnitFileState"]) not in STARTED_AT_BOOT:
        yield warning(unit, f"does not start at boot: {state}", f"sudo systemctl enable {unit}")
    if restarts := int(found["NRestarts"] or 0):
        text = f"was started anew {plural(restarts, 'time')} after it failed"
        yield warning(unit, text, f"read `journalctl -u {unit}` for the reasons")
    if found["NeedDaemonReload"] == "yes":
        remedy = f"sudo systemctl daemon-reload && sudo systemctl restart {unit}"
        yield warning(unit, "its file was changed, and is not in force", remedy)
    if found["ProcSubset"] == "pid":
        yield warning(unit, f"ProcSubset=pid hides {CPUINFO}; {SLOW_MODELS}", "set ProcSubset=all")
