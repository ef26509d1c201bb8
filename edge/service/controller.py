"""Controller: carries out commands and reloads on the running pipeline, in the main thread."""

import logging
import platform
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import cv2
import msgspec

from edge import __version__
from edge.config import Config, load_config, parse_config, parse_config_file
from edge.errors import EmotiondError
from edge.infer.classifier import ModelPath
from edge.model_card import read_labels
from edge.pipeline.build import Setup, SetupBuilder
from edge.publish.events import utc
from edge.service import commands
from edge.service.cameras import Cameras
from edge.service.commands import CommandError, CommandRequest, CommandResult, ErrorCode
from edge.service.settings import SettingsFile, describe_settings, privacy_losses
from edge.view.annotate import apply_privacy

Adjust = Callable[[Config], Config]
Execution = tuple[CommandResult, Setup | None]  # what is answered, and what is prepared to be done
NO_CAMERA = dict.fromkeys(("model", "detector", "camera"))  # of several together
THRESHOLD_KEYS = {
    "face_threshold": ("classifier", "face_threshold"),
    "min_expression_confidence": ("classifier", "min_confidence"),
    "min_confidence": ("detector", "min_confidence"),
}
"""Section and key of each threshold that is not one of `quality`."""

log = logging.getLogger(__name__)


class Controller:
    """Carries out commands on the cameras, and changes them as the config file says.

    What commands change lasts until the config is read again; only a pause outlives the process.
    `adjust` is what the command line changes of whatever the file at `path` says.
    """

    def __init__(self, path: Path, adjust: Adjust = lambda config: config) -> None:
        self.shutdown, self.commands = False, commands.CommandQueue()
        self._path, self._adjust = path, adjust
        self._builder = SetupBuilder(adjust(load_config(path)), self.commands, path)
        self.cameras = Cameras(self._builder)

    @property
    def config(self) -> Config:
        """The present config: the file's, with what commands changed of it."""
        return self._builder.setup.config

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
            self.cameras.change(changes)

    def reload(self) -> str:
        """Read the config again; return why it is refused and all stays as it was, else nothing."""
        results: list[CommandResult | CommandError] = []
        self.answer(CommandRequest(commands.Reload(), results.append))
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

    def _execute(self, command: commands.Command, names: list[str]) -> Execution:
        """Carry out a command on cameras; what it changes of the components is only prepared."""
        present = self._builder.setup
        config, file_config = present.config, present.file_config
        match command:
            case commands.Pause():
                return self._pause(command, names), None
            case commands.GetSnapshot():
                return self._take_snapshot(names), None
            case commands.GetInfo() | commands.GetSettings():
                editable = isinstance(command, commands.GetSettings)
                data = describe_settings(file_config, self._path) if editable else self._info(names)
                return CommandResult(data), None
            case commands.ChangeSettings():
                return self._change_settings(command)
            case commands.Shutdown():
                self.shutdown = True
                return CommandResult(), None
            case commands.SetModel() | commands.SetDetector() | commands.SetThresholds():
                of_file = file_config.by_camera()
                for name in names:
                    camera = config.by_camera()[name]
                    camera = with_change(command, camera, of_file[name], present.catalog)
                    config = config.with_camera(name, camera)
            case commands.Reload():
                config = file_config = self._adjust(
                    load_config(self._path, may_be_empty=False)  # it may be about to be written
                )
        changes = self._builder.prepare(config, file_config)
        if isinstance(command, commands.Reload):
            changed = ", ".join(changes.sections) or "nothing"
            log.info("%s: read again; changed: %s", self._path, changed)
        told = next(name for name in (*names, *changes.cameras) if name in changes.cameras)
        events = changes.cameras[told].processing.events
        return CommandResult({"model": events.model, "detector": events.detector}), changes

    def _change_settings(self, command: commands.ChangeSettings) -> Execution:
        """Prepare and write the config, or list what weakens privacy and was not confirmed."""
        file, present = SettingsFile(self._path), self._builder.setup.file_config
        try:
            text = file.edit(load_config(self._path), command.changes, present.state_folder)
            config = self._adjust(parse_config_file(text, self._path))
            if config == present:
                why = "options of the command line and variables go before the file"
                raise CommandError(ErrorCode.REFUSED, f"nothing would change: {why}")
            losses = privacy_losses(present, config)
            if losses and not command.confirmed:
                return CommandResult({"unconfirmed": losses}), None
            file.keep_backup()
            changes = self._builder.prepare(config)
            file.save(text)
        except OSError as error:
            reason = f"{file.path}: cannot be written: {error.strerror}"
            raise CommandError(ErrorCode.FAILED, reason) from error
        finally:
            file.discard()
        log.info("%s: changed by the web page: %s", file.path, ", ".join(changes.sections))
        return CommandResult({"changed": list(changes.sections)}), changes

    def _pause(self, command: commands.Pause, names: list[str]) -> CommandResult:
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
        config = self.config.by_camera()[names[0]]
        if not config.privacy.allow_snapshots:
            text = "expected privacy.allow_snapshots: true in the config, found false"
            raise CommandError(ErrorCode.REFUSED, f"{text}; no image leaves")
        frame = self._builder.views[names[0]].latest.newest
        camera = self.cameras[names[0]].pipeline.source.state
        if frame is None or not camera.gives_frames:
            reason = "yet" if camera.gives_frames else f"while the camera is {camera}"
            raise CommandError(ErrorCode.FAILED, f"there is no image {reason}")
        jpeg = cv2.imencode(".jpg", apply_privacy(frame, config.privacy.blur))[1].tobytes()
        width, height = frame.frame.size
        return CommandResult({"width": width, "height": height, "bytes": len(jpeg)}, jpeg)

    def _info(self, names: list[str]) -> dict[str, Any]:
        """Return version, config without secrets, and what may be chosen, as plain values."""
        catalog = self._builder.setup.catalog
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
            "config": self.config.redacted(),
        }


def with_change(
    command: commands.SetModel | commands.SetDetector | commands.SetThresholds,
    config: Config,
    file_config: Config,
    catalog: commands.Catalog,
) -> Config:
    """Return the config of one camera as a command changes it, or raise a CommandError."""
    replace = msgspec.structs.replace
    match command:
        case commands.SetModel(model=name):
            _require(name, catalog.models)
            model, of_file = ModelPath(catalog.models[name]), file_config.classifier
            # The baseline is of the file's own model, and returns with it.
            baseline = of_file.neutral_baseline if model == of_file.model else None
            classifier = replace(config.classifier, model=model, neutral_baseline=baseline)
            return replace(config, classifier=classifier)
        case commands.SetDetector(detector=kind):
            _require(kind, catalog.detectors)
            default = parse_config({"detector": {"kind": kind}}, Path("detector")).detector
            own = type(file_config.detector) is type(default)
            return replace(config, detector=file_config.detector if own else default)
    for name, value in command.changes.items():
        section, key = THRESHOLD_KEYS.get(name, ("quality", name))
        settings = getattr(config, section)
        if key not in settings.__struct_fields__:
            text = f"the detector {config.detector.__struct_config__.tag} has no {name}"
            raise CommandError(ErrorCode.REFUSED, f"{text}; choose one that has")
        config = replace(config, **{section: replace(settings, **{key: value})})
    return config


def _require(name: str, known: Iterable[str]) -> None:
    if name not in known:
        text = f"expected one of {', '.join(known)}, found {name[:80]!r}"
        raise CommandError(ErrorCode.REFUSED, text)
