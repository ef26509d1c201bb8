"""Keys of earlier versions, and what is written in their place."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MOVED = {
    "sinks[].password_file": "password: {file: ...}",
    "sinks[].queue": "outbox: {events: ...}",
}
"""Where each stood, with `[]` for any place of a list, and what takes over its value, `...`."""


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
        RenamedKey(place, None if value is None else _instead(MOVED[kind], value))
        for place, kind, value in _keys(data, "", "")
        if kind in MOVED
    ]


def _keys(data: Any, place: str, kind: str) -> Iterator[tuple[str, str, Any]]:
    """Yield place, kind of place, and value of every key."""
    if isinstance(data, dict):
        for key, value in data.items():
            below = f"{place}.{key}".removeprefix("."), f"{kind}.{key}".removeprefix(".")
            yield *below, value
            yield from _keys(value, *below)
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _keys(value, f"{place}[{index}]", f"{kind}[]")


def _instead(template: str, value: Any) -> str:
    written = " ".join(str(value).split())[:80]
    return template.replace("...", written)
