"""Controller: carries out commands and reloads on the running pipeline, in the main thread."""

import logging
import platform
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import cv2
import msgspec

from edge import __version__
from edge.config import (
    Config,
    camera_configs,
    load_config,
    parse_config,
    parse_config_file,
    redacted_config,
    state_folder,
    with_camera,
)
from edge.errors import EmotiondError
from edge.infer.classifier import ModelPath
from edge.model_card import read_labels
from edge.pipeline.build import Changes, PipelineBuilder
from edge.pipeline.pipeline import CLOSE_TIMEOUT, STALL_TIMEOUT, Pipeline
from edge.pipeline.worker import LatestFrame
from edge.publish import MultiSink
from edge.publish.events import utc
from edge.service.commands import (
    Catalog,
    ChangeSettings,
    Command,
    CommandError,
    CommandQueue,
    CommandRequest,
    CommandResult,
    ErrorCode,
    GetInfo,
    GetSettings,
    GetSnapshot,
    Pause,
    Reload,
    SetDetector,
    SetModel,
    SetThresholds,
    Shutdown,
)
from edge.service.pause import PauseController
from edge.service.settings import SettingsFile, describe_settings, privacy_losses
from edge.types import CameraRemoved
from edge.view.annotate import apply_privacy

THRESHOLD_KEYS = {
    "face_threshold": ("classifier", "face_threshold"),
    "min_expression_confidence": ("classifier", "min_confidence"),
    "min_confidence": ("detector", "min_confidence"),
}
"""Section and key of each threshold that is not one of `quality`."""

NO_CAMERA = dict.fromkeys(("model", "detector", "camera"))
"""What is told of a camera, where it is of several together."""

RETRY_DELAY_S = 10.0
"""Seconds after which one of several cameras that failed is begun anew."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera: its pipeline, and what pauses that."""

    pipeline: Pipeline
    pause: PauseController


