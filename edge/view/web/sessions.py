"""Sessions of the web page: who logged in, for how long, and who tried in vain."""

import hashlib
import hmac
import logging
import secrets
import time
from collections.abc import Callable

MAX_AGE_S = 7 * 86_400.0
"""Seconds after which a login ends by itself."""

MAX_SESSIONS = 100
"""Logins at a time; one more ends the oldest."""

MAX_DELAY_S = 5.0
"""Longest time that the answer to a wrong token is held back, in seconds."""

MAX_ADDRESSES = 1000
"""Addresses whose wrong tokens are counted at a time."""

WARNING_INTERVAL_S = 60.0
"""Seconds between two warnings of wrong tokens."""

log = logging.getLogger(__name__)


class Sessions:
    """Open sessions: each belongs to one login with one token, and ends with it or by age.

    Args:
        clock: monotonic, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: dict[str, tuple[float, str]] = {}

    def begin(self, token: str | None) -> str:
        """Return the secret of a new session, which belongs to a token."""
        while len(self._open) >= MAX_SESSIONS:
            del self._open[next(iter(self._open))]
        secret = secrets.token_urlsafe(32)
        self._open[_digest(secret)] = self._clock() + MAX_AGE_S, _digest(token or "")
        return secret

    def is_open(self, secret: str, token: str | None) -> bool:
        """Tell whether a secret is one of a session that belongs to the present token."""
        end, owner = self._open.get(_digest(secret), (0.0, ""))
        return self._clock() < end and hmac.compare_digest(owner, _digest(token or ""))

    def end(self, secret: str) -> None:
        """End a session, if there is one."""
        self._open.pop(_digest(secret), None)


class WrongTokens:
    """Count of wrong tokens by address: each answer takes longer, and one line tells of them.

    Args:
        clock: monotonic, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: dict[str, int] = {}
        self._warned_at = float("-inf")

    def add(self, address: str) -> float:
        """Count one more; return the seconds for which its answer is held back."""
        count = self._counts.pop(address, 0) + 1
        while len(self._counts) >= MAX_ADDRESSES:
            del self._counts[next(iter(self._counts))]
        self._counts[address] = count
        now = self._clock()
        if now - self._warned_at >= WARNING_INTERVAL_S:
            self._warned_at = now
            total = sum(self._counts.values())
            log.warning(
                "web page: wrong token from %s; %d from there so far, %d from %d addresses",
                *(address, count, total, len(self._counts)),
            )
        return float(min(MAX_DELAY_S, 0.1 * 2 ** min(count, 10)))


def _digest(text: str) -> str:
    """Return a text's SHA-256: looking it up takes the same time however much of it is right."""
    return hashlib.sha256(text.encode()).hexdigest()
