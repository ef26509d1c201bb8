"""The four stages, and what lies between them.

    capture --frames--> detect --tracked--> infer --events--> publish

With a live source the first two channels keep the newest item only, so nothing lags; with files
every channel makes its writer wait, so nothing is lost. An end, of a file, asked for, or by a
failure, travels down: each stage finishes what it has and closes the channels on both its sides.
"""

import logging
import time
from dataclasses import replace
from datetime import UTC, datetime

from edge.capture import EndOfStream
from edge.capture.pausable import PausableSource
from edge.errors import InputError
from edge.pipeline.components import PipelineComponents
from edge.pipeline.latest_frame import FrameConsumer, LatestFrame
from edge.pipeline.stats import PipelineStats
from edge.pipeline.worker import BoundedQueue, QueueClosed, Worker
from edge.publish import MultiSink
from edge.types import AnalyzedFrame, DaemonStatus, EmotionEvent, Frame, Stats, TrackedFrame

WAIT = 0.5
"""Seconds a stage waits for input before it shows a heartbeat."""

EVENTS = 256
"""Events that may wait for the sinks of a live source."""

STALLED = 15.0
"""Seconds without a heartbeat after which a stage is called hung; a live source may take five to
open and two to read."""

SOURCE_SECONDS = 6.0
STAGES_SECONDS = 8.0
"""How long a stop waits for the source, which may be in the midst of opening a stream, and then for
the other stages; systemd waits longer than both."""

FAREWELL = 5.0
"""Seconds that all sinks together may spend on what is not yet delivered."""

log = logging.getLogger(__name__)


