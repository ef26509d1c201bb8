"""Settings as the web page shows and changes them: described by their types, edited in the file."""

import inspect
import math
import re
import textwrap
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect as types

from edge.capture.camera import CameraSettings
from edge.capture.v4l2 import ROOT, query_node, video_nodes
from edge.config import Config, RetentionSettings
from edge.config_values import MAX_BYTES, expand_shorthand, parse_yaml, read_config, rename_keys
from edge.errors import ConfigError, os_errors_as
from edge.paths import asset, atomic_write
from edge.publish import MqttSettings
from edge.secrets import SecretRef, is_secret
from edge.service.commands import CommandError, ErrorCode
from edge.view import PrivacyBlur

UNCHANGEABLE = frozenset({"web", "preview", "state_dir", "sinks", "cameras", "runtime"})
"""Sections that the page does not change: by whom it is seen, where files are, which programs and
libraries are loaded, what one of several cameras has of its own. Of the sinks it changes MQTT's."""


def describe_settings(config: Config, path: Path) -> dict[str, Any]:
    """Return the settings that the page can change, as plain values without secrets."""
    cameras, sources = dict[str, str](), [one.source for one in config.by_camera().values()]
    own = {(ROOT / one.node).resolve() for one in sources if isinstance(one, CameraSettings)}
    for node in video_nodes():
        with suppress(OSError):
            if (found := query_node(node)).gives_images:
                cameras[str(node)] = found.card
    used = [one for one in cameras if Path(one).resolve() in own]
    return {"path": str(path), "sections": _sections(config), "cameras": cameras, "used": used}


def _sections(config: Config) -> list[dict[str, Any]]:
    shown = config.redacted()
    sections = [
        _section(name, getattr(config, name), shown[name])
        for name in config.__struct_fields__
        if name not in UNCHANGEABLE and isinstance(getattr(config, name), msgspec.Struct)
    ]
    loose = set(config.__struct_fields__) - UNCHANGEABLE  # keys that have no section
    regions = [field for field in _fields("", config, shown) if field["key"] in loose]
    sections.append({"name": "regions", "kind": None, "fields": regions})
    brokers = [one for one in enumerate(config.sinks) if isinstance(one[1], MqttSettings)]
    for number, sink in brokers:
        sections.append(_section(f"sinks.{number}", sink, shown["sinks"][number]))
    if not brokers:  # a first one
        number, sink = len(config.sinks), MqttSettings()
        shown = msgspec.to_builtins(sink, enc_hook=str)
        shown["host"] = ""  # to be named, though it has a default
        sections.append(_section(f"sinks.{number}", sink, shown) | {"kind": None})
    return sections


def _section(key: str, settings: msgspec.Struct, shown: Any) -> dict[str, Any]:
    kind = settings.__struct_config__.tag
    return {"name": key, "kind": kind, "fields": list(_fields(f"{key}.", settings, shown))}


def _fields(prefix: str, settings: msgspec.Struct, shown: Any) -> Iterator[dict[str, Any]]:
    meanings = descriptions(type(settings))
    described = types.type_info(type(settings))
    assert isinstance(described, types.StructType)
    for field in described.fields:
        key, value = f"{prefix}{field.name}", getattr(settings, field.name)
        if isinstance(value, msgspec.Struct) and not isinstance(value, SecretRef):
            yield from _fields(f"{key}.", value, shown[field.name])
            continue
        made = field.default_factory
        default = made() if made is not msgspec.NODEFAULT else field.default
        yield {
            "key": key,
            "value": shown[field.name],
            "default": None if field.required else msgspec.to_builtins(default, enc_hook=str),
            "meaning": meanings.get(field.name, ""),
            **_value_kind(field.name, field.type),
        }


def _value_kind(name: str, kind: types.Type) -> dict[str, Any]:
    """Return what a value may be: its kind, and choices or bounds."""
    options = kind.types if isinstance(kind, types.UnionType) else (kind,)
    found: dict[str, Any] = {"kind": "yaml"}
    match [one for one in options if not isinstance(one, types.NoneType)]:
        case _ if is_secret(name):  # a user's name may stand in the file itself
            in_file = any(isinstance(one, types.StrType) for one in options)
            found = {"kind": "secret", "file": not in_file}
        case [types.BoolType()]:
            found = {"kind": "switch"}
        case [types.EnumType(cls=cls)]:
            found = {"kind": "choice", "choices": [one.value for one in cls]}
        case [types.LiteralType(values=values)]:
            choices = sorted(values, key=lambda one: (str(type(one)), one))
            found = {"kind": "choice", "choices": choices}
        case [(types.IntType() | types.FloatType()) as number]:
            found = {
                "kind": "number",
                "whole": isinstance(number, types.IntType),
                "min": number.ge if number.ge is not None else number.gt,
                "max": number.le if number.le is not None else number.lt,
            }
        case [types.StrType() | types.CustomType()]:
            found = {"kind": "text"}
    return found


def descriptions(cls: type) -> dict[str, str]:
    """Return what the docstrings of a class and its bases say of each attribute."""
    found: dict[str, str] = {}
    for one in reversed(cls.__mro__):
        _, _, listed = inspect.cleandoc(one.__doc__ or "").partition("\nAttributes:\n")
        listed = textwrap.dedent(listed.partition("\n\n")[0])
        for entry in re.findall(r"^(\w[^:\n]*): (.*(?:\n .*)*)", listed, re.MULTILINE):
            found |= dict.fromkeys(entry[0].split(", "), " ".join(entry[1].split()))
    return found