class Controller:
    """Owns the pipeline of each camera and changes it as commands and the config file say.

    What commands change lasts until the config is read again; only a pause outlives the process.
    Of several cameras, one that fails or hangs is given up and begun anew; the others go on.
    `clock` is the monotonic one, in seconds; `adjust` is what the command line changes of whatever
    the file at `path` says.

    Attributes:
        cameras: those that run, by name; that of an only one is empty.
        shutdown: whether the daemon was told to end.
    """

    def __init__(
        self,
        path: Path,
        clock: Callable[[], float] = time.monotonic,
        adjust: Callable[[Config], Config] = lambda config: config,
    ) -> None:
        self.shutdown = False
        self.commands = CommandQueue()
        self._path, self._adjust, self._clock = path, adjust, clock
        self._latest_frame = LatestFrame()
        config = adjust(load_config(path))
        self._builder = PipelineBuilder(config, self.commands, self._latest_frame, path)
        # In common; the pipeline of an only camera has its own.
        self._sinks = MultiSink(self._builder.components.sinks) if config.cameras else None
        self._retry_at: dict[str, float] = {}  # of cameras that failed
        self._given_up: list[Pipeline] = []
        self._removed: dict[str, Pipeline] = {}
        self._error: Exception | None = None
        self.cameras = {name: self._new_camera(name) for name in self._builder.cameras}

    @property
    def config(self) -> Config:
        """The present config: the file's, with what commands changed of it."""
        return self._builder.config

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline of the first camera."""
        return next(iter(self.cameras.values())).pipeline

    @property
    def pipelines(self) -> list[Pipeline]:
        """The pipeline of each camera that runs."""
        return [camera.pipeline for camera in self.cameras.values()]

    def start(self) -> None:
        """Start sinks and pipelines; errors are as of `Pipeline.start`."""
        if self._sinks is not None:
            self._sinks.prepare()
            for pipeline in self.pipelines:
                pipeline.publish_status()
            self._sinks.start()
        for pipeline in self.pipelines:
            pipeline.start()

    def stop(self) -> bool:
        """End all, each as `Pipeline.stop`; return whether all did in time."""
        with ThreadPoolExecutor(len(self.pipelines) or 1) as pool:
            in_time = all(list(pool.map(Pipeline.stop, self.pipelines)))
        if self._sinks is not None:
            self._sinks.close(CLOSE_TIMEOUT)
        return in_time and not any(one.running for one in self._given_up)

    # What there is to watch over, of all cameras together.

    @property
    def running(self) -> bool:
        """Tell whether any camera still has work, or will be begun anew."""
        return bool(self._retry_at) or any(one.running for one in self.pipelines)

    @property
    def error(self) -> Exception | None:
        """The error that ended an only camera, or all of several."""
        if self._sinks is None:
            return self.pipeline.error
        return None if self.cameras else self._error

    def tick(self) -> None:
        """Resume when it is time; publish what is seen now; begin anew what failed."""
        for camera in self.cameras.values():
            camera.pause.tick()
            camera.pipeline.publish_snapshot()
        if self._sinks is not None:
            self._give_up_failed()
            self._begin_anew()

    def publish_stats(self) -> None:
        """Publish the numbers of each camera."""
        for pipeline in self.pipelines:
            pipeline.publish_stats()

    def _new_camera(self, name: str) -> Camera:
        components = self._builder.cameras[name]
        config = camera_configs(self.config)[name]
        latest = self._builder.views[name].latest
        pipeline = Pipeline(components, latest, self._sinks, name)
        folder = state_folder(config)
        pause = PauseController(pipeline.source, folder, self._clock, config.schedule, name)
        return Camera(pipeline, pause)

    def _give_up_failed(self) -> None:
        """Leave behind each of several cameras that failed or hangs."""
        for name, camera in list(self.cameras.items()):
            pipeline = camera.pipeline
            stalled, error = pipeline.stalled(), pipeline.error
            if error is None and not stalled:
                continue
            text = f"nothing comes from {', '.join(stalled)} for {STALL_TIMEOUT:.0f} s"
            self._error = error = error or EmotiondError(text)
            known = isinstance(error, EmotiondError)
            text = "camera %s: %s; it is begun anew in %.0f s"
            log.error(text, name, error, RETRY_DELAY_S, exc_info=None if known else error)
            pipeline.abandoned = True
            pipeline.stop()
            self._builder.views[name].latest.clear()
            self._given_up = [*filter(lambda one: one.running, self._given_up), pipeline]
            self._retry_at[name] = self._clock() + RETRY_DELAY_S
            del self.cameras[name]

    def _begin_anew(self) -> None:
        """Build and start again each camera whose time has come, unless it still hangs."""
        hanging = {one.name for one in self._given_up if one.running}
        for name in [name for name, due in self._retry_at.items() if self._clock() >= due]:
            self._retry_at[name] = self._clock() + RETRY_DELAY_S
            if name in hanging:
                continue
            try:
                self._builder.rebuild(name)
            except EmotiondError as error:
                log.error("camera %s: %s", name, error)
                continue
            del self._retry_at[name]
            self.cameras[name] = self._new_camera(name)
            self.cameras[name].pipeline.start()

    def answer(self, request: CommandRequest) -> None:
        """Carry out a request and answer it, whatever comes of it."""
        changes = None
        result: CommandResult | CommandError
        try:
            result, changes = self._execute(request.command, self._addressed(request.camera))
        except CommandError as error:
            result = error
        except EmotiondError as error:
            result = CommandError(ErrorCode.FAILED, str(error))
        except Exception as error:
            log.exception("a command failed")
            result = CommandError(ErrorCode.FAILED, f"a fault of emotiond: {error!r}; see its log")
        request.answer(result)  # before what is now certain is done: that may close its sink
        if changes is not None:
            self._apply(changes)

    def reload(self) -> str:
        """Read the config again; return why it is refused and all stays as it was, else nothing."""
        results: list[CommandResult | CommandError] = []
        self.answer(CommandRequest(Reload(), results.append))
        if not isinstance(results[0], CommandError):
            return ""
        log.error("%s; it was not read again, and the settings of before stay", results[0])
        return str(results[0])

    def _addressed(self, name: str) -> list[str]:
        """Return the names of the cameras that a command is for; without a name, all."""
        known = [*self.cameras]
        if name and name not in known:
            text = f"expected one of {', '.join(known) or 'no'} cameras, found {name[:80]!r}"
            raise CommandError(ErrorCode.REFUSED, text)
        return [name] if name else known

    def _execute(self, command: Command, names: list[str]) -> tuple[CommandResult, Changes | None]:
        """Carry out a command on cameras; what it changes of the components is only prepared."""
        builder = self._builder
        config, file_config, catalog = builder.config, builder.file_config, builder.catalog
        match command:
            case Pause():
                return self._pause(command, names), None
            case GetSnapshot() | GetInfo() | GetSettings():
                return self._look_up(command, names), None
            case ChangeSettings():
                return self._change_settings(command)
            case Shutdown():
                self.shutdown = True
                return CommandResult(), None
            case SetModel() | SetDetector() | SetThresholds():
                of_file = camera_configs(file_config)
                for name in names:
                    camera = camera_configs(config)[name]
                    camera = with_change(command, camera, of_file[name], catalog)
                    config = with_camera(config, name, camera)
            case Reload():
                config = file_config = self._adjust(
                    load_config(self._path, may_be_empty=False)  # it may be about to be written
                )
        changes = builder.prepare(config, file_config)
        if isinstance(command, Reload):
            changed = ", ".join(changes.sections) or "nothing"
            log.info("%s: read again; changed: %s", self._path, changed)
        told = names[0] if names and names[0] in changes.cameras else next(iter(changes.cameras))
        events = changes.cameras[told].processing.events
        return CommandResult({"model": events.model, "detector": events.detector}), changes

    def _look_up(
        self, command: GetSnapshot | GetInfo | GetSettings, names: list[str]
    ) -> CommandResult:
        match command:
            case GetSnapshot():
                return self._take_snapshot(names)
            case GetInfo():
                return CommandResult(self._info(names))
        return CommandResult(describe_settings(self._builder.file_config, self._path))

    def _change_settings(self, command: ChangeSettings) -> tuple[CommandResult, Changes | None]:
        """Prepare the config with other settings and write it.

        What weakens privacy and was not confirmed is listed in the result, and nothing is done.
        """
        file, present = SettingsFile(self._path), self._builder.file_config
        try:
            text = file.edit(load_config(self._path), command.changes, state_folder(present))
            config = self._adjust(parse_config_file(text, self._path))
            if config == present:
                raise CommandError(
                    ErrorCode.REFUSED,
                    "nothing would change: options of the command line and variables go before "
                    "the file",
                )
            losses = privacy_losses(present, config)
            if losses and not command.confirmed:
                return CommandResult({"unconfirmed": losses}), None
            file.keep_backup()
            changes = self._builder.prepare(config)
            file.save(text)
        except OSError as error:
            raise CommandError(
                ErrorCode.FAILED, f"{file.path}: cannot be written: {error.strerror}"
            ) from error
        finally:
            file.discard()
        log.info("%s: changed by the web page: %s", file.path, ", ".join(changes.sections))
        return CommandResult({"changed": list(changes.sections)}), changes

    def _pause(self, command: Pause, names: list[str]) -> CommandResult:
        for camera in (self.cameras[name] for name in names):
            if command.paused:
                camera.pause.pause(command.seconds)
            else:  # outside the schedule it stays paused
                camera.pause.resume()
            camera.pipeline.publish_snapshot()
        sources = [self.cameras[name].pipeline.source for name in names]
        until = next((one.paused_until for one in sources if one.paused_until), None)
        paused = any(not one.enabled for one in sources)
        return CommandResult({"paused": paused, "until": utc(until) if until else None})

    def _take_snapshot(self, names: list[str]) -> CommandResult:
        if len(names) != 1:
            text = f"expected the topic of one camera: {', '.join(names)}"
            raise CommandError(ErrorCode.REFUSED, text)
        config = camera_configs(self.config)[names[0]]
        if not config.privacy.allow_snapshots:
            raise CommandError(
                ErrorCode.REFUSED,
                "expected privacy.allow_snapshots: true in the config, found false; "
                "no image leaves",
            )
        frame = self._builder.views[names[0]].latest.newest
        camera = self.cameras[names[0]].pipeline.source.state
        if frame is None or not camera.gives_frames:
            reason = "yet" if camera.gives_frames else f"while the camera is {camera}"
            raise CommandError(ErrorCode.FAILED, f"there is no image {reason}")
        image = apply_privacy(frame, config.privacy.blur)
        jpeg = cv2.imencode(".jpg", image)[1].tobytes()
        width, height = frame.frame.size
        return CommandResult({"width": width, "height": height, "bytes": len(jpeg)}, jpeg)

    def _info(self, names: list[str]) -> dict[str, Any]:
        """Return version, config without secrets, and what may be chosen, as plain values."""
        catalog = self._builder.catalog
        statuses = {name: self.cameras[name].pipeline.status() for name in names}
        told = {
            name: {"model": one.model, "detector": one.detector, "camera": one.camera.value}
            for name, one in statuses.items()
        }
        return {
            "version": __version__,
            "python": platform.python_version(),
            "machine": platform.machine(),
            **(told[names[0]] if len(names) == 1 else {**NO_CAMERA, "cameras": told}),
            "models": {name: list(read_labels(path)) for name, path in catalog.models.items()},
            "detectors": list(catalog.detectors),
            "config": redacted_config(self.config),
        }

    def _apply(self, changes: Changes) -> None:
        """Make prepared changes the present state; nothing of it can fail."""
        old_config, old = self.config, self._builder.cameras
        self._builder.commit(changes)
        configs = camera_configs(self.config)
        for name in [*self.cameras]:
            if name not in configs:
                self._remove(name)
        for name in self._retry_at.keys() - configs.keys():
            del self._retry_at[name]
            if self._sinks is not None:
                self._sinks.publish(CameraRemoved(name))
        for name, camera in self.cameras.items():
            camera.pipeline.reconfigure(changes.cameras[name])
            if state_folder(changes.config) != state_folder(old_config):
                camera.pause.move(state_folder(changes.config))
            camera.pause.schedule = configs[name].schedule
            camera.pause.tick()
            processing = changes.cameras[name].processing
            if processing is not old[name].processing:
                events = processing.events
                place = f"camera {name}: " if name else ""
                log.info("%smodel %s, detector %s", place, events.model, events.detector)
        for name in configs.keys() - self.cameras.keys() - self._retry_at.keys():
            log.info("camera %s: added", name)
            if name in self._removed:  # its end is not to clear what this one publishes
                self._removed.pop(name).removed = False
            self.cameras[name] = self._new_camera(name)
            self.cameras[name].pipeline.start()

    def _remove(self, name: str) -> None:
        """End a camera that the config names no more, without waiting for it."""
        log.info("camera %s: removed", name)
        pipeline = self.cameras.pop(name).pipeline
        pipeline.removed, self._removed[name] = True, pipeline
        Thread(target=pipeline.stop, name=f"remove-{name}", daemon=True).start()


# What commands change: each returns a new config and leaves the old as it was.


def with_change(
    command: SetModel | SetDetector | SetThresholds,
    config: Config,
    file_config: Config,
    catalog: Catalog,
) -> Config:
    """Return the config of one camera as a command changes it, or raise a CommandError."""
    match command:
        case SetModel():
            return with_model(config, file_config, catalog.models, command.model)
        case SetDetector():
            return with_detector(config, file_config, catalog.detectors, command.detector)
    return with_thresholds(config, command.changes)


def with_model(
    config: Config, file_config: Config, models: Mapping[str, Path], name: str
) -> Config:
    """Return `config` with another of `models`; a baseline is of the file's own model alone."""
    _require(name, models)
    model = ModelPath(models[name])
    of_file = file_config.classifier
    baseline = of_file.neutral_baseline if model == of_file.model else None
    classifier = msgspec.structs.replace(config.classifier, model=model, neutral_baseline=baseline)
    return msgspec.structs.replace(config, classifier=classifier)


def with_detector(config: Config, file_config: Config, kinds: Iterable[str], kind: str) -> Config:
    """Return `config` with another of `kinds`, with the file's settings where it is the file's."""
    _require(kind, kinds)
    default = parse_config({"detector": {"kind": kind}}, Path("detector")).detector
    own = type(file_config.detector) is type(default)
    return msgspec.structs.replace(config, detector=file_config.detector if own else default)


def with_thresholds(config: Config, changes: Mapping[str, float]) -> Config:
    """Return `config` with other thresholds, wherever each of them stands in it."""
    for name, value in changes.items():
        section, key = THRESHOLD_KEYS.get(name, ("quality", name))
        settings = getattr(config, section)
        if key not in settings.__struct_fields__:
            kind = config.detector.__struct_config__.tag
            text = f"the detector {kind} has no {name}; choose one that has"
            raise CommandError(ErrorCode.REFUSED, text)
        changed = {section: msgspec.structs.replace(settings, **{key: value})}
        config = msgspec.structs.replace(config, **changed)
    return config


def _require(name: str, known: Iterable[str]) -> None:
    if name not in known:
        text = f"expected one of {', '.join(known)}, found {name[:80]!r}"
        raise CommandError(ErrorCode.REFUSED, text)
