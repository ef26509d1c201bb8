"""Retention: recorded events and images are deleted when they are older than the config allows."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple

import msgspec

from edge.config import Config
from edge.errors import EmotiondError, os_errors_as
from edge.paths import IMAGE_LINKS, UPLOADS, lock_private, part_of
from edge.publish.jsonl import prune_events
from edge.view.snapshots import SNAPSHOTS

INTERVAL_S = 60.0  # seconds between two looks at what is stored
MAX_UPLOAD_AGE_S = 3600.0  # seconds for which an uploaded video, and what was made of it, is kept
STOP_TIMEOUT_S = 5.0  # seconds in which a file being written anew may be finished at the end
BATCH = 0.1  # share of the age deleted ahead: a file is not written anew for each event

log = logging.getLogger(__name__)


class StoredFile(NamedTuple):
    """A file with what is of people: events, images, numbers, uploads; `link` notes an image."""

    data: str
    path: Path
    link: Path | None = None

    @property
    def modified(self) -> float:
        """POSIX time of its last write; of an image that is not there, when it was noted."""
        with suppress(FileNotFoundError):
            return self.path.stat().st_mtime
        return (self.link or self.path).lstat().st_mtime

    def delete(self) -> None:
        """Delete it, if it is there; an OSError says why it cannot be."""
        self.path.unlink(missing_ok=True)
        if self.data == "uploads":
            with suppress(OSError):  # others lie there still
                self.path.parent.rmdir()
        if self.link is not None:
            self.link.unlink(missing_ok=True)


def stored_files(config: Config) -> Iterator[StoredFile]:
    """Yield each file of people, with the outboxes of other configs of the same state folder."""
    state = config.state_folder
    for path in sorted(event_logs(config)):
        yield from (StoredFile("events", one) for one in (path, part_of(path)) if one.is_file())
    with os_errors_as(EmotiondError, state, remedy="; run this as its owner"):
        present = sorted(state.iterdir()) if state.exists() else []
    for path in present:
        if path.name.startswith("outbox-") and path.suffix != ".lock":
            yield StoredFile("events", path)
    for data, files in (("uploads", f"{UPLOADS}/*/*"), ("snapshots", f"{SNAPSHOTS}/**/*")):
        yield from (StoredFile(data, one) for one in sorted(state.glob(files)) if one.is_file())
    for link in sorted((state / IMAGE_LINKS).glob("*")):
        with suppress(OSError):
            yield StoredFile("images", link.readlink(), link)
    baselines = {one.classifier.neutral_baseline for one in config.by_camera().values()}
    yield from (StoredFile("numbers", path) for path in baselines if path and path.is_file())


def event_logs(config: Config) -> set[Path]:
    """Return the files that sinks append to, each once, wherever links lead."""
    return {path.resolve() for sink in config.sinks for path in sink.event_files}


def delete_expired(config: Config, now: datetime) -> Iterator[str]:
    """Delete what is older than `retention` allows, but used outboxes; yield what could not be."""
    events, images = msgspec.structs.astuple(config.retention)
    ages = {"events": events, "images": images, "uploads": MAX_UPLOAD_AGE_S}
    keeps = {  # of snapshots, by folder
        config.state_folder / SNAPSHOTS / name: camera.snapshots.max_age_s
        for name, camera in config.by_camera().items()
    }
    logs = event_logs(config)
    own = [path for path in config.outbox_paths() if path]
    used = {path.with_name(f"{path.name}{end}") for path in own for end in ("", "-wal", "-shm")}
    for stored in stored_files(config):
        age = ages.get(stored.data)
        if stored.data == "snapshots":
            keep = keeps.get(stored.path.parent, config.snapshots.max_age_s)
            age = min(keep, images or keep)
        if age is None or stored.path in used:
            continue
        oldest = now - timedelta(seconds=age)
        try:
            if stored.path in logs:
                prune_events(stored.path, oldest, oldest + timedelta(seconds=BATCH * age))
            elif stored.modified < oldest.timestamp():
                stored.delete()
        except FileNotFoundError:
            pass  # somebody else has deleted it
        except OSError as error:
            yield f"{stored.path}: older than it may be, and cannot be deleted: {error.strerror}"


@contextmanager
def retention_thread(present_config: Callable[[], Config]) -> Iterator[None]:
    """Delete what is expired, once a minute while the block lasts."""
    ended = Event()

    def run() -> None:
        told = set[str]()
        while not ended.is_set():
            try:
                failures = set(delete_expired(present_config(), datetime.now(UTC)))
            except EmotiondError as error:
                failures = {str(error)}
            for failure in failures - told:
                log.warning("%s", failure)
            told |= failures
            ended.wait(INTERVAL_S)

    thread = Thread(target=run, name="retention", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(STOP_TIMEOUT_S)


def delete_all(config: Config) -> None:
    """Delete every stored file, or raise an EmotiondError: a running daemon uses an outbox."""
    with ExitStack() as locks:
        for path in config.state_folder.glob("outbox-*.sqlite"):
            try:
                lock = lock_private(path.with_name(f"{path.name}.lock"))
            except BlockingIOError as error:
                raise EmotiondError(f"{path}: a running emotiond uses it; stop it first") from error
            locks.enter_context(open(lock, "rb"))
        for stored in stored_files(config):
            with os_errors_as(EmotiondError, stored.path, "deleted"):
                stored.delete()
