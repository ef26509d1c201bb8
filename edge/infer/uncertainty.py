"""Whether a face can be read, without flicker."""

from edge.types import Reason


class UncertaintyHysteresis:
    """UncertaintyHysteresis whether one face can be read.

    It arises once something has kept the face from being read for the dwell time, at every look,
    and goes once nothing has for as long.

    Attributes:
        dwell: in seconds.
        reasons: for the doubt, of the last look that gave any; empty where there is none.
    """

    def __init__(self, dwell: float) -> None:
        self.reasons: tuple[Reason, ...] = ()
        self.dwell = dwell
        self._turned: float | None = None

    def update(self, reasons: tuple[Reason, ...], now: float) -> None:
        """Take in what a look at `now`, in seconds, gave against the face; empty if nothing."""
        if bool(reasons) == bool(self.reasons):
            self.reasons, self._turned = reasons, None
            return
        if self._turned is None:
            self._turned = now
        if now - self._turned >= self.dwell:
            self.reasons, self._turned = reasons, None