def privacy_losses(old: Config, new: Config) -> list[str]:
    """Return what a new config shows, sends or keeps that the old one did not, in a few words."""
    known = {(flow.data, flow.to, flow.where) for flow in old.outgoing_flows()}
    losses = [
        f"{flow.data} go to {flow.to} ({flow.where})"
        for flow in new.outgoing_flows()
        if (flow.leaves or flow.data == "images") and (flow.data, flow.to, flow.where) not in known
    ]
    blurs = list(PrivacyBlur)  # the weakest first
    for before, after in zip(old.by_camera().values(), new.by_camera().values(), strict=True):
        if set(before.ignore) - set(after.ignore):
            losses.append("a region that was black is shown and searched")
        if blurs.index(after.privacy.blur) < blurs.index(before.privacy.blur):
            losses.append(f"images are blurred less: {after.privacy.blur}")
        if after.snapshots.on and after.snapshots.max_age_s > before.snapshots.max_age_s:
            losses.append("what is recorded is kept for longer (snapshots.keep)")
    for key in RetentionSettings.__struct_fields__:
        age, longer = (getattr(one.retention, key) or math.inf for one in (old, new))
        if longer > age:
            losses.append(f"what is recorded is kept for longer ({key})")
    return losses


class SettingsFile:
    """Config file that is edited in place: its comments and its order stay."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._secrets: list[Path] = []

    def edit(self, config: Config, changes: Mapping[str, Any], secrets: Path) -> bytes:
        """Return the text of the file with other values, by key as `describe_settings` has them.

        None brings a default back. `config` is what the file says now. A secret is written into a
        file of its own in the folder `secrets`, and the text says where.
        """
        from ruamel.yaml import YAML

        if self.path.is_relative_to(asset("config").resolve()):
            text = "belongs to the program; start it with `--config` and a file of your own"
            raise ConfigError(f"{self.path}: {text}")
        yaml = YAML()
        yaml.preserve_quotes = True
        yaml.width = MAX_BYTES  # no line is broken
        sections = _sections(config)
        fields = {field["key"]: field for one in sections for field in one["fields"]}
        fields |= {one["name"]: {"kind": "yaml"} for one in sections if "." not in one["name"]}
        data = yaml.load(rename_keys(read_config(self.path))[0]) or {}
        for key, value in changes.items():
            if key not in fields:
                text = f"expected a setting that the page can change, found {key[:80]!r}"
                raise CommandError(ErrorCode.REFUSED, text)
            plain = value
            if isinstance(value, str) and fields[key].get("file"):
                plain = self._write_secret(value, secrets)
            elif isinstance(value, str) and fields[key]["kind"] in {"yaml", "number"}:
                plain = parse_yaml(value, Path(key))
            _assign(data, key.split("."), plain, config, self.path.parent)
        out = BytesIO()
        yaml.dump(data, out)
        return out.getvalue()

    def keep_backup(self) -> None:
        """Copy the file to one beside it, whose name ends in `.bak`, or raise an OSError."""
        atomic_write(self.path.with_name(f"{self.path.name}.bak"), self.path.read_bytes(), True)

    def save(self, text: bytes) -> None:
        """Replace the text of the file; errors as `keep_backup`."""
        atomic_write(self.path, text, private=True)
        self._secrets.clear()

    def discard(self) -> None:
        """Delete the secrets that were written for a text that was not saved."""
        for path in self._secrets:
            path.unlink(missing_ok=True)

    def _write_secret(self, secret: str, folder: Path) -> dict[str, str]:
        path = folder / f"secret-{uuid.uuid4().hex}"
        with os_errors_as(ConfigError, path, "written"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            atomic_write(path, secret.encode(), private=True)
        self._secrets.append(path)
        return {"file": str(path)}


def _assign(data: Any, keys: list[str], value: Any, config: Config, folder: Path) -> None:
    """Set a value of a file, or delete it where None; a short form above becomes the long one."""
    *parents, last = keys
    if parents:
        name = parents[0]
        tag = "mqtt" if name == "sinks" else getattr(config, name).__struct_config__.tag
        default = {"kind": tag} if tag else {}
        present = data.setdefault(name, [default] if name == "sinks" else default)
        if not isinstance(present, dict | list):  # ruamel's numbers and texts are of its own types
            present = int(present) if isinstance(present, int) else str(present)
        long = expand_shorthand({name: present}, folder)[name]
        if long != present:
            data[name] = long
    for parent in parents:
        if isinstance(data, list):
            if int(parent) == len(data):
                data.append({"kind": "mqtt"})
            data = data[int(parent)]
        else:
            data = data.setdefault(parent, {})
    if value is None:
        data.pop(last, None)
    else:
        data[last] = _quoted(value)


def _quoted(value: Any) -> Any:
    """Return a value whose texts are written in quotes: a bare `yes` would be no text."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    match value:
        case str():
            return DoubleQuotedScalarString(value)
        case list():
            return [_quoted(one) for one in value]
        case dict():
            return {key: _quoted(one) for key, one in value.items()}
    return value
