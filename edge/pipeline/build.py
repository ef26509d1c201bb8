"""Setup of the daemon: built from a config, and changed to another config in two steps.

`SetupBuilder.prepare` loads, binds, opens and locks what another config needs; where that fails,
nothing has changed. `commit` makes that setup the present one, and cannot fail.
"""

import socket
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from edge.capture import Source, open_source
from edge.capture.source import read_first
from edge.config import Config, changed_sections
from edge.detect import detector_kinds
from edge.errors import ConfigError
from edge.paths import asset, note_image
from edge.pipeline.processing import ImageAnalyzer, ProcessingComponents, build_processing
from edge.pipeline.worker import LatestFrame
from edge.publish import MqttSettings, Sink, SinkContext, SinkSettings
from edge.publish.events import new_run
from edge.publish.retained import RetainedTopics
from edge.service.commands import Catalog, CommandQueue
from edge.view import CameraView, PreviewSettings, PrivacyBlur, ViewContext, WebSettings
from edge.view.snapshots import SNAPSHOTS, SnapshotRecorder


@dataclass(frozen=True, slots=True)
class PipelineComponents:
    """Components of a pipeline, in the order in which a frame comes to them."""

    source: Source
    live: bool  # frames come whether or not they are read, so that a late one is dropped
    processing: ProcessingComponents
    sinks: tuple[Sink, ...] = ()
    generation: int = 0  # number of the source in its pipeline; its frames carry it
    every_s: tuple[int, ...] = ()  # lengths of the summaries that are published, in seconds
    snapshots: SnapshotRecorder | None = None


SinkSpec = tuple[SinkSettings | PreviewSettings | WebSettings, Any]
"""Settings of a sink, and its SinkContext or ViewContext: it is kept while they stay the same."""


@dataclass(frozen=True, slots=True)
class Setup:
    """All that the daemon has by one config: loaded, bound, opened and locked."""

    config: Config
    file_config: Config  # the same without what commands changed
    catalog: Catalog  # what commands may choose from, as the file has it
    sink_specs: tuple[SinkSpec, ...]
    cameras: dict[str, PipelineComponents]  # by name, with the same sinks
    sections: tuple[str, ...] = ()  # in which the config differs from that of the setup before

    @property
    def components(self) -> PipelineComponents:
        """Those of the first camera."""
        return next(iter(self.cameras.values()))


