"""Faults of an unattended daemon, each tried on real parts, and what their page says of them.

The tables of docs/research/faults.md are made from these tests. A test of something that a user
can meet carries one row or more, right above it (above its other decorators too)::

    from tests.faults import fault

    @fault(
        "camera",
        "closes after each 30 frames",
        seen="one line `unsteady`; offline after the third loss",
        recovery="by itself; attempts lie further and further apart",
        lost="frames while it is away",
    )
    def test_a_camera_that_closes_again_and_again_is_one_state_and_few_lines() -> None: ...

The first word is one of `PARTS`. `lost` and `duplicated` speak of frames, events and settings, and
are "nothing" unless told. Then run `python -m tools.fault_table`, and commit the page with the test.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

PARTS = ("camera", "broker", "machine", "model", "config", "page", "files", "people")
"""What fails, in the order of the page; `people` is what nobody but the owner may see."""

AnyTest = TypeVar("AnyTest", bound=Callable[..., None])


@dataclass(frozen=True, slots=True)
class Fault:
    """Row of the page.

    Attributes:
        part: one of `PARTS`.
        what: the fault, in a few words.
        seen: by a user, in the log, on the page or by MQTT.
        recovery: what ends it.
        lost, duplicated: frames, events, settings.
        test: module of the test that shows it.
        line: of the test.
    """

    part: str
    what: str
    seen: str
    recovery: str
    lost: str
    duplicated: str
    test: str
    line: int


_faults: list[Fault] = []


def fault(
    part: str,
    what: str,
    *,
    seen: str,
    recovery: str,
    lost: str = "nothing",
    duplicated: str = "nothing",
) -> Callable[[AnyTest], AnyTest]:
    """Give a test its row of the page (module docstring).

    Raises:
        ValueError: there is no such part.
    """
    if part not in PARTS:
        raise ValueError(f"fault: expected one of {', '.join(PARTS)}, found {part!r}")

    def keep(test: AnyTest) -> AnyTest:
        line = inspect.unwrap(test).__code__.co_firstlineno
        row = Fault(part, what, seen, recovery, lost, duplicated, test.__module__, line)
        _faults.append(row)
        return test

    return keep


def collect_faults() -> list[Fault]:
    """Return the rows of every test of this package, by part, module and place."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        importlib.import_module(module.name)
    return sorted(_faults, key=lambda row: (PARTS.index(row.part), row.test, row.line))
