"""Config errors in words for the person who wrote the config: key, expected, found, remedy."""

import difflib
import re
from collections.abc import Iterator
from typing import Any

from msgspec import inspect

from edge.secrets import redact_url

Key = str | int

WORDS = {
    "object": "a mapping",
    "array": "a list",
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "null": "nothing",
    "[|]": "or",
}
"""Names that YAML's users have for the types in messages."""


def format_validation_error(message: str, data: Any, root: type) -> str:
    """Turn msgspec's message into key, expected, found, and what may be meant.

    Args:
        message: of the ValidationError.
        data: what was validated.
        root: the Struct it was validated as.
    """
    problem, _, where = message.partition(" - at ")
    if where.startswith("`key` in"):
        return "expected every key to be a text"
    keys = _keys(where)
    renamed = find_renamed_keys(data)
    place = _dotted([*keys, *re.findall(r"unknown field `(.*)`", problem)])
    if place in renamed or f"{place}: {_value(data, keys)}" in renamed:
        return "; ".join(f"{key}: is now {name}" for key, name in renamed.items())  # all at once
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", problem, re.DOTALL)
    if unknown:
        return _explain_unknown([*keys, unknown[1]], data, root)
    missing = re.fullmatch(r"Object missing required field `(.*)`", problem)
    if missing:
        return _explain_missing([*keys, missing[1]], data, root)
    return _explain_value(problem, keys, data, root)


def _explain_unknown(keys: list[Key], data: Any, root: type) -> str:
    structs = _structs(root, data, keys[:-1])
    valid = [field.encode_name for struct in structs for field in struct.fields]
    known = f"; valid are {', '.join(valid)}" if valid else "; no other is valid here"
    near = _nearest(str(keys[-1]), valid) or known
    return f"{_one_line(_dotted(keys))}: unknown key{near}"


def _explain_missing(keys: list[Key], data: Any, root: type) -> str:
    choices = _tags(root, data, keys[:-1]) if keys[-1] == "kind" else []
    among = f", one of {', '.join(choices)}" if choices else ""
    return f"{_dotted(keys)}: expected this key{among}, found none"


def _explain_value(problem: str, keys: list[Key], data: Any, root: type) -> str:
    found = _value(data, keys)
    choices: list[str] = []
    if problem.startswith("Invalid value"):
        choices = _tags(root, data, keys[:-1])
    elif problem.startswith("Invalid enum value"):
        choices = [str(value) for kind in _types(root, data, keys) for value in _members(kind)]
    if choices:
        problem = f"Expected one of {', '.join(choices)}"
    near = _nearest(str(found), choices)
    return f"{_dotted(keys)}: {_plain(problem)}, found {_show(found)}{near}"


def _keys(place: str) -> list[Key]:
    """Split a place such as `$.sinks[0].host` into its keys."""
    return [
        int(index) if index else name
        for name, index in re.findall(r"\.([^.\[\]`]+)|\[(\d+)\]", place)
    ]


def _dotted(keys: list[Key]) -> str:
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    return text.removeprefix(".") or "the file"


def _value(data: Any, keys: list[Key]) -> Any:
    for key in keys:
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _show(value: Any) -> str:
    """Show a value in one short line, without the user and password of an address."""
    return redact_url(repr(value))[:80]


def _plain(problem: str) -> str:
    """Rewrite `Expected `object`, got `int`` with the names of `WORDS`."""
    problem = re.sub(r", got `.*`$", "", problem).replace("`", "")
    for theirs, ours in WORDS.items():
        problem = re.sub(rf"(?<!\w){theirs}(?!\w)", ours, problem)
    return problem[:1].lower() + problem[1:]