class Pipeline:
    """Four running stages.

    Args:
        parts: what it is put together from.
        screen: what it shows its scenes on; behind a file it may make the pipeline wait.

    Attributes:
        parts: the present ones.
        lookout: the source, where it can be paused.
        failed_inputs: how many inputs could not be read.
    """

    def __init__(self, parts: PipelineComponents, screen: FrameConsumer | None = None) -> None:
        self.failed_inputs = 0
        self.parts = parts
        self._screen = screen or LatestFrame()
        # Each belongs to its stage, which takes it from other parts between two steps.
        self.lookout = PausableSource(parts.source, parts.live)
        self._follower = parts.analysis.follower
        self._expressions = parts.analysis.expressions
        self._life = parts.analysis.life
        self._sinks = MultiSink(parts.sinks)
        self._last_frame = 0.0
        self._flowed = time.monotonic()
        self._scene: AnalyzedFrame | None = None
        self._told: DaemonStatus | None = None
        self._tally = PipelineStats()
        lossless = not parts.live
        self._frames: BoundedQueue[Frame] = BoundedQueue(1, lossless)
        self._tracked: BoundedQueue[TrackedFrame] = BoundedQueue(1, lossless)
        self._events: BoundedQueue[EmotionEvent] = BoundedQueue(EVENTS, lossless)
        self._stages = (
            Worker("capture", self._capture, self._end_capture),
            Worker("detect", self._detect, self._end_detect),
            Worker("infer", self._infer, self._end_infer),
            Worker("publish", self._publish, self._close_sinks),
        )

    def start(self) -> None:
        """Start sinks and stages."""
        self._flowed = time.monotonic()
        self._tally.start()
        self._tell_status()  # first of all: what a sink says of itself it takes from there
        self._sinks.start()
        for stage in self._stages:
            stage.start()

    def stop(self) -> bool:
        """End the input, let the stages finish what they hold; return whether all did in time.

        A source that hangs is left behind: the others end without it.
        """
        capture, *others = self._stages
        capture.stop()
        in_time = capture.join(SOURCE_SECONDS)
        self._frames.close()
        deadline = time.monotonic() + STAGES_SECONDS
        return all(stage.join(deadline - time.monotonic()) for stage in others) and in_time

    def adopt(self, parts: PipelineComponents) -> None:
        """Go on with other parts; each stage takes its own between two steps, the others go on."""
        before, self.parts = self.parts, parts
        capture, detect, infer, publish = self._stages
        if parts.source is not before.source:
            capture.ask(self._adopt_source)
        elif parts.analysis is not before.analysis:
            detect.ask(self._adopt_follower)
            infer.ask(self._adopt_expressions)
        if parts.sinks != before.sinks:
            publish.ask(self._adopt_sinks)

    # What is adopted is the newest there is: others may have come since it was asked for.

    def _adopt_source(self) -> None:
        """Take another source, once nothing of the one before is on its way any more.

        Two sources have two clocks: whoever follows faces in one must not see the other's frames.
        """
        _, detect, infer, _ = self._stages
        self.lookout.replace(self.parts.source, self.parts.live)
        self._frames.clear()
        detect.ask(self._adopt_follower)
        detect.settle()
        self._tracked.clear()
        infer.ask(self._adopt_expressions)
        infer.settle()
        for channel in (self._frames, self._tracked, self._events):
            channel.lossless = not self.parts.live

    def _adopt_follower(self) -> None:
        follower = self.parts.analysis.follower
        if follower is not self._follower:
            self._tally.keep(detections=self._follower.detections)
            self._follower = follower

    def _adopt_expressions(self) -> None:
        analysis = self.parts.analysis
        if analysis.expressions is not self._expressions:
            self._end_tracks()
            self._tally.keep(refused=self._expressions.rejected_faces)
            self._expressions, self._life = analysis.expressions, analysis.life

    def _adopt_sinks(self) -> None:
        self._sinks.replace(self.parts.sinks, FAREWELL)

    @property
    def settled(self) -> bool:
        """Whether every stage has taken the parts that were adopted."""
        return all(stage.settled for stage in self._stages)

    @property
    def running(self) -> bool:
        """Whether any stage still has work."""
        return any(stage.alive for stage in self._stages)

    @property
    def error(self) -> Exception | None:
        """What ended the first stage that failed."""
        return next((stage.error for stage in self._stages if stage.error), None)

    @property
    def working(self) -> bool:
        """Whether a frame has come through all of it, or it is known why none can."""
        return self._tally.analysed > 0 or not self.lookout.expects_frames

    def stalled(self) -> list[str]:
        """Return the stages that live and show no heartbeat, or that frames do not come through."""
        oldest = time.monotonic() - STALLED
        stages = [one.name for one in self._stages if one.alive and one.heartbeat < oldest]
        frames = ["frames"] if self.lookout.live and self._flowed < oldest else []
        return stages or frames

    def status(self) -> DaemonStatus:
        """Return how it is set at this moment."""
        life = self._life
        return DaemonStatus(
            self.lookout.state,
            self.lookout.paused_until,
            life.model,
            life.detector,
            life.labels,
            self._tally.thermometer,
        )

    @property
    def fps(self) -> float:
        """Frames a second analysed, over the last ten seconds."""
        return self._tally.fps

    @property
    def condition(self) -> str | None:
        """How the sinks fare, in a few words."""
        return self._sinks.condition

    def look(self) -> None:
        """Give the sinks what is seen now, and how everything is set if that changed."""
        scene, self._scene = self._scene, None
        self._tell_status()
        # A frame may still be on its way when a pause begins.
        if scene is not None and self.lookout.wanted:
            self._sinks.publish(scene.sight)

    def _tell_status(self) -> None:
        status = self.status()
        if status != self._told:
            self._told = status
            self._sinks.publish(status)

    def report(self) -> None:
        """Give the sinks the numbers of this moment."""
        self._sinks.publish(self.stats())

    def stats(self) -> Stats:
        """Return the numbers of this moment."""
        dropped = {
            "frames": self._frames.dropped,
            "tracked": self._tracked.dropped,
            "events": self._events.dropped + self._sinks.dropped,
        }
        return self._tally.stats(
            self.lookout.state, dropped, self._follower.detections, self._expressions.rejected_faces
        )

    # The steps, one for each stage.

    def _capture(self) -> None:
        try:
            frame = self.lookout.read()
        except EndOfStream as end:
            raise QueueClosed from end
        except InputError as error:
            log.error("%s", error)
            self.failed_inputs += 1
            return
        if frame is not None:
            self._tally.count_frame()
            self._frames.put(frame)

    def _end_capture(self) -> None:
        self._frames.close()
        self.lookout.close()

    def _end_detect(self) -> None:
        self._frames.close()
        self._tracked.close()

    def _detect(self) -> None:
        frame = self._frames.get(WAIT)
        if frame is not None:
            self._tracked.put(self._follower.update(frame))
            self.lookout.quiet = self._follower.idle

    def _infer(self) -> None:
        tracked = self._tracked.get(WAIT)
        if tracked is not None or not self.lookout.expects_frames:
            self._flowed = time.monotonic()
        if not self.lookout.wanted:
            self._screen.clear()
        if self.lookout.live and not self.lookout.wanted:
            self._end_tracks()
            return
        if tracked is None:
            self._end_unseen()
            return
        self._last_frame = tracked.frame.timestamp
        expressions = self._expressions.update(tracked)
        for event in self._life.update(tracked.frame, expressions):
            self._events.put(event)
        self._scene = AnalyzedFrame(tracked, tuple(expressions), datetime.now(UTC))
        self._screen.show(self._scene)
        self._tally.count_analysed(tracked)

    def _end_unseen(self) -> None:
        """End every track once a live source has been silent longer than a face may be missed."""
        silent = time.monotonic() - self._last_frame
        if self.lookout.live and silent > self._follower.max_missed:
            self._screen.clear()
            self._end_tracks()

    def _end_tracks(self) -> None:
        for event in self._life.finish(time.monotonic()):
            self._events.put(event)

    def _end_infer(self) -> None:
        self._tracked.close()
        self._end_tracks()
        self._events.close()

    def _publish(self) -> None:
        event = self._events.get(WAIT)
        if event is None:
            return
        event = replace(event, latency=time.monotonic() - event.captured)
        self._sinks.publish(event)
        self._tally.count_event(event)

    def _close_sinks(self) -> None:
        self._events.close()
        self._tally.end()
        try:
            self._tell_status()
            self.report()
        finally:
            self._sinks.close(FAREWELL)
