"""Configuration reference: docs/configuration.md, written from the settings and the example config.

A key's description is the one in its class's docstring; where there is none, the comment beside it
in the example config.
"""

import argparse
import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
from msgspec.inspect import (
    BoolType,
    CustomType,
    DictType,
    EnumType,
    Field,
    FloatType,
    IntType,
    LiteralType,
    NoneType,
    StrType,
    StructType,
    TupleType,
    Type,
    UnionType,
    VarTupleType,
    type_info,
)

from edge.config import Config
from edge.secrets import SecretRef
from edge.service.settings import descriptions

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "config" / "emotiond.yaml"
PAGE = ROOT / "docs" / "configuration.md"

HEAD = """\
# Configuration

This page is made by `python -m tools.config_reference` from the settings in the code; change those.
[config/emotiond.yaml](../config/emotiond.yaml) is the same as a file to copy from.

The config is one YAML file. Every key has a default: write only what you change. Relative paths are
taken from the folder of the file.

```sh
emotiond check --config my.yaml    # reads the file and the model; opens no camera
emotiond run --config my.yaml
```

Without `--config`, a command takes the config of the installed service, else
`~/.config/emotiond/emotiond.yaml`, else the shipped defaults. A wrong key or value ends the program
with exit code 78 and one line: the key, what was expected, what was found. A running daemon reads
the file again on SIGHUP and on the command `reload` ([mqtt.md](mqtt.md#commands)). A config that
cannot work is refused, and the old one stays in use.

## Without a file

```sh
emotiond run --source 0 --web --no-mqtt                       # a camera, shown in the browser
emotiond run --source video.mp4 --mqtt mqtt://broker.local --device kitchen
emotiond config show                                          # all that holds, without secrets
```

Options of `run` go before the file, at every reload too. So do variables: `EMOTIOND_`, then the
path of a key with two underscores between its parts, as `EMOTIOND_SINKS__0__HOST=broker.local`;
the value is YAML.

## Short forms

Where a section has kinds, a bare word is a kind with its defaults, and an address says the rest:

| short | meaning |
|---|---|
| `source: 0`, `source: /dev/video2` | a camera |
| `source: rtsp://camera.local/live` | a stream |
| `source: video.mp4`, `source: photos/` | a video file; a folder of images |
| `detector: haar` | a kind of detector |
| `sinks: mqtt://broker.local` | an MQTT broker on port 1883 |
| `sinks: mqtts://kitchen@broker.local` | a broker with TLS on port 8883, and a user |
"""

PLAIN_MEANINGS = {
    "width": "Width of the image that is asked for, in pixels",
    "height": "Its height, in pixels",
    "fps": "Frames a second that are asked for",
    "path": "The file; for images, a file or a folder",
    "host": "Name or address of the broker",
    "port": "Its port",
    "ca_file": "Certificates of the authorities that are trusted",
    "cert_file": "Certificate of this client",
    "key_file": "Its private key",
    "range": "As for `blazeface`",
    "min_confidence": "As for `blazeface`",
    "prefix": "First part of the topics",
    "max_events": "How many events may wait",
    "max_age_s": "Seconds that an event may wait",
    "max_bytes": "Bytes of all payloads that may wait",
}
"""Meanings of keys that neither a docstring nor the example config explains."""

NAMES: dict[type, str] = {
    BoolType: "`true` | `false`",
    StrType: "text",
    NoneType: "`null`",
    CustomType: "path",
}
"""Names of what a value may be; paths are the only custom type of the config."""