def _nearest(name: str, valid: list[str]) -> str:
    near = difflib.get_close_matches(name, valid, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""


def _types(root: type, data: Any, keys: list[Key]) -> list[inspect.Type]:
    """Return the types that may stand at `keys`."""
    types = list(_alternatives(inspect.type_info(root)))
    for depth, key in enumerate(keys):
        types = [
            step
            for kind in _matching(types, _value(data, keys[:depth]))
            for inner in _inside(kind, key)
            for step in _alternatives(inner)
        ]
    return types


def _alternatives(kind: inspect.Type) -> Iterator[inspect.Type]:
    if isinstance(kind, inspect.UnionType):
        yield from kind.types
    else:
        yield kind


def _matching(types: list[inspect.Type], value: Any) -> list[inspect.Type]:
    """Keep of several structs the one whose tag `value` carries."""
    tag = value.get("kind") if isinstance(value, dict) else None
    tagged: list[inspect.Type] = [
        kind for kind in types if isinstance(kind, inspect.StructType) and kind.tag == tag
    ]
    return tagged if tag is not None and tagged else types


def _inside(kind: inspect.Type, key: Key) -> Iterator[inspect.Type]:
    if isinstance(kind, inspect.StructType):
        yield from (field.type for field in kind.fields if field.encode_name == key)
    elif isinstance(kind, inspect.VarTupleType):
        yield kind.item_type


def _structs(root: type, data: Any, keys: list[Key]) -> list[inspect.StructType]:
    types = _matching(_types(root, data, keys), _value(data, keys))
    return [kind for kind in types if isinstance(kind, inspect.StructType)]


def _tags(root: type, data: Any, keys: list[Key]) -> list[str]:
    types = _types(root, data, keys)
    return [str(kind.tag) for kind in types if isinstance(kind, inspect.StructType) and kind.tag]


def _members(kind: inspect.Type) -> list[Any]:
    if isinstance(kind, inspect.LiteralType):
        return list(kind.values)
    return [member.value for member in kind.cls] if isinstance(kind, inspect.EnumType) else []


RENAMED = {
    "detect": "scheduler",
    "detect.every": "scheduler.interval_frames",
    "detect.max_interval": "scheduler.max_interval_s",
    "detect.full_interval": "scheduler.full_search_interval_s",
    "detect.min_motion": "scheduler.motion_threshold",
    "detect.cpu_budget": "scheduler.cpu_budget",
    "detector.kind: emotiond": "detector.kind: builtin",
    "tracker.max_missed": "tracker.max_age_s",
    "classifier.baseline": "classifier.neutral_baseline",
    "smoothing.time_constant": "smoothing.time_constant_s",
    "smoothing.margin": "smoothing.hysteresis",
    "smoothing.dwell": "smoothing.hold_s",
    "source.through": "source.backend",
    "source.pace": "source.realtime",
    "sinks[].faces": "sinks[].publish_faces",
    "sinks[].keepalive": "sinks[].keepalive_s",
    "sinks[].outbox.events": "sinks[].outbox.max_events",
    "sinks[].outbox.age": "sinks[].outbox.max_age_s",
    "sinks[].outbox.bytes": "sinks[].outbox.max_bytes",
    "view": "preview and web",
    "view.window": "preview.enabled",
    "view.web": "web.enabled",
    "web.viewers": "web.max_viewers",
    "privacy.pictures": "privacy.allow_snapshots",
    "privacy.blur: picture": "privacy.blur: frame",
    "state": "state_dir",
}
"""Keys and values of version 0.1 and what they are called now, with `[]` for any item of a list."""


def find_renamed_keys(data: Any) -> dict[str, str]:
    """Return each renamed key or value that stands in a config, and its present name."""
    return {place: RENAMED[kind] for place, kind in _walk(data, "", "") if kind in RENAMED}


def _walk(data: Any, place: str, kind: str) -> Iterator[tuple[str, str]]:
    """Yield where every key and every value stands, such as `sinks[0].port` and `sinks[].port`."""
    if isinstance(data, dict):
        for key, value in data.items():
            below = f"{place}.{key}".removeprefix("."), f"{kind}.{key}".removeprefix(".")
            yield below
            yield from _walk(value, *below)
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _walk(value, f"{place}[{index}]", f"{kind}[]")
    else:
        yield f"{place}: {data}", f"{kind}: {data}"