class SetupBuilder:
    """Builds the components of a pipeline for each camera, and changes them to another config.

    Camera, files, ports and broker are not touched by the first build: a daemon that has them may
    be running. Without `commands` sinks take none, and no view is opened; without `path`, that of
    the config, it is not remembered what brokers retain. `setup` is the present one.
    """

    def __init__(
        self, config: Config, commands: CommandQueue | None = None, path: Path | None = None
    ) -> None:
        self._commands, self._path, self._run = commands, path, new_run()
        self._images, self._track_ids = ImageAnalyzer(lambda: self.setup.config), count(1)
        self._nothing = LatestFrame()  # seen of several cameras together
        self.views: dict[str, CameraView] = {}  # of each camera; that of an only one has no name
        self._update_views(config)
        catalog = self._catalog_for(config)
        built = {name: self._build(name, one) for name, one in config.by_camera().items()}
        specs = self._specs_for(config, catalog)
        sinks = tuple(settings.open(context) for settings, context in specs)
        cameras = {name: replace(one, sinks=sinks) for name, one in built.items()}
        self.setup = Setup(config, config, catalog, specs, cameras)

    def _build(
        self, name: str, camera: Config, present: PipelineComponents | None = None
    ) -> PipelineComponents:
        """Return the components of a camera, those of the present ones that can be kept."""
        live, recorder = camera.source.is_live, None
        former = present.processing if present is not None else None
        before = former.config if former is not None else None
        if present is not None and before is not None and before.source == camera.source:
            source = present.source
        else:
            source = open_source(camera.source)
            if present is not None and not live:  # a camera that is away comes back by itself
                read_first(open_source(camera.source))
        processing = build_processing(camera, self._track_ids, former, self._run)
        if camera.snapshots.on and self._commands is not None:
            folder = camera.state_folder / SNAPSHOTS / name
            origin = camera.snapshots, camera.privacy.blur, folder, live
            if present is not None and before is not None and before.ignore == camera.ignore:
                recorder = present.snapshots
            if recorder is None or recorder.origin != origin:
                recorder = SnapshotRecorder(*origin)
        every_s = camera.summary.every_s
        return PipelineComponents(source, live, processing, every_s=every_s, snapshots=recorder)

    def rebuild(self, name: str) -> None:
        """Build the components of a camera anew; an EmotiondError says what cannot be used."""
        built = self._build(name, self.setup.config.by_camera()[name])
        self.setup.cameras[name] = replace(built, sinks=self.setup.components.sinks)

    def prepare(self, config: Config, file_config: Config | None = None) -> Setup:
        """Load, bind, open and lock what another config needs; the present components go on.

        `file_config` is the same without what commands changed; None where they changed nothing. An
        EmotiondError says what cannot be used, or needs a restart; then nothing has changed.
        """
        present, file_config = self.setup, file_config or config
        if bool(config.cameras) is not bool(present.config.cameras):
            raise ConfigError("cameras: a change needs a restart of the daemon")
        digest = None if config.cameras else present.components.processing.digest
        sections = changed_sections(present.config, config, digest)
        built = {
            name: self._build(name, one, present.cameras.get(name))
            for name, one in config.by_camera().items()
        }
        catalog = self._catalog_for(file_config)
        specs = self._specs_for(config, catalog)
        sinks = self._prepare_sinks(specs)
        cameras = {name: replace(one, sinks=sinks) for name, one in built.items()}
        return Setup(config, file_config, catalog, specs, cameras, sections)

    def commit(self, setup: Setup) -> None:
        """Make a prepared setup the present one; the pipelines take over the components."""
        before, self.setup = self.setup.config.by_camera(), setup
        self._update_views(setup.config)
        for name, camera in setup.config.by_camera().items():
            if name in before and before[name].ignore != camera.ignore:
                self.views[name].latest.show(None)  # it may show what is hidden from now on

    def _update_views(self, config: Config) -> None:
        """Have views show a config's cameras, blurred, without frames in which a face is unseen."""
        cameras, seen = config.by_camera(), config.web.enabled or config.preview.enabled
        for name in self.views.keys() - cameras.keys():
            self.views.pop(name).latest.show(None)
        for name, camera in cameras.items():
            known, blur = self.views.get(name), camera.privacy.blur
            latest = known.latest if known else LatestFrame()
            latest.limit(seen or camera.privacy.allow_snapshots, blur is PrivacyBlur.FACES)
            self.views[name] = CameraView(latest, blur)

    def _prepare_sinks(self, specs: Sequence[SinkSpec]) -> tuple[Sink, ...]:
        """Keep each sink whose spec is still wanted, open the others and take what they need."""
        former = list(self.setup.sink_specs)
        closed_first, kept = list(self.setup.components.sinks), dict[int, Sink]()
        for place, spec in enumerate(specs):
            if spec in former:
                kept[place] = closed_first.pop(former.index(spec))
                former.remove(spec)
        with ExitStack() as undo:
            for place, (settings, context) in enumerate(specs):
                if place not in kept:
                    sink = kept[place] = settings.open(context)
                    undo.callback(sink.close, 0.0)
                    sink.prepare(closed_first)
            undo.pop_all()
        return tuple(kept[place] for place in range(len(specs)))

    def _catalog_for(self, config: Config) -> Catalog:
        """Return what commands may choose from: shipped models, the config's own, detectors."""
        if self._commands is None:
            return Catalog()
        models = {file.stem: Path(file.stem) for file in sorted(asset("models").glob("*.tflite"))}
        cameras = config.by_camera().values()
        for own in (camera.classifier.model for camera in cameras):
            if own.name not in models:
                models[own.stem] = own
        snapshots = any(camera.privacy.allow_snapshots for camera in cameras)
        return Catalog(models, ("auto", *detector_kinds()), snapshots)

    def _specs_for(self, config: Config, catalog: Catalog) -> tuple[SinkSpec, ...]:
        outboxes, several, retained = config.outbox_paths(), bool(config.cameras), None
        if self._path is not None:
            cameras = tuple(config.cameras)
            kept = frozenset(one for sink in config.sinks for one in sink.retained_topics(cameras))
            retained = RetainedTopics(config.state_folder, self._path, tuple(outboxes), kept)
        specs: list[SinkSpec] = []
        for sink, outbox in zip(config.sinks, outboxes, strict=True):
            choices = catalog if sink.takes_commands else Catalog()
            context = SinkContext(outbox, self._commands, choices, self._run, retained, several)
            specs.append((sink, context))
        views = [view for view in (config.preview, config.web) if view.enabled]
        if self._commands is None or not views:
            return tuple(specs)
        names = (sink.name for sink in config.sinks if isinstance(sink, MqttSettings))
        view_context = ViewContext(
            self._nothing if several else self.views[""].latest,
            self._commands,
            PrivacyBlur.NONE if several else config.privacy.blur,
            self._images.analyze,
            catalog,
            self._note_image,
            is_only_sink=len(specs) + len(views) == 1,
            device=next(names, socket.gethostname()),
            event_files=tuple(path for sink in config.sinks for path in sink.event_files),
            cameras=self.views if several else {},
            config_path=self._path or Path(),
            state=config.state_folder,
            options=self._video_options,
            crop=self._images.crop_largest,
        )
        return (*specs, *((view, view_context) for view in views))

    def _video_options(self) -> list[str]:
        """Return options of `emotiond video`: the config file, and what commands changed of it."""
        options, config = ["--config", str(self._path)], self.setup.config
        if config.classifier.model != self.setup.file_config.classifier.model:
            options += ["--model", str(config.classifier.model)]
        if type(config.detector) is not type(self.setup.file_config.detector):
            options += ["--detector", str(config.detector.__struct_config__.tag)]
        return options

    def _note_image(self, path: Path) -> None:
        note_image(path, self.setup.config.state_folder)


def build_components(config: Config) -> PipelineComponents:
    """Build, as `SetupBuilder`, what takes no commands, opens no view and is never changed."""
    return SetupBuilder(config).setup.components
