"""Cameras that run: the pipeline of each, what pauses it, and what is done where one fails."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Thread

from edge.config import Config
from edge.errors import EmotiondError
from edge.pipeline.build import Setup, SetupBuilder
from edge.pipeline.pipeline import CLOSE_TIMEOUT, STALL_TIMEOUT, Pipeline
from edge.publish import MultiSink
from edge.service.pause import PauseController
from edge.types import CameraRemoved

RETRY_DELAY_S = 10.0  # seconds after which one of several cameras that failed is begun anew

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera: its pipeline, and what pauses that."""

    pipeline: Pipeline
    pause: PauseController


class Cameras(dict[str, Camera]):
    """Cameras that run, by name (an only one has none), and the sinks that they have in common.

    Of several, one that fails or hangs is given up and begun anew; the others go on. An only one
    ends with its error.
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
