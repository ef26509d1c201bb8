"""What systemd is told of the pipeline."""

import logging
import time

from edge.pipeline.pipeline import STALLED, Pipeline
from edge.service.notifier import SystemdNotifier

STATUS_SECONDS = 10.0
"""Between two looks at the frame rate; what else the status says is told when it changes."""

log = logging.getLogger(__name__)


class SystemdReporter:
    """Tells what it is due: readiness once, health while there is any, and how all fares.

    Args:
        notifier: systemd's ear.
    """

    def __init__(self, notifier: SystemdNotifier) -> None:
        self._notifier = notifier
        self._began = time.monotonic()
        self._loading = "started"
        self._stalled: list[str] = []
        self._condition = ""
        self._rate_told = 0.0

    @property
    def waits(self) -> bool:
        """Whether readiness is still to be told."""
        return bool(self._loading)

    def begin_reload(self) -> None:
        """Tell that the config is read again; readiness is to be told anew."""
        self._began, self._loading = time.monotonic(), "reloaded"
        self._notifier.reloading()

    def tell(self, pipeline: Pipeline) -> None:
        """Look at the pipeline and tell what there is to tell."""
        self._describe(pipeline)
        if self._loading and pipeline.settled and pipeline.working:
            taken = time.monotonic() - self._began
            log.info("%s within %.1f s; %s", self._loading, taken, self._condition)
            self._loading = ""
            self._notifier.ready()
        self._feed(pipeline)

    def end(self) -> None:
        """Tell that the service is on its way down."""
        self._notifier.stopping()

    def _feed(self, pipeline: Pipeline) -> None:
        """Feed the watchdog unless something hangs: unfed, it has systemd start a fresh process."""
        stalled = pipeline.stalled()
        if not stalled:
            self._notifier.alive()
        elif stalled != self._stalled:
            log.error("nothing comes from %s for %.0f s", ", ".join(stalled), STALLED)
        self._stalled = stalled

    def _describe(self, pipeline: Pipeline) -> None:
        """Tell the status when it changed, or the frame rate is due."""
        condition, now = describe(pipeline), time.monotonic()
        if condition == self._condition and now - self._rate_told < STATUS_SECONDS:
            return
        self._condition, self._rate_told = condition, now
        self._notifier.status(f"{condition}; {pipeline.fps:.0f} fps")


def describe(pipeline: Pipeline) -> str:
    """Return how camera and sinks are, in one line."""
    told = (f"camera {pipeline.lookout.state}", pipeline.condition)
    return "; ".join(text for text in told if text)