Comments = dict[tuple[str, str], str]
"""Comments in the example config, by section or kind, and key."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.config_reference", description=__doc__)
    parser.add_argument("--out", type=Path, default=PAGE, help="default: docs/configuration.md")
    out = parser.parse_args(arguments).out
    out.write_text(config_page(), encoding="utf-8")
    print(f"wrote {out}")
    return 0


def config_page() -> str:
    """Return the text of docs/configuration.md."""
    comments = read_comments(EXAMPLE.read_text(encoding="utf-8"))
    parts = [HEAD]
    single = []
    for field in _struct(type_info(Config)).fields:
        structs = list(_structs(field.type))
        if not structs or field.name == "state_dir":
            single.append(field)
            continue
        parts.append(f"## {field.name}\n")
        for struct in structs:
            parts += _section(field.name, struct, comments, len(structs) > 1)
    parts.append("## Other keys\n")
    parts.append(_table(Config, single, comments, ""))
    parts += _section("secrets", _struct(type_info(SecretRef)), comments, False, "## Secrets\n")
    return "\n".join(parts)


def read_comments(text: str) -> Comments:
    """Return the comment beside each key of the example config, active or commented out."""
    comments: Comments = {}
    section = kind = ""
    last: tuple[str, str] | None = None
    for line in text.splitlines():
        bare = re.sub(r"^# ", "", line)
        if more := re.match(r"\s{20,}#\s*(.+)", bare):
            if last is not None:
                comments[last] += f" {more[1]}"
            continue
        last = None
        found = re.match(r"(\s*)(?:- )?\{?(\w+):\s*([^#]*?)\s*(?:#\s*(.+))?$", bare)
        if found is None:
            continue
        indent, key, value, comment = found.groups()
        if not indent:
            section, kind = key, ""
        if key == "kind":
            kind = value
        if comment:
            place = kind or section
            last = (place, key) if indent else (section, key)
            comments.setdefault(last, comment)
    return comments


def _section(
    name: str, struct: StructType, comments: Comments, titled: bool, title: str = ""
) -> Iterator[str]:
    """Yield the text of one class of settings, and of those that it holds."""
    tag = str(struct.tag) if struct.tag else ""
    if title or titled or tag:
        yield title or f"### {name}: {tag}\n"
    yield f"{_summary(struct.cls)}\n"
    if struct.fields:
        yield _table(struct.cls, struct.fields, comments, tag or name)
    for field in struct.fields:
        for nested in _structs(field.type):
            if nested.cls is not SecretRef:
                yield from _section(name, nested, comments, False, f"#### `{field.name}`\n")


def _table(cls: type, fields: Sequence[Field], comments: Comments, place: str) -> str:
    lines = ["| key | value | default | meaning |", "|---|---|---|---|"]
    described = descriptions(cls)
    for field in fields:
        comment = comments.get((place or field.name, field.name), "")
        text = described.get(field.name, "")
        # What names a part of the code, or speaks of several keys, is said better by the comment.
        if not text or (comment and re.search(r"`\w+_\w+`", text)) or _shares(described, text):
            text = comment or text or PLAIN_MEANINGS.get(field.name, "")
        value = field.default
        if value is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT:
            value = field.default_factory()
        default = "required" if field.required else f"`{_shown(value)}`"
        cells = [f"`{field.name}`", _value(field.type), default, _sentence(text)]
        lines.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _shares(described: dict[str, str], text: str) -> bool:
    return list(described.values()).count(text) > 1


def _summary(cls: type) -> str:
    """Return the first paragraphs of a docstring, in the words of a config."""
    text = inspect.cleandoc(cls.__doc__ or "").partition("\nAttributes:\n")[0]
    text = " ".join(text.split())
    return _as_config(text)


def _sentence(text: str) -> str:
    text = re.sub(r"^(?:[\w.-]+ \| )+[\w.-]+: ", "", text)  # choices, which the values tell
    text = re.sub(r"^(true|false|null):", r"`\1`:", text)
    text = _as_config(text).rstrip(".")
    return text if "|" in text else text[:1].upper() + text[1:]


def _as_config(text: str) -> str:
    """Return a docstring's words as they stand in a config: `null`, kinds, links to pages."""
    text = re.sub(r"`(\w+)Settings`", lambda found: f"`{found[1].lower()}`", text)
    text = re.sub(r"\bNone\b", "`null`", text)
    return re.sub(r"docs/([\w/.-]+\.md)", r"[\1](\1)", text)


def _structs(kind: Type) -> Iterator[StructType]:
    """Yield the classes of settings that a value may be."""
    match kind:
        case StructType():
            yield kind
        case UnionType(types=types):
            for one in types:
                yield from _structs(one)
        case VarTupleType(item_type=item):
            yield from _structs(item)


def _struct(kind: Type) -> StructType:
    return cast(StructType, kind)


def _value(kind: Type) -> str:
    """Say what a value may be."""
    match kind:
        case UnionType(types=types):
            text = " or ".join(dict.fromkeys(_value(one) for one in types))
        case VarTupleType(item_type=item):
            text = f"list of {_value(item)}".replace("mapping,", "mappings,")
        case TupleType(item_types=items):
            text = f"list of {len(items)}: {_value(items[0])}"
        case DictType(value_type=item):
            text = f"mapping of names, each to a {_value(item).removesuffix(', below')}"
        case EnumType(cls=cls):
            text = " | ".join(f"`{_shown(one)}`" for one in cls)
        case LiteralType(values=values):
            text = " | ".join(
                f"`{one}`" for one in sorted(values, key=lambda one: (str(type(one)), one))
            )
        case StructType(cls=cls):
            text = "[secret](#secrets)" if cls is SecretRef else "mapping, below"
        case IntType():
            text = f"integer{_bounds(kind)}"
        case FloatType():
            text = f"number{_bounds(kind)}"
        case _:
            text = NAMES[type(kind)]
    return text


def _bounds(kind: IntType | FloatType) -> str:
    low = f"from {kind.ge:g}" if kind.ge is not None else ""
    low = low or (f"above {kind.gt:g}" if kind.gt is not None else "")
    high = f"to {_number(kind.le)}" if kind.le is not None else ""
    high = high or (f"below {_number(kind.lt)}" if kind.lt is not None else "")
    text = f" {low} {high}".rstrip()
    return "," + text if text else ""


def _number(value: float) -> str:
    return f"{value:,.10g}"


def _shown(value: Any) -> str:
    """Return a value as YAML writes it."""
    if value is msgspec.NODEFAULT:
        return ""
    plain = msgspec.to_builtins(value, enc_hook=str)
    if isinstance(plain, float):
        return f"{plain:g}" if plain < 1e6 else f"{plain:.0f}"
    if isinstance(plain, dict):
        return "{" + ", ".join(f"{key}: {_shown(one)}" for key, one in plain.items()) + "}"
    if isinstance(plain, list | tuple):
        return "[" + ", ".join(_shown(one) for one in plain) + "]"
    if plain is None or isinstance(plain, bool):
        return {None: "null", True: "true", False: "false"}[plain]
    return str(plain)


if __name__ == "__main__":
    sys.exit(main())
