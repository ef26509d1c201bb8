"""Markdown of the pages that are made from cards."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar


class Named(Protocol):
    """Card with a name."""

    @property
    def name(self) -> str:
        """Name in tables."""


AnyCard = TypeVar("AnyCard", bound=Named)


def table(rows: Iterable[list[str]]) -> str:
    """Return rows of cells as a table in Markdown, the first being its head."""
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "".join(f"| {' | '.join(line)} |\n".replace("| --- ", "|---") for line in lines)


def once(cards: Sequence[AnyCard], text_of: Callable[[AnyCard], str]) -> str:
    """Return each text once; where the models differ, with the names of those it holds for."""
    names: dict[str, list[str]] = {}
    for card in cards:
        names.setdefault(text_of(card), []).append(f"`{card.name}`")
    if len(names) == 1:
        return f"{next(iter(names))}\n"
    return "".join(f"- {', '.join(those)}: {text}\n" for text, those in names.items())
