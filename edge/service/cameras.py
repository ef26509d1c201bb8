"""Cameras that run: the pipeline of each, its pause, and what is done where one fails."""

import logging
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import msgspec

from edge.capture.pausable import PausableSource
from edge.config import Config
from edge.errors import EmotiondError
from edge.paths import atomic_write
from edge.pipeline.build import Setup, SetupBuilder
from edge.pipeline.pipeline import CLOSE_TIMEOUT, STALL_TIMEOUT, Pipeline
from edge.publish import MultiSink
from edge.publish.events import utc
from edge.schedule import ScheduleSettings
from edge.types import CameraRemoved

FILE = "pause.json"  # that of an only camera
RETRY_DELAY_S = 10.0  # seconds after which one of several cameras that failed is begun anew

log = logging.getLogger(__name__)


class StoredPause(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pause as it is stored; it ends by itself at `until`, in UTC, or when told to resume."""

    until: datetime | None = None


class PauseController:
    """Pauses a source and resumes it, when told or when it is time.

    A pause that was asked for lies in a file of the state `folder`, which exists as long as it
    lasts; where that of an earlier run is not over, `source` is paused at once. So it is outside
    the `schedule`, whatever is told. `clock` is monotonic, in seconds; `name` is that of one of
    several cameras. A change of `schedule` counts from the next `tick`.
    """

    def __init__(
        self,
        source: PausableSource,
        folder: Path,
        clock: Callable[[], float] = time.monotonic,
        schedule: ScheduleSettings | None = None,
        name: str = "",
    ) -> None:
        self._source, self._clock = source, clock
        self._path = folder / (f"pause-{name}.json" if name else FILE)
        self.schedule, self._is_active = schedule or ScheduleSettings(), True
        self._resume_at = math.inf
        self._asked = self._load()
        if self._asked is not None:
            self._begin(self._asked.until)
        self.tick()

    def move(self, folder: Path) -> None:
        """Store the pause in another folder from now on."""
        self._remove()
        self._path = folder / self._path.name
        if self._asked is not None:
            self._save(self._asked)

    def pause(self, seconds: float | None) -> datetime | None:
        """Begin a pause, or another in its place; return its end, None where `resume` ends it."""
        until = None if seconds is None else datetime.now(UTC) + timedelta(seconds=seconds)
        self._asked = StoredPause(until)
        self._begin(until)
        self._save(self._asked)
        return until

    def resume(self) -> None:
        """End the pause, if there is one."""
        if self._asked is not None:
            log.info("resumed")
        self._resume_at, self._asked = math.inf, None
        self._remove()
        self._follow_schedule()

    def tick(self) -> None:
        """Resume when it is time, and pause where the schedule says so."""
        if self._clock() >= self._resume_at:
            self.resume()
        is_active = self.schedule.is_active(datetime.now(UTC))
        if is_active is not self._is_active:
            self._is_active = is_active
            log.info("the schedule %s the camera", "uses" if is_active else "releases")
            self._follow_schedule()

    def _follow_schedule(self) -> None:
        """Let the source do what the schedule says, unless a pause was asked for."""
        if self._asked is None and self._is_active:
            self._source.resume()
        elif self._asked is None:
            self._source.pause(self.schedule.next_start(datetime.now(UTC)))

    def _begin(self, until: datetime | None) -> None:
        """Pause the source, and set the end on a clock that nobody sets."""
        log.info("paused until %s", utc(until) if until else "told to resume")
        self._source.pause(until)
        left = (until - datetime.now(UTC)).total_seconds() if until else math.inf
        self._resume_at = self._clock() + left

    def _load(self) -> StoredPause | None:
        """Return the pause of an earlier run that is not over."""
        try:
            paused = msgspec.json.decode(self._path.read_bytes(), type=StoredPause)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            # Who asked not to be seen must not be seen because of a disk.
            log.warning("%s: cannot be read: %s; paused until told to resume", self._path, error)
            return StoredPause()
        if paused.until is not None and paused.until <= datetime.now(UTC):
            self._remove()
            return None
        return paused

    def _save(self, asked: StoredPause) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(self._path, msgspec.json.encode(asked))
        except OSError as error:
            log.warning("%s: %s; the pause will not outlive a restart", self._path, error.strerror)

    def _remove(self) -> None:
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s: %s; the next start will be paused", self._path, error.strerror)


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera: its pipeline, and what pauses that."""

    pipeline: Pipeline
    pause: PauseController


class Cameras(dict[str, Camera]):
    """Cameras that run, by name (an only one has none), and the sinks that they have in common.

    Of several, one that fails or hangs is begun anew, the others go on; an only one ends with it.
    """

    def __init__(self, builder: SetupBuilder) -> None:
        super().__init__()
        self._builder = builder
        self._sinks = MultiSink(builder.setup.components.sinks)
        self._retry_at: dict[str, float] = {}  # of cameras that failed
        self._given_up: list[Pipeline] = []
        self._removed: dict[str, Pipeline] = {}
        self._error: Exception | None = None
        for name in builder.setup.cameras:
            self._add(name)

    def start(self) -> None:
        """Start sinks and pipelines; an EmotiondError says which port or file cannot be had."""
        self._sinks.prepare()
        for pipeline in self.pipelines:
            pipeline.publish_status()
        self._sinks.start()
        for pipeline in self.pipelines:
            pipeline.start()

    def stop(self) -> bool:
        """End all, each as `Pipeline.stop`; return whether all did in time."""
        with ThreadPoolExecutor(len(self) or 1) as pool:
            in_time = all(list(pool.map(Pipeline.stop, self.pipelines)))
        self._sinks.close(CLOSE_TIMEOUT)
        return in_time and not any(one.running for one in self._given_up)

    @property
    def pipelines(self) -> list[Pipeline]:
        """The pipeline of each."""
        return [camera.pipeline for camera in self.values()]

    @property
    def running(self) -> bool:
        """Tell whether any still has work, or will be begun anew."""
        return bool(self._retry_at) or any(one.running for one in self.pipelines)

    @property
    def error(self) -> Exception | None:
        """The error that ended an only camera, or all of several."""
        if "" in self:
            return self[""].pipeline.error
        return None if self else self._error

    def tick(self) -> None:
        """Resume when it is time; publish what is seen now; begin anew what failed."""
        for camera in self.values():
            camera.pause.tick()
            camera.pipeline.publish_snapshot()
        for name in [name for name in self if name]:
            self._give_up_failed(name)
        self._begin_anew()

    def change(self, setup: Setup) -> None:
        """Make a prepared setup the present one; nothing of it can fail."""
        before = self._builder.setup
        self._builder.commit(setup)
        configs = setup.config.by_camera()
        for name in self.keys() - configs.keys():
            self._remove(name)
        for name in self._retry_at.keys() - configs.keys():
            del self._retry_at[name]
            self._sinks.publish(CameraRemoved(name))
        for name, camera in self.items():
            camera.pipeline.reconfigure(setup.cameras[name])
            folder = setup.config.state_folder
            if folder != before.config.state_folder:
                camera.pause.move(folder)
            camera.pause.schedule = configs[name].schedule
            camera.pause.tick()
            processing = setup.cameras[name].processing
            if processing is not before.cameras[name].processing:
                place, events = f"camera {name}: " if name else "", processing.events
                log.info("%smodel %s, detector %s", place, events.model, events.detector)
        for name in configs.keys() - self.keys() - self._retry_at.keys():
            log.info("camera %s: added", name)
            if name in self._removed:  # its end is not to clear what this one publishes
                self._removed.pop(name).removed = False
            self._add(name).start()

    def _add(self, name: str) -> Pipeline:
        setup = self._builder.setup
        config: Config = setup.config.by_camera()[name]
        show = self._builder.views[name].latest.show
        pipeline = Pipeline(setup.cameras[name], show, self._sinks, name)
        folder, schedule = config.state_folder, config.schedule
        pause = PauseController(pipeline.source, folder, schedule=schedule, name=name)
        self[name] = Camera(pipeline, pause)
        return pipeline

    def _remove(self, name: str) -> None:
        """End a camera that the config names no more, without waiting for it."""
        log.info("camera %s: removed", name)
        pipeline = self.pop(name).pipeline
        pipeline.removed, self._removed[name] = True, pipeline
        Thread(target=pipeline.stop, name=f"remove-{name}", daemon=True).start()

    def _give_up_failed(self, name: str) -> None:
        """Leave a camera behind that failed or hangs."""
        pipeline = self[name].pipeline
        stalled, error = pipeline.stalled(), pipeline.error
        if error is None and not stalled:
            return
        text = f"nothing comes from {', '.join(stalled)} for {STALL_TIMEOUT:.0f} s"
        self._error = error = error or EmotiondError(text)
        known = isinstance(error, EmotiondError)
        text = "camera %s: %s; it is begun anew in %.0f s"
        log.error(text, name, error, RETRY_DELAY_S, exc_info=None if known else error)
        pipeline.abandoned = True
        pipeline.stop()
        self._builder.views[name].latest.show(None)
        self._given_up = [*filter(lambda one: one.running, self._given_up), pipeline]
        self._retry_at[name] = time.monotonic() + RETRY_DELAY_S
        del self[name]

    def _begin_anew(self) -> None:
        """Build and start again each camera whose time has come, unless it still hangs."""
        hanging = {one.name for one in self._given_up if one.running}
        for name in [name for name, due in self._retry_at.items() if time.monotonic() >= due]:
            self._retry_at[name] = time.monotonic() + RETRY_DELAY_S
            if name in hanging:
                continue
            try:
                self._builder.rebuild(name)
            except EmotiondError as error:
                log.error("camera %s: %s", name, error)
            else:
                del self._retry_at[name]
                self._add(name).start()
