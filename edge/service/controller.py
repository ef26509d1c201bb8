"""Controller: carries out commands and reloads on the running pipeline, in the main thread."""

import logging
import platform
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import cv2
import msgspec

from edge import __version__
from edge.config import (
    Config,
    load_config,
    parse_config,
    parse_config_file,
    redacted_config,
    state_folder,
)
from edge.errors import EmotiondError
from edge.infer.classifier import ModelPath
from edge.model_card import read_labels
from edge.pipeline.build import Changes, PipelineBuilder
from edge.pipeline.pipeline import Pipeline
from edge.pipeline.worker import LatestFrame
from edge.publish.events import utc
from edge.service.commands import (
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
from edge.view.annotate import apply_privacy

THRESHOLD_KEYS = {
    "face_threshold": ("classifier", "face_threshold"),
    "min_expression_confidence": ("classifier", "min_confidence"),
    "min_confidence": ("detector", "min_confidence"),
}
"""Section and key of each threshold that is not one of `quality`."""

log = logging.getLogger(__name__)


class Controller:
    """Owns the pipeline and changes it as commands and the config file say.

    What commands change lasts until the config is read again; only a pause outlives the process.
    `clock` is the monotonic one, in seconds; `adjust` is what the command line changes of whatever
    the file at `path` says.

    Attributes:
        pipeline: reconfigured in place, and never replaced.
        shutdown: whether the daemon was told to end.

    Raises:
        ConfigError, ModelError: something the config names cannot be used.
    """

    def __init__(
        self,
        path: Path,
        clock: Callable[[], float] = time.monotonic,
        adjust: Callable[[Config], Config] = lambda config: config,
    ) -> None:
        self.shutdown = False
        self.commands = CommandQueue()
        self._path, self._adjust = path, adjust
        self._latest_frame = LatestFrame()
        config = adjust(load_config(path))
        self._builder = PipelineBuilder(config, self.commands, self._latest_frame, path)
        self.pipeline = Pipeline(self._builder.components, self._latest_frame)
        folder = state_folder(config)
        source = self.pipeline.source
        self._pause_controller = PauseController(source, folder, clock, config.schedule)

    @property
    def config(self) -> Config:
        """The present config: the file's, with what commands changed of it."""
        return self._builder.config

    def tick(self) -> None:
        """Resume when it is time; publish what is seen now."""
        self._pause_controller.tick()
        self.pipeline.publish_snapshot()

    def answer(self, request: CommandRequest) -> None:
        """Carry out a request and answer it, whatever comes of it.

        The answer is given once it is certain that the changes can be made, and before they are:
        they may close the sink that carries it.
        """
        changes = None
        result: CommandResult | CommandError
        try:
            result, changes = self._execute(request.command)
        except CommandError as error:
            result = error
        except EmotiondError as error:
            result = CommandError(ErrorCode.FAILED, str(error))
        except Exception as error:
            log.exception("a command failed")
            result = CommandError(ErrorCode.FAILED, f"a fault of emotiond: {error!r}; see its log")
        request.answer(result)
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

    def _execute(self, command: Command) -> tuple[CommandResult, Changes | None]:
        """Carry out a command; what it changes of the components is only prepared.

        Raises:
            CommandError, EmotiondError: it cannot be done; nothing was changed.
        """
        builder = self._builder
        config, file_config, catalog = builder.config, builder.file_config, builder.catalog
        match command:
            case Pause():
                return self._pause(command), None
            case GetSnapshot() | GetInfo() | GetSettings():
                return self._look_up(command), None
            case ChangeSettings():
                return self._change_settings(command)
            case Shutdown():
                self.shutdown = True
                return CommandResult(), None
            case SetModel():
                config = with_model(config, file_config, catalog.models, command.model)
            case SetDetector():
                config = with_detector(config, file_config, catalog.detectors, command.detector)
            case SetThresholds():
                config = with_thresholds(config, command.changes)
            case Reload():
                config = file_config = self._adjust(
                    load_config(self._path, may_be_empty=False)  # it may be about to be written
                )
        changes = builder.prepare(config, file_config)
        if isinstance(command, Reload):
            changed = ", ".join(changes.sections) or "nothing"
            log.info("%s: read again; changed: %s", self._path, changed)
        events = changes.components.processing.events
        return CommandResult({"model": events.model, "detector": events.detector}), changes

    def _look_up(self, command: GetSnapshot | GetInfo | GetSettings) -> CommandResult:
        match command:
            case GetSnapshot():
                return self._take_snapshot()
            case GetInfo():
                return CommandResult(self._info())
        return CommandResult(describe_settings(self._builder.file_config, self._path))

    def _change_settings(self, command: ChangeSettings) -> tuple[CommandResult, Changes | None]:
        """Prepare the config with other settings and write it; errors as `_execute`.

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

    def _pause(self, command: Pause) -> CommandResult:
        if command.paused:
            self._pause_controller.pause(command.seconds)
        else:  # outside the schedule it stays paused
            self._pause_controller.resume()
        self.pipeline.publish_snapshot()
        source = self.pipeline.source
        until = source.paused_until
        return CommandResult({"paused": not source.enabled, "until": utc(until) if until else None})

    def _take_snapshot(self) -> CommandResult:
        if not self._builder.catalog.allow_snapshots:
            raise CommandError(
                ErrorCode.REFUSED,
                "expected privacy.allow_snapshots: true in the config, found false; "
                "no image leaves",
            )
        frame, camera = self._latest_frame.newest, self.pipeline.source.state
        if frame is None or not camera.gives_frames:
            reason = "yet" if camera.gives_frames else f"while the camera is {camera}"
            raise CommandError(ErrorCode.FAILED, f"there is no image {reason}")
        image = apply_privacy(frame, self.config.privacy.blur)
        jpeg = cv2.imencode(".jpg", image)[1].tobytes()
        width, height = frame.frame.size
        return CommandResult({"width": width, "height": height, "bytes": len(jpeg)}, jpeg)

    def _info(self) -> dict[str, Any]:
        """Return version, config without secrets, and what may be chosen, as plain values."""
        status, catalog = self.pipeline.status(), self._builder.catalog
        return {
            "version": __version__,
            "python": platform.python_version(),
            "machine": platform.machine(),
            "model": status.model,
            "detector": status.detector,
            "camera": status.camera.value,
            "models": {name: list(read_labels(path)) for name, path in catalog.models.items()},
            "detectors": list(catalog.detectors),
            "config": redacted_config(self.config),
        }

    def _apply(self, changes: Changes) -> None:
        """Make prepared changes the present state; nothing of it can fail."""
        old_config, old_processing = self.config, self._builder.components.processing
        self._builder.commit(changes)
        self.pipeline.reconfigure(changes.components)
        if state_folder(changes.config) != state_folder(old_config):
            self._pause_controller.move(state_folder(changes.config))
        self._pause_controller.schedule = changes.config.schedule
        self._pause_controller.tick()
        processing = changes.components.processing
        if processing is not old_processing:
            events = processing.events
            log.info("model %s, detector %s", events.model, events.detector)


# What commands change: each returns a new config and leaves the old as it was.


def with_model(
    config: Config, file_config: Config, models: Mapping[str, Path], name: str
) -> Config:
    """Return `config` with another of `models`; the file's baseline is of the file's model alone.

    Raises:
        CommandError: there is no such model.
    """
    _require(name, models)
    model = ModelPath(models[name])
    of_file = file_config.classifier
    baseline = of_file.neutral_baseline if model == of_file.model else None
    classifier = msgspec.structs.replace(config.classifier, model=model, neutral_baseline=baseline)
    return msgspec.structs.replace(config, classifier=classifier)


def with_detector(config: Config, file_config: Config, kinds: Iterable[str], kind: str) -> Config:
    """Return `config` with another of `kinds`, with the file's settings where it is the file's.

    Raises:
        CommandError: there is no such detector.
    """
    _require(kind, kinds)
    default = parse_config({"detector": {"kind": kind}}, Path("detector")).detector
    own = type(file_config.detector) is type(default)
    return msgspec.structs.replace(config, detector=file_config.detector if own else default)


def with_thresholds(config: Config, changes: Mapping[str, float]) -> Config:
    """Return `config` with other thresholds, wherever each of them stands in it.

    Raises:
        CommandError: the present detector has no such threshold.
    """
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
