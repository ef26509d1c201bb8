"""Topics that brokers were given to retain, remembered until they are cleared there."""

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge.paths import atomic_write, lock_private, make_private_folder, sha256_of

RETAINED = "retained"  # name of the folder of these topics in the state folder
MAX_CLEARED = 32  # topics that one connection clears; of eight former names. More wait for the next


@dataclass(frozen=True, slots=True)
class RetainedTopics:
    """Topics that the sinks of one config had brokers retain: by broker, a file for each sink.

    What cannot be read or written is as if empty: what is wrong with the disk, the outbox logs.
    """

    state: Path  # the state folder
    config: Path  # another one's sinks are not its matter
    outboxes: tuple[Path | None, ...] = ()  # of the present sinks
    kept: frozenset[str] = frozenset()  # topics of the present sinks, which are never cleared

    def add(self, outbox: Path, broker: str, topics: Iterable[str]) -> None:
        """Remember what the sink with this outbox has a broker retain."""
        path = self._folder / f"{outbox.name}.json"
        known = _read(path)
        together = known.get(broker, set()) | set(topics)
        if known.get(broker) != together:
            _write(path, known | {broker: together})

    def former(self, outbox: Path | None, broker: str) -> list[str]:
        """Return what a broker retains of former sinks, and of that with this outbox no more."""
        found: set[str] = set()
        for path, known in self._files().items():
            other = self.state / path.stem  # in use: another daemon runs from the same config
            if other == outbox or (other not in self.outboxes and not _is_in_use(other)):
                found |= known.get(broker, set())
        announced_first = sorted(found - self.kept, key=lambda topic: not topic.endswith("/config"))
        return announced_first[:MAX_CLEARED]

    def forget(self, broker: str, topic: str) -> None:
        """Forget a topic that a broker retains no more."""
        for path, known in self._files().items():
            if topic in known.get(broker, ()):
                known[broker].discard(topic)
                _write(path, {broker: topics for broker, topics in known.items() if topics})

    def brokers(self) -> set[str]:
        """Return every broker that retains something."""
        return {broker for known in self._files().values() for broker in known}

    @property
    def _folder(self) -> Path:
        config = self.config.absolute()
        return self.state / RETAINED / f"{config.stem}-{sha256_of(os.fsencode(config))[:8]}"

    def _files(self) -> dict[Path, dict[str, set[str]]]:
        with suppress(OSError):
            return {path: _read(path) for path in sorted(self._folder.glob("*.json"))}
        return {}


def _read(path: Path) -> dict[str, set[str]]:
    with suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode(path.read_bytes(), type=dict[str, set[str]])
    return {}


def _write(path: Path, topics: dict[str, set[str]]) -> None:
    with suppress(OSError):
        if topics:
            make_private_folder(path.parent)
            atomic_write(path, msgspec.json.encode(topics, order="sorted"), private=True)
        else:
            path.unlink(missing_ok=True)


def _is_in_use(outbox: Path) -> bool:
    try:
        os.close(lock_private(outbox.with_name(f"{outbox.name}.lock")))
    except OSError:
        return True
    return False
