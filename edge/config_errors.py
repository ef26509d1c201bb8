"""Config errors in words for the person who wrote the config: key, expected, found, remedy."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import inspect

from edge.secrets import SecretRef, is_secret, redact_url

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
    """Turn msgspec's message about `data` into key, expected, found, and what may be meant."""
    problem, _, where = message.partition(" - at ")
    where = where.partition("[...]")[0]  # some key of a mapping; which, is not told
    keys: list[Key] = [
        int(index) if index else name
        for name, index in re.findall(r"\.([^.\[\]`]+)|\[(\d+)\]", where)  # $.sinks[0].host
    ]
    if where.startswith("`key` in"):
        return f"{_dotted(keys)}: {_plain(problem).replace('expected', 'expected every key to be')}"
    field = re.fullmatch(r"Object (contains unknown|missing required) field `(.*)`", problem, re.S)
    keys += [field[2]] if field else []
    found, place = _value(data, keys), _dotted(keys)
    kinds, kinds_of_value = _types_at(root, data, keys[:-1]), _types_at(root, data, keys)
    structs = [kind for kind in kinds if isinstance(kind, inspect.StructType)]
    choices = [str(struct.tag) for struct in structs if struct.tag]
    if field and field[1] == "contains unknown":
        valid = [one.encode_name for struct in structs for one in struct.fields]
        known = f"; valid are {', '.join(valid)}" if valid else "; no other is valid here"
        return f"{' '.join(place.split())}: unknown key{_nearest(field[2], valid) or known}"
    if field:
        among = f", one of {', '.join(choices)}" if choices and keys[-1] == "kind" else ""
        return f"{place}: expected this key{among}, found none"
    if problem.startswith("Invalid enum value"):
        choices = [value for kind in kinds_of_value for value in _members(kind)]
    if choices and problem.startswith(("Invalid value", "Invalid enum value")):
        expected, near = f"expected one of {', '.join(choices)}", _nearest(str(found), choices)
    else:
        expected, near = _plain(problem), ""
    secret = any(getattr(kind, "cls", None) is SecretRef for kind in kinds_of_value)
    if secret and not isinstance(found, dict):
        expected = "expected {file: ...}, {env: ...} or {credential: ...}, which name its place"
    told = isinstance(found, dict) and ", got " not in problem  # by its own check
    return f"{place}: {expected}" + ("" if told else f", found {_shown(keys, found)}{near}")


def _shown(keys: Sequence[Key], found: Any) -> str:
    """Return a wrong value in one short line, where it cannot be a secret or hold one."""
    if isinstance(found, dict | list):
        return "a mapping" if isinstance(found, dict) else "a list"
    if any(isinstance(key, str) and is_secret(key) for key in keys):
        return "a value that is not shown"
    return redact_url(repr(found))[:80]


def _dotted(keys: Sequence[Key]) -> str:
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    return text.removeprefix(".") or "the file"


def _value(data: Any, keys: Iterable[Key]) -> Any:
    for key in keys:
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _plain(problem: str) -> str:
    """Rewrite `Expected `object`, got `int`` with the names of `WORDS`."""
    problem = re.sub(r", got `.*`$", "", problem).replace("`", "")
    for theirs, ours in WORDS.items():
        problem = re.sub(rf"(?<!\w){theirs}(?!\w)", ours, problem)
    return problem[:1].lower() + problem[1:]


def _nearest(name: str, valid: list[str]) -> str:
    import difflib  # for mistakes alone

    near = difflib.get_close_matches(name, valid, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""


def _types_at(root: type, data: Any, keys: Iterable[Key]) -> list[inspect.Type]:
    """Return the types that may stand at `keys`; of several structs, the one that `kind` names."""
    types = _alternatives(inspect.type_info(root), data)
    for key in keys:
        data = _value(data, [key])
        inner: list[inspect.Type] = []
        for kind in types:
            if isinstance(kind, inspect.StructType):
                inner += [field.type for field in kind.fields if field.encode_name == key]
            elif isinstance(kind, inspect.VarTupleType):
                inner.append(kind.item_type)
        types = [one for kind in inner for one in _alternatives(kind, data)]
    return types


def _alternatives(kind: inspect.Type, value: Any) -> list[inspect.Type]:
    types = list(kind.types) if isinstance(kind, inspect.UnionType) else [kind]
    tag = value.get("kind") if isinstance(value, dict) else None
    tagged = [one for one in types if isinstance(one, inspect.StructType) and one.tag == tag]
    return list(tagged) if tag is not None and tagged else types


def _members(kind: inspect.Type) -> list[str]:
    if isinstance(kind, inspect.LiteralType):
        return [str(value) for value in kind.values]
    return [str(one.value) for one in kind.cls] if isinstance(kind, inspect.EnumType) else []
