"""Sessions of the web page: who logged in, for how long, and who tried in vain."""

import hashlib
import logging
import secrets
import time
from collections.abc import Callable

MAX_AGE_S = 7 * 86_400.0  # seconds after which a login ends by itself
CODE_AGE_S = 60.0  # seconds within which the code of a login link must be used
MAX_SESSIONS = 100  # logins at a time; one more ends the oldest
MAX_DELAY_S = 5.0  # longest time that the answer to a wrong token is held back, in seconds
MAX_ADDRESSES = 1000  # addresses whose wrong tokens are counted at a time
WARNING_INTERVAL_S = 60.0  # seconds between two warnings of wrong tokens

log = logging.getLogger(__name__)


class Sessions:
    """Open sessions: each belongs to one login with one token, and ends with it or by age."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, max_age_s: float = MAX_AGE_S
    ) -> None:
        self._clock, self._max_age_s = clock, max_age_s
        self._ends: dict[str, float] = {}

    def begin(self, token: str | None) -> str:
        """Return the secret of a new session, which belongs to a token."""
        if len(self._ends) >= MAX_SESSIONS:
            del self._ends[next(iter(self._ends))]
        secret = secrets.token_urlsafe(32)
        self._ends[_key(secret, token)] = self._clock() + self._max_age_s
        return secret

    def is_open(self, secret: str, token: str | None) -> bool:
        """Tell whether a secret is one of a session that belongs to the present token."""
        return self._clock() < self._ends.get(_key(secret, token), 0.0)

    def end(self, secret: str, token: str | None) -> None:
        """End a session, if there is one."""
        self._ends.pop(_key(secret, token), None)


def _key(secret: str, token: str | None) -> str:
    """Return a SHA-256: looking it up takes the same time however much of a secret is right."""
    return hashlib.sha256(f"{secret} {token or ''}".encode()).hexdigest()


class WrongTokens:
    """Count of wrong tokens by address: each answer takes longer, and one line tells of them."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._warned_at = float("-inf")

    def add(self, address: str) -> float:
        """Count one more; return the seconds for which its answer is held back."""
        count = self._counts.pop(address, 0) + 1
        if len(self._counts) >= MAX_ADDRESSES:
            del self._counts[next(iter(self._counts))]
        self._counts[address] = count
        if time.monotonic() - self._warned_at >= WARNING_INTERVAL_S:
            self._warned_at = time.monotonic()
            text = "web page: wrong token from %s; %d from there so far, %d from %d addresses"
            log.warning(text, address, count, sum(self._counts.values()), len(self._counts))
        return float(min(MAX_DELAY_S, 0.1 * 2 ** min(count, 10)))
