"""Config errors, in words for the person who wrote the config: key, expected, found, remedy."""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
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
    problem, _, place = message.partition(" - at ")
    if place.startswith("`key` in"):
        return "expected every key to be a text"
    keys = _keys(place)
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", problem, re.DOTALL)
    if unknown:
        return _explain_unknown([*keys, unknown[1]], data, root)
    missing = re.fullmatch(r"Object missing required field `(.*)`", problem)
    if missing:
        return _explain_missing([*keys, missing[1]], data, root)
    return _explain_value(problem, keys, data, root)


def _explain_unknown(keys: list[Key], data: Any, root: type) -> str:
    renamed = find_renamed_keys(data)
    if any(one.place == _dotted(keys) for one in renamed):  # all at once, as they were renamed
        return "; ".join(map(str, renamed))
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


RENAMED_KEYS = {
    "sinks[].password_file": "password: {file: ...}",
    "sinks[].queue": "outbox: {events: ...}",
}
"""Each key of an earlier version, with `[]` for any index of a list, and what takes over its value,
`...`."""


@dataclass(frozen=True, slots=True)
class RenamedKey:
    """A key of an earlier version that stands in a config.

    Attributes:
        place: where, such as "sinks[0].queue".
        instead: what is written there now; None where the key said nothing and can go.
    """

    place: str
    instead: str | None

    def __str__(self) -> str:
        remedy = f"is now `{self.instead}`" if self.instead else "is gone; delete it, as it is null"
        return f"{self.place}: {remedy}"


def find_renamed_keys(data: Any) -> list[RenamedKey]:
    """Return every key of an earlier version in a config, in the config's order."""
    return [
        RenamedKey(place, None if value is None else _replacement(RENAMED_KEYS[kind], value))
        for place, kind, value in _walk_keys(data, "", "")
        if kind in RENAMED_KEYS
    ]


def _walk_keys(data: Any, place: str, kind: str) -> Iterator[tuple[str, str, Any]]:
    """Yield place, kind of place, and value of every key."""
    if isinstance(data, dict):
        for key, value in data.items():
            below = f"{place}.{key}".removeprefix("."), f"{kind}.{key}".removeprefix(".")
            yield *below, value
            yield from _walk_keys(value, *below)
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _walk_keys(value, f"{place}[{index}]", f"{kind}[]")


def _replacement(template: str, value: Any) -> str:
    written = " ".join(str(value).split())[:80]
    return template.replace("...", written)
