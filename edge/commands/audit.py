"""`emotiond audit` and `forget`: what leaves this machine, what is stored on it, and its end."""

import argparse
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import date
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import msgspec
from rich.table import Table

from edge import __version__
from edge.commands.common import add_config, print_table
from edge.config import Config, load_config
from edge.errors import ExitCode
from edge.paths import IMAGE_LINKS
from edge.publish import MqttSettings
from edge.publish.retained import RETAINED
from edge.service.cameras import FILE as PAUSE_FILE
from edge.service.commands import CommandName
from edge.service.retention import delete_all, event_logs, stored_files
from edge.terminal import print_error, print_json, print_line
from edge.types import DISK, DataFlow
from edge.view import PrivacyBlur
from edge.view.snapshots import SNAPSHOTS

COLUMNS = "data", "what", "to", "where", "leaves this machine", "how long"
NO_IMAGE = "no image is stored, shown or sent"

STATE_FILES = {  # and folders in the state folder, beside the outboxes
    PAUSE_FILE: ("settings", "when a pause ends", "until it ends"),
    "tried-models": ("verdicts", "hashes of models that could be run", "until deleted"),
    RETAINED: ("settings", "topics that MQTT brokers retain", "until they are cleared there"),
    IMAGE_LINKS: ("settings", "links to the images that were written", "as long as the images"),
    SNAPSHOTS: ("images", "snapshots of events that were written", "as `snapshots.keep` says"),
}


def add_audit_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `audit`."""
    add_config(parser)
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="print the table as a JSON list")
    forms.add_argument("--notice", action="store_true", help="print a notice for the door, as HTML")
    text = "print a data protection impact assessment, as Markdown"
    forms.add_argument("--dpia", action="store_true", help=text)


def audit(options: argparse.Namespace) -> ExitCode:
    """Print what the config lets leave this machine, and what is stored where."""
    config = load_config(options.config)
    flows = list(data_flows(config))
    if options.json:
        print_json(msgspec.json.encode([asdict(flow) for flow in flows]))
    elif options.notice:
        _print_template("notice.html", config, flows, _html)
    elif options.dpia:
        _print_template("dpia.md", config, flows, _markdown)
    else:
        table = Table(*COLUMNS)
        for row in _rows(flows):
            table.add_row(*row)
        print_table(table)
        if not any(flow.data == "images" for flow in flows):
            print_line(NO_IMAGE)
    return ExitCode.OK


def _rows(flows: Iterable[DataFlow]) -> Iterator[tuple[str, ...]]:
    for flow in flows:
        leaves = "yes" if flow.leaves else "no"
        yield flow.data, flow.what, flow.to, flow.where, leaves, flow.kept or "is not kept"


def _print_template(
    name: str, config: Config, flows: Sequence[DataFlow], escaped: Callable[[str | list[str]], str]
) -> None:
    template = Template(Path(__file__).with_name(name).read_text(encoding="utf-8"))
    filled = {key: escaped(value) for key, value in _fields(config, flows).items()}
    rows = [COLUMNS, ("---",) * len(COLUMNS), *_rows(flows)]
    table = "\n".join(f"| {' | '.join(map(_markdown, row))} |" for row in rows)
    for line in template.substitute(filled, table=table).splitlines():
        print_line(line)


def add_forget_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `forget`."""
    add_config(parser)
    parser.add_argument("--yes", action="store_true", help="delete it; without, it is only listed")


def forget(options: argparse.Namespace) -> ExitCode:
    """List what is stored of people by a config, and delete it where `--yes` is given."""
    config = load_config(options.config)
    stored = list(stored_files(config))
    if not stored:
        print_line("no events and no images are stored")
        return ExitCode.OK
    if options.yes:
        delete_all(config)
    for one in stored:
        print_line(f"{one.path}: {one.data}{' deleted' if options.yes else ''}")
    if not options.yes:
        print_error("nothing was deleted; `emotiond forget --yes` deletes these files")
    return ExitCode.OK if options.yes else ExitCode.USAGE


def data_flows(config: Config) -> Iterator[DataFlow]:
    """Yield what leaves the process by each part of a config, then what lies on disk."""
    blurs = "; ".join(dict.fromkeys(one.privacy.blur for one in config.by_camera().values()))
    blur = "" if blurs == PrivacyBlur.NONE else f", blurred ({blurs})"
    for flow in config.outgoing_flows():
        yield replace(flow, what=flow.what + blur) if flow.data == "images" else flow
    yield from _stored_flows(config)
    for path in sorted(config.state_folder.glob("*")):
        if not path.name.startswith("outbox-"):
            name = re.sub(r"^pause-.+\.json$", PAUSE_FILE, path.name)
            data, what, kept = STATE_FILES.get(name, ("unknown",) * 3)
            yield _on_disk(data, what, path, kept)
    for name, place in _secrets(msgspec.to_builtins(config, enc_hook=str), ""):
        yield DataFlow("secrets", name, "its place", place, False, "until changed")
    to, kept = "the terminal, or systemd's journal", "as the journal is set"
    yield DataFlow("log", "changes of state, faults", to, "standard error", False, kept)


