"""Pipeline: four worker threads and the queues between them.

    capture --frames--> detect --tracked--> analyze --events--> publish

With a live source the first two queues keep the newest item only, so nothing lags; with files every
queue makes its writer wait, so nothing is lost. An end, of a file, asked for, or by a failure,
travels down: each worker finishes what it has and closes the queues on both its sides.

To reconfigure it, the main thread sets `components`; each worker takes over its own between two
items, so that nobody else changes what a worker uses. Frames carry the generation of their source:
those of a replaced source, which has a clock of its own, are discarded wherever they are.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event

from edge import types
from edge.capture import EndOfStream
from edge.capture.pausable import PausableSource
from edge.errors import InputError
from edge.metrics import PipelineStats
from edge.pipeline.build import PipelineComponents
from edge.pipeline.worker import BoundedQueue, QueueClosed, Worker
from edge.publish import MultiSink
from edge.publish.intervals import Summarizer

WAIT = 0.5  # seconds a worker waits for input before it shows a heartbeat
EVENT_CAPACITY = 256  # events that may wait for the sinks of a live source

STALL_TIMEOUT = 15.0  # seconds without a heartbeat; a source may take 5 to open and 2 to read
SOURCE_TIMEOUT = 6.0  # seconds of a stop for the source, which may be opening a stream
STAGES_TIMEOUT = 8.0  # seconds then for the other workers; systemd waits longer than for both
CLOSE_TIMEOUT = 5.0  # seconds that all sinks together may spend on what is not yet delivered
SUMMARY_DELAY = 1.0  # seconds that it waits for the last events, beyond what a face may be missed

log = logging.getLogger(__name__)


class Pipeline:
    """Frames to published events, in four threads.

    `Sink.publish` is called from the publish thread alone. `show` is given each analyzed frame, or
    None where there is nothing to be seen; behind a file it may make the pipeline wait. `sinks` are
    those of the components where other pipelines publish there as well: whoever gives them prepares
    and closes them. Where it `fails_fast`, an input that cannot be read ends it.

    Attributes:
        components: those that the workers use, or will from their next step on.
        name: of the camera; empty where there is no other.
        removed: whether the config names the camera no more, which is told at the end.
        abandoned: whether it hangs and was given up: its camera is offline.
    """

    def __init__(
        self,
        components: PipelineComponents,
        show: Callable[[types.AnalyzedFrame | None], object] = lambda frame: None,
        sinks: MultiSink | None = None,
        name: str = "",
        fails_fast: bool = False,
    ) -> None:
        self.failed_inputs, self.name = 0, name  # inputs that could not be read
        self.removed = self.abandoned = False
        self.components, self._fails_fast = components, fails_fast
        self.source = PausableSource(components.source, components.live)
        self._show = show
        self.sinks = MultiSink(components.sinks) if sinks is None else sinks
        self._owns_sinks = sinks is None
        self._last_timestamp = self._tracks_ended = 0.0
        self._last_progress = time.monotonic()
        self._last_seen: types.FaceSnapshot | None = None
        self._last_status: types.DaemonStatus | None = None
        self._snapshot_due, self._stats_due = Event(), Event()
        self._stats, self._summarizer = PipelineStats(), Summarizer()
        lossless = not components.live
        self._frames: BoundedQueue[types.Frame] = BoundedQueue(1, lossless)
        self._tracked: BoundedQueue[types.TrackedFrame] = BoundedQueue(1, lossless)
        self._events: BoundedQueue[types.EmotionEvent] = BoundedQueue(EVENT_CAPACITY, lossless)
        ends = self._tracked.close, self._end_tracks, self._events.close, self._close_recorder
        self._workers = (
            Worker("capture", self._capture, (self._frames.close, self.source.close)),
            Worker("detect", self._detect, (self._frames.close, self._tracked.close)),
            Worker("analyze", self._analyze, ends),
            Worker("publish", self._publish, (self._events.close, self._end_sinks)),
        )
        # What each worker uses at the moment; it takes them over from `components`.
        self._in_use = dict.fromkeys((worker.name for worker in self._workers), components)

    def start(self) -> None:
        """Start sinks and workers; an EmotiondError says which port or file cannot be had."""
        if self._owns_sinks:
            self.sinks.prepare()
        self._last_progress = self._stats.started = time.monotonic()
        for worker in self._workers:
            worker.start()

    def stop(self) -> bool:
        """End the input, let the workers finish what they hold; return whether all did in time."""
        capture, *others = self._workers
        capture.stop()
        in_time = capture.join(0.0 if self.abandoned else SOURCE_TIMEOUT)
        self._frames.close()  # where the source hangs, the others end without it
        deadline = time.monotonic() + (0.0 if self.abandoned else STAGES_TIMEOUT)
        return all(worker.join(deadline - time.monotonic()) for worker in others) and in_time

    def reconfigure(self, components: PipelineComponents) -> None:
        """Go on with other components; each worker takes its own over, the rest goes on."""
        present = self.components
        generation = present.generation + (components.source is not present.source)
        components = replace(components, generation=generation)
        self.sinks.request(components.sinks)
        if components != present:
            self.components = components
            self._events.wake()

    @property
    def applied(self) -> bool:
        """Tell whether every worker uses the present components; one that has ended uses none."""
        working = (worker.name for worker in self._workers if worker.alive)
        return all(self._in_use[name] is self.components for name in working)

    @property
    def running(self) -> bool:
        """Tell whether any worker still has work."""
        return any(worker.alive for worker in self._workers)

    @property
    def error(self) -> Exception | None:
        """The error that ended the first worker that failed."""
        return next((worker.error for worker in self._workers if worker.error), None)

    @property
    def has_processed_frame(self) -> bool:
        """Tell whether a frame came through all workers, or it is known why none can."""
        return self._stats.total("analyzed") > 0 or not self.source.expects_frames

    def stalled(self) -> list[str]:
        """Return the workers that live and show no heartbeat, or that no frames come through."""
        oldest = time.monotonic() - STALL_TIMEOUT
        workers = [one.name for one in self._workers if one.alive and one.heartbeat < oldest]
        due = oldest - self.source.max_silence_s
        frames = ["frames"] if self.source.live and self._last_progress < due else []
        return workers or frames

    @property
    def fps(self) -> float:
        """Frames analyzed per second, over the last ten seconds."""
        return self._stats.fps

    def status(self) -> types.DaemonStatus:
        """Return how the daemon is set at this moment."""
        processing = self._in_use["analyze"].processing
        events = processing.events
        return types.DaemonStatus(
            types.CameraState.OFFLINE if self.abandoned else self.source.state,
            self.source.paused_until,
            events.model,
            events.detector,
            events.labels,
            self._stats.has_temperature,
            events.zones,
            self._in_use["publish"].every_s,
            has_affect=processing.analyzer.has_affect,
        )

    def stats(self) -> types.Stats:
        """Return the numbers of this moment."""
        dropped = {
            "frames": self._frames.dropped,
            "damaged_frames": self.source.damaged,
            "tracked_frames": self._tracked.dropped,
            "events": self._events.dropped + self.sinks.dropped,
        }
        if (recorder := self._in_use["analyze"].snapshots) is not None:
            dropped["snapshots"] = recorder.dropped
        detections = self._in_use["detect"].processing.scheduler.detections
        rejected = self._in_use["analyze"].processing.analyzer.rejected_faces
        return self._stats.stats(self.source.state, dropped, detections, rejected)

    def publish_snapshot(self) -> None:
        """Have the publish thread publish what is seen now, and the status if it changed."""
        self._snapshot_due.set()
        self._events.wake()

    def publish_stats(self) -> None:
        """Have the publish thread publish the numbers of this moment."""
        self._stats_due.set()
        self._events.wake()

    # Capture thread.

    def _capture(self) -> None:
        components = self.components
        if components.generation != self._in_use["capture"].generation:
            self.source.replace(components.source, components.live)
            for queue in (self._frames, self._tracked, self._events):
                queue.lossless = not components.live
        self._in_use["capture"] = components
        try:
            frame = self.source.read()
        except EndOfStream as end:
            raise QueueClosed from end
        except InputError as error:
            if self._fails_fast:
                raise
            log.error("%s", error)
            self.failed_inputs += 1
            return
        if frame is not None:
            self._stats.mark("frames")
            self._frames.put(replace(frame, generation=components.generation))

    # Detect thread.

    def _detect(self) -> None:
        frame = self._frames.get(WAIT)
        components, former = self.components, self._in_use["detect"].processing.scheduler
        scheduler = components.processing.scheduler
        if scheduler is not former:
            self._stats.count("detections", former.detections)
        self._in_use["detect"] = components
        if frame is not None and frame.generation == components.generation:
            self._tracked.put(scheduler.update(frame))
            self.source.idle = scheduler.idle

    # Analyze thread.

    def _analyze(self) -> None:
        tracked = self._tracked.get(WAIT)
        components, former = self.components, self._in_use["analyze"].processing
        if components.snapshots is not self._in_use["analyze"].snapshots:
            self._close_recorder(0.0)
        if components.processing.analyzer is not former.analyzer:
            if components.processing.scheduler is former.scheduler:  # the faces are the same
                components.processing.events.take_over(former.events)
            else:
                self._end_tracks()
            self._stats.count("rejected", former.analyzer.rejected_faces)
        self._in_use["analyze"] = components
        if tracked is not None and not self._is_current(tracked.frame):
            return
        if tracked is not None or not self.source.expects_frames:
            self._last_progress = time.monotonic()
        paused, live = not self.source.enabled, self.source.live
        silent = 0.0 if tracked else time.monotonic() - self._last_timestamp
        # Longer than a face may be missed.
        gone = live and (paused or silent > components.processing.scheduler.max_age_s)
        if paused or gone:
            self._show(None)
        if gone:
            self._end_tracks()
        elif tracked is not None:  # those of a file only wait in a pause, and none is lost
            self._analyze_frame(tracked)

    def _is_current(self, frame: types.Frame) -> bool:
        """Tell whether a frame is of the present source, and no end of its tracks came since."""
        ended = self.source.live and frame.captured < self._tracks_ended
        return frame.generation == self._in_use["analyze"].generation and not ended

    def _analyze_frame(self, tracked: types.TrackedFrame) -> None:
        self._last_timestamp = tracked.frame.timestamp
        components = self._in_use["analyze"]
        processing = components.processing
        expressions = processing.analyzer.update(tracked)
        events = processing.events.update(tracked.frame, expressions)
        for event in events:
            self._events.put(event)
        analyzed = types.AnalyzedFrame(tracked, tuple(expressions), datetime.now(UTC))
        if components.snapshots is not None:
            components.snapshots.take(analyzed, events)
        self._last_seen = analyzed.snapshot
        self._show(analyzed)
        self._stats.count_analyzed(tracked)

    def _end_tracks(self) -> None:
        """End every track, so that none goes on under an id that has ended."""
        processing = self._in_use["analyze"].processing
        processing.scheduler.forget()
        self._tracks_ended = time.monotonic()
        for event in processing.events.end_all(time.monotonic()):
            self._events.put(event)

    def _close_recorder(self, timeout: float = CLOSE_TIMEOUT) -> None:
        if (recorder := self._in_use["analyze"].snapshots) is not None:
            recorder.close(timeout)

    # Publish thread.

    def _publish(self) -> None:
        if self._last_status is None:
            self.publish_status()  # first: what a sink says of itself it takes from there
            self.sinks.start()
        event = self._events.get(WAIT)
        components = self.components
        self.sinks.replace_requested(CLOSE_TIMEOUT)
        self._in_use["publish"] = components
        if event is not None:
            event = replace(event, latency=time.monotonic() - event.captured)
            self._give(event)
            self._stats.count_event(event)
            self._summarizer.add(event)
        if self._snapshot_due.is_set():
            self._snapshot_due.clear()
            self.publish_status()
            seen, self._last_seen = self._last_seen, None
            # A frame may still be on its way when a pause begins.
            if seen is not None and self.source.enabled:
                self._give(seen)
            processing = components.processing
            zones, delay = processing.events.zones, processing.scheduler.max_age_s + SUMMARY_DELAY
            for summary in self._summarizer.due(components.every_s, zones, delay, time.time()):
                self._give(summary)
        if self._stats_due.is_set():
            self._stats_due.clear()
            self._give(self.stats())

    def _give(self, record: types.SinkRecord) -> None:
        """Give a record to the sinks, with the name of the camera."""
        self.sinks.publish(replace(record, camera_name=self.name) if self.name else record)

    def publish_status(self) -> None:
        """Publish the status if it changed: in the publish thread, or before that is started."""
        status = self.status()
        if status != self._last_status:
            self._last_status = status
            self._give(status)

    def _end_sinks(self) -> None:
        self._stats.ended = time.monotonic()
        try:
            self.publish_status()
            self._give(self.stats())
            if self.removed:
                self._give(types.CameraRemoved(self.name))
        finally:
            if self._owns_sinks:
                self.sinks.close(CLOSE_TIMEOUT)
