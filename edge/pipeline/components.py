"""What a pipeline is put together from: each may be replaced while the others go on."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from edge.capture import Source, is_live, open_source
from edge.config import Config, outbox_paths
from edge.pipeline.processing import Analysis, change_analysis, open_analysis
from edge.publish import MqttSettings, Sink, open_sink
from edge.service.command_queue import Desk
from edge.view import Outlook, open_web, open_window


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts, in the order in which a frame comes to them.

    Attributes:
        source: gives the frames.
        live: whether they come whether or not they are read, so that a late one is dropped.
        analysis: what happens to a frame.
        sinks: where events go, and what shows them.
    """

    source: Source
    live: bool
    analysis: Analysis
    sinks: tuple[Sink, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What parts are made by.

    Attributes:
        desk: where sinks hand commands in; None takes none.
        outlook: what views show; None opens no view.
    """

    config: Config
    desk: Desk | None = None
    outlook: Outlook | None = None


def open_parts(plan: Plan, ids: Iterator[int]) -> Parts:
    """Load everything that `plan` names; camera, files and broker are not touched yet.

    Args:
        plan: names it.
        ids: of the tracks.

    Raises:
        ConfigError: a file or package that the config needs cannot be used.
        ModelError: the model cannot be used.
    """
    source = plan.config.source
    return Parts(
        source=open_source(source),
        live=is_live(source),
        analysis=open_analysis(plan.config, ids),
        sinks=tuple(opened(*by) for opened, by in _outlets(plan)),
    )


def change_parts(before: Parts, old: Plan, new: Plan, ids: Iterator[int]) -> Parts:
    """Return the parts of a new plan, taking those of the old that serve.

    Args:
        before: the parts of the old plan.
        old: what they were made by.
        new: the plan wanted.
        ids: of the tracks.

    Raises:
        ConfigError, ModelError: as `open_parts`.
    """
    source, wanted = before.source, new.config.source
    return Parts(
        source=source if wanted == old.config.source else open_source(wanted),
        live=is_live(wanted),
        analysis=change_analysis(before.analysis, old.config, new.config, ids),
        sinks=_change_sinks(before.sinks, _outlets(old), _outlets(new)),
    )


Outlet = tuple[Callable[..., Sink], tuple[Any, ...]]
"""What opens a sink, and by what."""


def _outlets(plan: Plan) -> list[Outlet]:
    paths = outbox_paths(plan.config)
    sinks: list[Outlet] = [
        (open_sink, (sink, path, plan.desk if isinstance(sink, MqttSettings) else None))
        for sink, path in zip(plan.config.sinks, paths, strict=True)
    ]
    return sinks + _view_outlets(plan)


def _view_outlets(plan: Plan) -> list[Outlet]:
    view, outlook, desk = plan.config.view, plan.outlook, plan.desk
    outlets: list[Outlet] = []
    if view.window and outlook is not None:
        outlets.append((open_window, (outlook, desk)))
    if view.web and outlook is not None:
        outlets.append((open_web, (plan.config.web, outlook, desk)))
    return outlets


def _change_sinks(
    before: Sequence[Sink], old: Sequence[Outlet], new: Sequence[Outlet]
) -> tuple[Sink, ...]:
    """Keep each sink that would be opened by the same."""
    return tuple(
        before[old.index(outlet)] if outlet in old else outlet[0](*outlet[1]) for outlet in new
    )