def _secrets(data: Any, place: str) -> Iterator[tuple[str, str]]:
    """Yield where each secret stands, such as `sinks[0].password`, and where it is kept."""
    keys = range(len(data)) if isinstance(data, list) else data if isinstance(data, dict) else ()
    for key in keys:
        if key in ("file", "env", "credential") and isinstance(data[key], str):
            yield place, f"{key} {data[key]}"
        else:
            below = f"{place}[{key}]" if isinstance(key, int) else f"{place}.{key}"
            yield from _secrets(data[key], below.removeprefix("."))


def _stored_flows(config: Config) -> Iterator[DataFlow]:
    """Yield what is recorded of people, or will be."""
    events, images = (_kept(age) for age in msgspec.structs.astuple(config.retention))
    planned = dict.fromkeys(sorted(event_logs(config)), events)
    planned |= {path: "until sent, or too old for it" for path in config.outbox_paths() if path}
    folders = Counter[Path]()
    for stored in stored_files(config):
        if stored.data == "images":
            folders[stored.path.parent] += 1
        elif stored.data == "numbers":
            what = "how the model errs of one person's face"
            yield _on_disk("numbers", what, stored.path, _kept(None))
        elif stored.data == "events" and stored.path.suffix not in {".sqlite-wal", ".sqlite-shm"}:
            planned.setdefault(stored.path, events)
    for path, kept in planned.items():
        yield _on_disk("events", "each face, its expression and place", path, kept)
    for folder, number in folders.items():
        yield _on_disk("images", f"{number} of faces, or of the window", folder, images)


def _on_disk(data: str, what: str, path: Path, kept: str) -> DataFlow:
    return DataFlow(data, what, DISK, str(path), False, kept)


def _kept(seconds: float | None) -> str:
    """Return a retention in its largest whole unit, such as `at most 30 days`."""
    if seconds is None:
        return "until `emotiond forget`"
    names = {"day": 86400, "hour": 3600, "minute": 60}
    name = next(name for name, size in names.items() if seconds >= size)
    number = f"{seconds / names[name]:.3g}"
    return f"at most {number} {name}" + ("" if number == "1" else "s")


def _pauses(config: Config) -> Iterator[str]:
    """Yield each way to pause that the config leaves open."""
    for sink in config.sinks:
        if isinstance(sink, MqttSettings) and CommandName.PAUSE in sink.commands:
            for camera in config.by_camera() if sink.homeassistant is not None else ():
                device = f"{sink.name} {camera}".rstrip()
                yield f"the switch Pause of the device {device} in Home Assistant"
            yield f"the message ON on the MQTT topic {sink.root}/set/pause"
            for name in config.cameras:
                yield f"of the camera {name} alone: on {sink.root}/{name}/set/pause"
    if config.web.enabled:
        yield f"the button on the web page of this machine, port {config.web.port}"
    if config.preview.enabled:
        yield "the space bar in the window"
    yield "ask who is responsible"


def _fields(config: Config, flows: Sequence[DataFlow]) -> dict[str, str | list[str]]:
    """Return what both templates are filled with."""
    people = [flow for flow in flows if flow.data in {"images", "events", "faces"}]
    images = [f"{one.what}: {one.to}" for one in people if one.data == "images"]
    stored = [f"{one.what}: {one.kept}" for one in people if not one.leaves and one.kept]
    sent = [f"{one.what}: {one.to}" for one in people if one.leaves]
    cameras = config.by_camera().values()
    sources = (f"{one.source.__struct_config__.tag} {one.source.location}" for one in cameras)
    return {
        "operator": config.deployment.operator or "_" * 40,
        "purpose": config.deployment.purpose or "_" * 40,
        "context": config.deployment.context,
        "date": date.today().isoformat(),
        "version": __version__,
        "model": ", ".join(dict.fromkeys(one.classifier.model.name for one in cameras)),
        "source": ", ".join(sources),
        "event_age": _kept(config.retention.max_event_age_s),
        "image_age": _kept(config.retention.max_image_age_s),
        "blur": ", ".join(dict.fromkeys(one.privacy.blur for one in cameras)),
        "images": images or [NO_IMAGE],
        "stored": list(dict.fromkeys(stored)) or ["nothing is recorded"],
        "sent": sent or ["nothing leaves this machine"],
        "pause": list(_pauses(config)),
    }


def _html(value: str | list[str]) -> str:
    if isinstance(value, str):
        return escape(value)
    return f"<ul>{''.join(f'<li>{escape(one)}</li>' for one in value)}</ul>"


def _markdown(value: str | list[str]) -> str:
    text = value if isinstance(value, str) else "; ".join(value)
    return " ".join(text.replace("|", r"\|").replace("<", "&lt;").split())
