"""What a pipeline is put together from: each may be replaced while the others go on."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from edge.capture import Source, open_source
from edge.config import Config, outbox_paths
from edge.pipeline.processing import ProcessingComponents, build_processing, rebuild_processing
from edge.publish import MqttSettings, Sink, open_sink
from edge.service.command_queue import CommandQueue
from edge.view import ViewContext, open_preview, open_web


@dataclass(frozen=True, slots=True)
class PipelineComponents:
    """The parts, in the order in which a frame comes to them.

    Attributes:
        source: gives the frames.
        live: whether they come whether or not they are read, so that a late one is dropped.
        analysis: what happens to a frame.
        sinks: where events go, and what shows them.
    """

    source: Source
    live: bool
    analysis: ProcessingComponents
    sinks: tuple[Sink, ...]


@dataclass(frozen=True, slots=True)
class BuildContext:
    """What parts are made by.

    Attributes:
        desk: where sinks hand commands in; None takes none.
        outlook: what views show; None opens no view.
    """

    config: Config
    desk: CommandQueue | None = None
    outlook: ViewContext | None = None


def build_components(plan: BuildContext, ids: Iterator[int]) -> PipelineComponents:
    """Load everything that `plan` names; camera, files and broker are not touched yet.

    Args:
        plan: names it.
        ids: of the tracks.

    Raises:
        ConfigError: a file or package that the config needs cannot be used.
        ModelError: the model cannot be used.
    """
    source = plan.config.source
    return PipelineComponents(
        source=open_source(source),
        live=source.is_live,
        analysis=build_processing(plan.config, ids),
        sinks=tuple(opened(*by) for opened, by in _outlets(plan)),
    )


def rebuild_components(
    before: PipelineComponents, old: BuildContext, new: BuildContext, ids: Iterator[int]
) -> PipelineComponents:
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
    return PipelineComponents(
        source=source if wanted == old.config.source else open_source(wanted),
        live=wanted.is_live,
        analysis=rebuild_processing(before.analysis, old.config, new.config, ids),
        sinks=_change_sinks(before.sinks, _outlets(old), _outlets(new)),
    )


Outlet = tuple[Callable[..., Sink], tuple[Any, ...]]
"""What opens a sink, and by what."""


def _outlets(plan: BuildContext) -> list[Outlet]:
    paths = outbox_paths(plan.config)
    sinks: list[Outlet] = [
        (open_sink, (sink, path, plan.desk if isinstance(sink, MqttSettings) else None))
        for sink, path in zip(plan.config.sinks, paths, strict=True)
    ]
    return sinks + _view_outlets(plan)


def _view_outlets(plan: BuildContext) -> list[Outlet]:
    view, outlook, desk = plan.config.view, plan.outlook, plan.desk
    outlets: list[Outlet] = []
    if view.window and outlook is not None:
        outlets.append((open_preview, (outlook, desk)))
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
