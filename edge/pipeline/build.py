"""Pipeline components: built from a config, and changed to another config in two steps.

`PipelineBuilder.prepare` loads, binds, opens and locks what another config needs; where that fails,
nothing has changed. `commit` makes that config the present one, and cannot fail.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import msgspec

from edge.capture import Source, open_source
from edge.capture.source import read_first
from edge.capture.video import VideoSettings
from edge.config import Config, camera_configs, outbox_paths, state_folder
from edge.detect import detector_kinds, open_detector
from edge.errors import ConfigError
from edge.infer.classifier import classifier_digest, open_classifier
from edge.infer.crop import crop_face
from edge.infer.face_analyzer import ExpressionAnalyzer
from edge.model_card import read_labels
from edge.paths import asset, note_image
from edge.pipeline.worker import LatestFrame
from edge.publish import ExclusiveSink, MqttSettings, Sink, SinkContext, SinkSettings
from edge.publish.events import EventGenerator, new_run
from edge.publish.retained import RetainedTopics
from edge.service.commands import Catalog, CommandQueue
from edge.track import DetectionScheduler
from edge.types import SIDE, AnalyzedFrame, Frame, GrayImage, Image
from edge.view import CameraView, PreviewSettings, PrivacyBlur, ViewContext, WebSettings

SCHEDULER_SECTIONS = frozenset({"source", "detector", "scheduler", "tracker", "ignore"})
ANALYZER_SECTIONS = frozenset({"classifier", "quality", "smoothing", "zones"})
SINK_SECTIONS = frozenset({"sinks", "preview", "web", "privacy", "state_dir", "summary", "cameras"})
"""Sections of the config that scheduler, analyzer, and sinks and views are built from; `cameras`
have each of them."""

UNBUILT_SECTIONS = frozenset({"deployment", "retention", "schedule"})
"""Sections that nothing is built from; the present ones are looked up."""


@dataclass(frozen=True, slots=True)
class ProcessingComponents:
    """Steps of a frame's processing, in this order: tracks, expressions, events.

    `digest` is that of the files that the analyzer was made of.
    """

    scheduler: DetectionScheduler
    analyzer: ExpressionAnalyzer
    events: EventGenerator
    digest: str = ""


def build_processing(
    config: Config,
    track_ids: Iterator[int],
    present: tuple[Config, ProcessingComponents] | None = None,
    run: str = "",
) -> ProcessingComponents:
    """Load what `config` names for finding faces and reading their expressions.

    `track_ids` gives the id of each new track. What was built from another config, `present`, is
    kept where this one has the same settings, and their files the same content. The events carry
    the `run`, by default that of the present ones, or a new one. A ConfigError or ModelError says
    what cannot be used.
    """
    sections = changed_sections(present, config)
    if present is not None and not (SCHEDULER_SECTIONS | ANALYZER_SECTIONS) & set(sections):
        return present[1]
    if present is not None and not SCHEDULER_SECTIONS & set(sections):
        scheduler = present[1].scheduler
    else:  # another source has faces and a clock of its own
        detector, live = open_detector(config.detector), config.source.is_live
        scheduler = DetectionScheduler(
            detector, config.tracker, config.scheduler, live, track_ids, ignore=config.ignore
        )
    digest = classifier_digest(config.classifier)  # first: a later change is seen at a reload
    classifier = open_classifier(config.classifier)
    confidence, zones = config.classifier.min_confidence, config.zones
    analyzer = ExpressionAnalyzer(
        classifier, scheduler.crop_fit, config.quality, config.smoothing, confidence, zones=zones
    )
    card, is_file = classifier.card, isinstance(config.source, VideoSettings)
    run = present[1].events.run if present is not None else run
    names = tuple(zones)
    events = EventGenerator(card.name, scheduler.detector, card.labels, is_file, run, zones=names)
    return ProcessingComponents(scheduler, analyzer, events, digest)


def changed_sections(
    present: tuple[Config, ProcessingComponents | None] | None, new: Config
) -> tuple[str, ...]:
    """Return the sections in which a config differs from the present one, in the config's order.

    The classifier differs too where its files have another content under the same name.
    """
    old, processing = present or (None, None)
    names = new.__struct_fields__
    changed = {name for name in names if getattr(old, name, None) != getattr(new, name)}
    if processing is not None and processing.digest != classifier_digest(new.classifier):
        changed.add("classifier")
    return tuple(name for name in names if name in changed)


def analyze_image(processing: ProcessingComponents, image: Image) -> AnalyzedFrame:
    """Return an image that stands alone with its faces, from left to right, numbered from 1."""
    now = time.monotonic()
    tracked = processing.scheduler.update(Frame(image, 0, now, captured=now, still=True))
    faces = sorted(processing.analyzer.update(tracked), key=lambda face: face.box.x1)
    numbered = (
        replace(face, track=replace(face.track, track_id=number))
        for number, face in enumerate(faces, start=1)
    )
    return AnalyzedFrame(tracked, tuple(numbered), datetime.now(UTC))


class ImageAnalyzer:
    """Analyzes images as the daemon is configured at the moment; any thread may call it."""

    def __init__(self, present_config: Callable[[], Config]) -> None:
        self._present_config = present_config
        self._lock = threading.Lock()
        self._built: tuple[Config, ProcessingComponents] | None = None

    def analyze(self, image: Image) -> AnalyzedFrame:
        """Find and classify the faces of an image; errors as `build_processing`."""
        with self._lock:
            # What is given to be analyzed is not of the camera, whose regions these are.
            config = msgspec.structs.replace(self._present_config(), zones={}, ignore=())
            processing = build_processing(config, count(1), self._built)
            self._built = config, processing
            return analyze_image(processing, image)

    def crop_largest(self, image: Image) -> GrayImage | None:
        """Return the largest face of an image as a classifier sees it; None where there is none."""
        tracks = self.analyze(image).tracked.tracks
        if not tracks or self._built is None:
            return None
        face, fit = max(tracks, key=lambda one: one.box.area), self._built[1].scheduler.crop_fit
        return crop_face(image, face.box, face.points, fit, SIDE)


@dataclass(frozen=True, slots=True)
class PipelineComponents:
    """Components of a pipeline, in the order in which a frame comes to them.

    Attributes:
        live: whether frames come whether or not they are read, so that a late one is dropped.
        generation: number of the source in its pipeline, from 0; its frames carry it.
        every_s: lengths of the summaries that are published, in seconds.
    """

    source: Source
    live: bool
    processing: ProcessingComponents
    sinks: tuple[Sink, ...]
    generation: int = 0
    every_s: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SinkSpec:
    """All that one sink is opened with: the sink is kept while this stays the same.

    Attributes:
        settings: of the sink, the preview window or the web page.
        outbox: the file of what it has not yet delivered, where it has one.
        catalog: what the commands that it takes may choose from.
        several: whether there are several cameras; which, and their blur, is told to it later.
        retained: what the config's sinks had brokers retain.
    """

    settings: SinkSettings | PreviewSettings | WebSettings
    outbox: Path | None = None
    catalog: Catalog = field(default_factory=Catalog)
    blur: PrivacyBlur = PrivacyBlur.NONE
    is_only_sink: bool = False
    device: str = ""
    event_files: tuple[Path, ...] = ()
    several: bool = False
    retained: RetainedTopics | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Changes:
    """Prepared change to another config: all is loaded, bound, opened and locked.

    Attributes:
        sections: those in which the config differs.
        cameras: by name, components that are kept, and new ones, with the same sinks.
    """

    config: Config
    file_config: Config
    sections: tuple[str, ...]
    catalog: Catalog
    sink_specs: tuple[SinkSpec, ...]
    cameras: dict[str, PipelineComponents]

    @property
    def components(self) -> PipelineComponents:
        """Those of the first camera."""
        return next(iter(self.cameras.values()))


class PipelineBuilder:
    """Builds the components of a pipeline for each camera, and changes them to another config.

    Camera, files, ports and broker are not touched by the first build: a daemon that has them may
    be running. Without `commands` sinks take none; without `latest_frame` no view is opened;
    without `path`, that of the config, it is not remembered what brokers retain.

    Attributes:
        config: the present config.
        file_config: the same without what commands changed.
        catalog: what commands may choose from, as the file has it.
        cameras: the present components of each camera, by name.
        views: what may be seen of each camera, if there are views.
    """

    def __init__(
        self,
        config: Config,
        commands: CommandQueue | None = None,
        latest_frame: LatestFrame | None = None,
        path: Path | None = None,
    ) -> None:
        self._commands, self._latest_frame, self._path = commands, latest_frame, path
        self._images = ImageAnalyzer(lambda: self.config)
        self._track_ids, self._run = count(1), new_run()
        self.views: dict[str, CameraView] = {}
        self.config = self.file_config = config
        self.catalog = self._catalog_for(config)
        self._sink_specs = self._specs_for(config, self.catalog)
        built = {name: self.build(one) for name, one in camera_configs(config).items()}
        self._update_views()
        sinks = tuple(self._open_sink(spec) for spec in self._sink_specs)
        self.cameras = {name: replace(one, sinks=sinks) for name, one in built.items()}

    @property
    def components(self) -> PipelineComponents:
        """Those of the first camera."""
        return next(iter(self.cameras.values()))

    def build(self, camera: Config, sinks: tuple[Sink, ...] = ()) -> PipelineComponents:
        """Build the components of one camera from its config; errors as of the builder."""
        processing = build_processing(camera, self._track_ids, run=self._run)
        return PipelineComponents(
            open_source(camera.source),
            camera.source.is_live,
            processing,
            sinks,
            every_s=camera.summary.every_s,
        )

    def rebuild(self, name: str) -> None:
        """Build the components of a camera anew; errors as of the builder."""
        sinks = self.components.sinks
        self.cameras[name] = self.build(camera_configs(self.config)[name], sinks)

    def prepare(self, config: Config, file_config: Config | None = None) -> Changes:
        """Load, bind, open and lock what another config needs; the present components go on.

        `file_config` is the same without what commands changed; None where they changed nothing. An
        EmotiondError says what cannot be used, or needs a restart; then nothing has changed.
        """
        only = None if config.cameras else self.components.processing
        sections = changed_sections((self.config, only), config)
        known = SCHEDULER_SECTIONS | ANALYZER_SECTIONS | SINK_SECTIONS | UNBUILT_SECTIONS
        fixed = [name for name in sections if name not in known]
        if bool(config.cameras) is not bool(self.config.cameras):
            fixed = ["cameras"]
        if fixed:
            raise ConfigError(f"{', '.join(fixed)}: a change needs a restart of the daemon")
        cameras = {
            name: self._prepare_camera(name, camera)
            for name, camera in camera_configs(config).items()
        }
        catalog = self._catalog_for(file_config or config)
        specs = self._specs_for(config, catalog)
        sinks = self._prepare_sinks(specs)
        cameras = {name: replace(one, sinks=sinks) for name, one in cameras.items()}
        return Changes(config, file_config or config, sections, catalog, specs, cameras)

    def _prepare_camera(self, name: str, camera: Config) -> PipelineComponents:
        """Return the components of a camera, those that can be kept among them."""
        present, old = self.cameras.get(name), camera_configs(self.config).get(name)
        if present is None or old is None:
            return self.build(camera)
        source, live = present.source, camera.source.is_live
        if old.source != camera.source:
            source = open_source(camera.source)
            if not live:  # a camera that is away comes back by itself
                read_first(open_source(camera.source))
        processing = build_processing(camera, self._track_ids, (old, present.processing))
        every_s = camera.summary.every_s
        return PipelineComponents(source, live, processing, present.sinks, every_s=every_s)

    def commit(self, changes: Changes) -> None:
        """Make prepared changes the present state; the pipelines take over the components."""
        before = camera_configs(self.config)
        self.config, self.file_config = changes.config, changes.file_config
        self.catalog = changes.catalog
        self._update_views()
        for name, camera in camera_configs(self.config).items():
            if name in before and before[name].ignore != camera.ignore and name in self.views:
                self.views[name].latest.clear()  # it may show what is hidden from now on
        self.cameras, self._sink_specs = changes.cameras, changes.sink_specs

    def _update_views(self) -> None:
        """Have views show the present cameras, each with its own blur.

        Where faces are to be hidden, no frame is shown in which one may have gone unseen.
        """
        cameras = camera_configs(self.config) if self._latest_frame is not None else {}
        for name in self.views.keys() - cameras.keys():
            self.views.pop(name).latest.clear()
        for name, camera in cameras.items():
            blur, known = camera.privacy.blur, self.views.get(name)
            latest = LatestFrame() if name or self._latest_frame is None else self._latest_frame
            latest = known.latest if known is not None else latest
            latest.require_search(blur is PrivacyBlur.FACES)
            self.views[name] = CameraView(latest, blur)

    def _prepare_sinks(self, specs: Sequence[SinkSpec]) -> tuple[Sink, ...]:
        """Keep each sink whose spec is still wanted, open the others and take what they need."""
        replaced = list(zip(self._sink_specs, self.components.sinks, strict=True))
        kept: list[Sink | None] = []
        for spec in specs:
            match = next((pair for pair in replaced if pair[0] == spec), None)
            kept.append(match[1] if match else None)
            if match:
                replaced.remove(match)
        closed_first = [sink for _, sink in replaced]
        sinks: list[Sink] = []
        with ExitStack() as undo:
            for spec, present in zip(specs, kept, strict=True):
                sink = present or self._open_sink(spec)
                if present is None and isinstance(sink, ExclusiveSink):
                    undo.callback(sink.close, 0.0)
                    sink.prepare(closed_first)
                sinks.append(sink)
            undo.pop_all()
        return tuple(sinks)

    def _catalog_for(self, config: Config) -> Catalog:
        """Return what commands may choose from: shipped models, the config's own, detectors."""
        if self._commands is None:
            return Catalog()
        models = {file.stem: Path(file.stem) for file in sorted(asset("models").glob("*.tflite"))}
        cameras = camera_configs(config).values()
        for own in (camera.classifier.model for camera in cameras):
            if own.name not in models:
                models[own.stem] = own
        labels = dict.fromkeys(label for model in models.values() for label in read_labels(model))
        snapshots = any(camera.privacy.allow_snapshots for camera in cameras)
        return Catalog(models, detector_kinds(), tuple(labels), snapshots)

    def _specs_for(self, config: Config, catalog: Catalog) -> tuple[SinkSpec, ...]:
        outboxes, retained = outbox_paths(config), None
        if self._path is not None:
            cameras = tuple(config.cameras)
            kept = frozenset(one for sink in config.sinks for one in sink.retained_topics(cameras))
            retained = RetainedTopics(state_folder(config), self._path, tuple(outboxes), kept)
        several = bool(config.cameras)
        specs = []
        for sink, outbox in zip(config.sinks, outboxes, strict=True):
            choices = catalog if sink.takes_commands else Catalog()
            specs.append(SinkSpec(sink, outbox, choices, several=several, retained=retained))
        if self._latest_frame is not None:
            views = [view for view in (config.preview, config.web) if view.enabled]
            blur = PrivacyBlur.NONE if several else config.privacy.blur
            only = len(specs) + len(views) == 1
            names = (sink.name for sink in config.sinks if isinstance(sink, MqttSettings))
            device = next(names, socket.gethostname())
            files = tuple(path for sink in config.sinks for path in sink.event_files)
            for view in views:
                specs.append(SinkSpec(view, None, catalog, blur, only, device, files, several))
        return tuple(specs)

    def _video_options(self) -> list[str]:
        """Return options of `emotiond video`: the config file, and what commands changed of it."""
        options, config, file_config = ["--config", str(self._path)], self.config, self.file_config
        if config.classifier.model != file_config.classifier.model:
            options += ["--model", str(config.classifier.model)]
        if type(config.detector) is not type(file_config.detector):
            options += ["--detector", str(config.detector.__struct_config__.tag)]
        return options

    def _open_sink(self, spec: SinkSpec) -> Sink:
        if not isinstance(spec.settings, PreviewSettings | WebSettings):
            outbox, catalog = spec.outbox, spec.catalog
            return spec.settings.open(
                SinkContext(outbox, self._commands, catalog, self._run, spec.retained, spec.several)
            )
        assert self._commands is not None
        assert self._latest_frame is not None
        context = ViewContext(
            self._latest_frame,
            self._commands,
            spec.blur,
            self._images.analyze,
            spec.catalog,
            lambda path: note_image(path, state_folder(self.config)),
            spec.is_only_sink,
            spec.device,
            spec.event_files,
            self.views if spec.several else {},
            config_path=self._path or Path(),
            state=state_folder(self.config),
            options=self._video_options,
            crop=self._images.crop_largest,
        )
        return spec.settings.open(context)


def build_components(config: Config) -> PipelineComponents:
    """Build, as `PipelineBuilder`, what takes no commands, opens no view and is never changed."""
    return PipelineBuilder(config).components


def validate_components(config: Config) -> dict[str, PipelineComponents]:
    """Build, as `PipelineBuilder`, all that a daemon needs, to learn whether it can be used."""
    return PipelineBuilder(config, CommandQueue(), LatestFrame()).cameras
