"""Carries out commands on the running pipeline, in the main thread."""

import logging
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import cv2
import msgspec

from edge.analysis import change_analysis
from edge.assembly import build_pipeline, desk_of
from edge.config import Config, load_config, state_folder
from edge.control.command import (
    Answer,
    AskInfo,
    ChooseDetector,
    ChooseModel,
    Command,
    CommandError,
    ErrorCode,
    Pause,
    Reload,
    Request,
    SetThresholds,
    TakeSnapshot,
)
from edge.errors import EmotiondError
from edge.pipeline import Pipeline
from edge.publish.payload import utc
from edge.service.changes import with_detector, with_model, with_thresholds
from edge.service.info import describe
from edge.service.pause import PauseMemory, Pauser

log = logging.getLogger(__name__)


class Controller:
    """Owns the pipeline and changes it as it is told.

    What commands change lasts until the config is read again; only a pause outlives the process.

    Args:
        path: of the config file.
        clock: the monotonic clock, in seconds.

    Attributes:
        pipeline: the present one.
        desk: where requests are handed in.

    Raises:
        ConfigError, ModelError: something the config names cannot be used.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._ids = count(1)
        self._read = self._config = load_config(path)
        self._successor: Pipeline | None = None
        self.desk = desk_of(self._config)
        self.pipeline = build_pipeline(self._config, self.desk, self._ids)
        self._pauser = Pauser(PauseMemory(state_folder(self._config)), clock)

    def start(self) -> None:
        """Start the pipeline, paused if the run before was.

        Raises:
            EmotiondError: a sink cannot do its work.
        """
        self._pauser.apply(self.pipeline)
        self.pipeline.start()

    def tick(self) -> None:
        """Resume when it is time; tell the sinks what is seen now."""
        if self._pauser.over:
            self._pauser.resume()
            self._pauser.apply(self.pipeline)
        self.pipeline.look()

    def answer(self, request: Request) -> None:
        """Carry out a request and answer it, whatever comes of it.

        Raises:
            EmotiondError: the pipeline of a new config cannot be started.
        """
        try:
            result: Answer | CommandError = self.execute(request.command)
        except CommandError as error:
            result = error
        except EmotiondError as error:
            result = CommandError(ErrorCode.FAILED, str(error))
        request.answer(result)
        self._succeed()

    def execute(self, command: Command) -> Answer:
        """Carry out a command.

        Raises:
            CommandError, EmotiondError: it cannot be done; nothing was changed.
        """
        config, read, desk = self._config, self._read, self.desk
        match command:
            case Pause():
                answer = self._pause(command)
            case ChooseModel():
                answer = self._change(with_model(config, read, desk.models, command.model))
            case ChooseDetector():
                answer = self._change(with_detector(config, read, desk.detectors, command.detector))
            case SetThresholds():
                answer = self._change(with_thresholds(config, command.changes))
            case TakeSnapshot():
                answer = self._take_snapshot()
            case Reload():
                answer = self._reload()
            case AskInfo():
                answer = Answer(
                    describe(config, self.pipeline.status(), desk.models, desk.detectors)
                )
        return answer

    def _pause(self, command: Pause) -> Answer:
        until = None
        if command.paused:
            until = self._pauser.pause(command.seconds).until
        else:
            self._pauser.resume()
        self._pauser.apply(self.pipeline)
        self.pipeline.look()
        return Answer({"paused": command.paused, "until": utc(until) if until else None})

    def _change(self, config: Config) -> Answer:
        """Go on with `config`, which differs only in how faces are found and read."""
        analysis = change_analysis(self.pipeline.analysis, self._config, config, self._ids)
        if analysis is not self.pipeline.analysis:
            self.pipeline.adopt(analysis)
            log.info("model %s, detector %s", analysis.life.model, analysis.life.detector)
        self._config = config
        return Answer({"model": analysis.life.model, "detector": analysis.life.detector})

    def _take_snapshot(self) -> Answer:
        if not self.desk.pictures:
            text = "expected privacy.pictures: true in the config, found false; no picture leaves"
            raise CommandError(ErrorCode.REFUSED, text)
        frame = self.pipeline.newest
        if frame is None:
            camera = self.pipeline.status().camera.value
            raise CommandError(ErrorCode.FAILED, f"there is no picture: the camera is {camera}")
        picture = cv2.imencode(".jpg", frame.image)[1].tobytes()
        width, height = frame.size
        return Answer({"width": width, "height": height, "bytes": len(picture)}, picture)

    def _reload(self) -> Answer:
        """Read the config again; what a running pipeline cannot change needs another one."""
        config = load_config(self._path)
        desk = desk_of(config, self.desk)
        if (_outline(config), desk) == (_outline(self._config), self.desk):
            answer = self._change(config)
        else:
            self._successor = build_pipeline(config, desk, self._ids)
            if state_folder(config) != state_folder(self._config):
                self._pauser.move(PauseMemory(state_folder(config)))
            self.desk, self._config = desk, config
            life = self._successor.analysis.life
            answer = Answer({"model": life.model, "detector": life.detector})
        self._read = config
        log.info("%s: read again", self._path)
        return answer

    def _succeed(self) -> None:
        """Let the pipeline of a new config take over; whoever asked for it has been answered."""
        if self._successor is None:
            return
        successor, self._successor = self._successor, None
        if not self.pipeline.stop():
            raise EmotiondError("the stages of the former config did not end in time")
        self.pipeline = successor
        self.start()


def _outline(config: Config) -> Config:
    """Return what of a config makes the pipeline around the analysis: all but the analysis."""
    plain = Config()
    return msgspec.structs.replace(
        config,
        detector=plain.detector,
        detect=plain.detect,
        tracker=plain.tracker,
        classifier=plain.classifier,
        quality=plain.quality,
        smoothing=plain.smoothing,
    )
