"""Carries out commands on the running pipeline, in the main thread."""

import logging
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import cv2

from edge.config import Config, load_config, state_folder
from edge.errors import EmotiondError
from edge.offline.recognizer import EmotionRecognizer
from edge.pipeline.components import BuildContext, build_components, rebuild_components
from edge.pipeline.context import build_context, command_queue_for
from edge.pipeline.latest_frame import LatestFrame
from edge.pipeline.pipeline import Pipeline
from edge.publish.payload import utc
from edge.service.command_queue import CommandQueue
from edge.service.commands import (
    Command,
    CommandError,
    CommandRequest,
    CommandResult,
    ErrorCode,
    GetInfo,
    GetSnapshot,
    Pause,
    Reload,
    SetDetector,
    SetModel,
    SetThresholds,
    Shutdown,
)
from edge.service.config_overrides import with_detector, with_model, with_thresholds
from edge.service.device_info import describe
from edge.service.pause import PauseController, PauseStore
from edge.types import CameraState
from edge.view.blur import apply_privacy

log = logging.getLogger(__name__)


class Controller:
    """Owns the pipeline and changes it as it is told.

    What commands change lasts until the config is read again; only a pause outlives the process.

    Args:
        path: of the config file.
        clock: the monotonic clock, in seconds.
        adjust: what the command line changes of whatever the file says.

    Attributes:
        pipeline: changed in place, and never replaced.
        desk: where requests are handed in.
        quit: whether the daemon was told to end.

    Raises:
        ConfigError, ModelError: something the config names cannot be used.
    """

    def __init__(
        self,
        path: Path,
        clock: Callable[[], float] = time.monotonic,
        adjust: Callable[[Config], Config] = lambda config: config,
    ) -> None:
        self.quit = False
        self._path, self._adjust = path, adjust
        self._ids = count(1)
        self._read = self._config = adjust(load_config(path))
        self.desk = command_queue_for(self._config)
        self._showcase = LatestFrame()
        self._analyse = EmotionRecognizer.following(lambda: self._config).analyze_image
        self._parts = build_components(self._plan(self._config, self.desk), self._ids)
        self.pipeline = Pipeline(self._parts, self._showcase)
        memory = PauseStore(state_folder(self._config))
        self._pauser = PauseController(self.pipeline.lookout, memory, clock)

    def tick(self) -> None:
        """Resume when it is time; tell the sinks what is seen now."""
        self._pauser.tick()
        self.pipeline.look()

    def answer(self, request: CommandRequest) -> None:
        """Carry out a request and answer it, whatever comes of it."""
        try:
            result: CommandResult | CommandError = self.execute(request.command)
        except CommandError as error:
            result = error
        except EmotiondError as error:
            result = CommandError(ErrorCode.FAILED, str(error))
        request.answer(result)
        self._adopt()

    def reload(self) -> None:
        """Read the config again; one that cannot be used is refused, and all stays as it was."""
        try:
            self._reload()
        except EmotiondError as error:
            log.error("%s; it was not read again, and the settings of before stay", error)
        self._adopt()

    def execute(self, command: Command) -> CommandResult:
        """Carry out a command; what it changes of the pipeline waits until it is answered.

        Raises:
            CommandError, EmotiondError: it cannot be done; nothing was changed.
        """
        config, read, desk = self._config, self._read, self.desk
        match command:
            case Pause():
                answer = self._pause(command)
            case SetModel():
                answer = self._change(with_model(config, read, desk.models, command.model), desk)
            case SetDetector():
                kinds, kind = desk.detectors, command.detector
                answer = self._change(with_detector(config, read, kinds, kind), desk)
            case SetThresholds():
                answer = self._change(with_thresholds(config, command.changes), desk)
            case GetSnapshot():
                answer = self._take_snapshot()
            case Shutdown():
                self.quit, answer = True, CommandResult()
            case Reload():
                answer = self._reload()
            case GetInfo():
                answer = CommandResult(
                    describe(config, self.pipeline.status(), desk.models, desk.detectors)
                )
        return answer

    def _pause(self, command: Pause) -> CommandResult:
        until = None
        if command.paused:
            until = self._pauser.pause(command.seconds).until
        else:
            self._pauser.resume()
        self.pipeline.look()
        return CommandResult({"paused": command.paused, "until": utc(until) if until else None})

    def _take_snapshot(self) -> CommandResult:
        if not self.desk.pictures:
            text = "expected privacy.pictures: true in the config, found false; no picture leaves"
            raise CommandError(ErrorCode.REFUSED, text)
        scene, camera = self._showcase.newest, self.pipeline.lookout.state
        if scene is None or camera is not CameraState.ONLINE:
            reason = "yet" if camera is CameraState.ONLINE else f"while the camera is {camera}"
            raise CommandError(ErrorCode.FAILED, f"there is no picture {reason}")
        image = apply_privacy(scene, self._config.privacy.blur)
        picture = cv2.imencode(".jpg", image)[1].tobytes()
        width, height = scene.frame.size
        return CommandResult({"width": width, "height": height, "bytes": len(picture)}, picture)

    def _reload(self) -> CommandResult:
        """Go on with what the config says now."""
        config = self._adjust(load_config(self._path))
        former = self._config
        answer = self._change(config, command_queue_for(config, self.desk))
        if state_folder(config) != state_folder(former):
            self._pauser.move(PauseStore(state_folder(config)))
        self._read = config
        changed = ", ".join(_changed_sections(former, config)) or "nothing"
        log.info("%s: read again; changed: %s", self._path, changed)
        return answer

    def _change(self, config: Config, desk: CommandQueue) -> CommandResult:
        """Load what another config needs, and take it for the present one."""
        old, new = self._plan(self._config, self.desk), self._plan(config, desk)
        self._parts = rebuild_components(self._parts, old, new, self._ids)
        self._config, self.desk = config, desk
        life = self._parts.analysis.life
        return CommandResult({"model": life.model, "detector": life.detector})

    def _plan(self, config: Config, desk: CommandQueue) -> BuildContext:
        return build_context(config, desk, self._showcase, self._analyse)

    def _adopt(self) -> None:
        """Give the pipeline its new parts; who asked for them has been told by the old ones."""
        if self._parts is self.pipeline.parts:
            return
        if self._parts.analysis is not self.pipeline.parts.analysis:
            life = self._parts.analysis.life
            log.info("model %s, detector %s", life.model, life.detector)
        self.pipeline.adopt(self._parts)


def _changed_sections(old: Config, new: Config) -> list[str]:
    names = new.__struct_fields__
    return [name for name in names if getattr(old, name) != getattr(new, name)]
