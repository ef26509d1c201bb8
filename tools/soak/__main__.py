"""`python -m tools.soak`: an hour of faults on real processes; exits with 1 where a promise broke.

A daemon watches a live stream of the built-in clip and publishes to a Mosquitto and a file. Every
few seconds its camera, its broker, its page or its disk fails for half of that time. With
`--fps 1000 --every 4 --frames 1000000` as many frames as the machine can analyze pass in less time.
"""

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import msgspec

from edge.commands.demo import CLIP, final_stats
from edge.commands.embedded_broker import free_port
from edge.metrics import rss_bytes
from tests.brokers import Mosquitto
from tools.soak.faults import (
    TOKEN,
    Camera,
    Surroundings,
    raise_descriptor_limit,
)
from tools.soak.record import EventSubscriber, Record, Sample, plot, read_frames

DEVICE = "endurance"

SAMPLE_SECONDS = 1.0

START_SECONDS, SETTLE_SECONDS, STOP_SECONDS = 60.0, 90.0, 30.0
"""Limits of the start, of the time until all is well again at the end, and of the stop."""


@dataclass(frozen=True)
class Run:
    """Daemon with its surroundings, and what watches it."""

    surroundings: Surroundings
    process: "subprocess.Popen[bytes]"
    subscriber: EventSubscriber
    log: Path
    record: Record
    started: float

    def watch(self, seconds: float, fault: str) -> None:
        """Take samples for so long."""
        end = time.monotonic() + seconds
        while self.process.poll() is None and (left := end - time.monotonic()) > 0:
            self.record.samples.append(self._look(fault))
            time.sleep(min(SAMPLE_SECONDS, left))

    def _look(self, fault: str) -> Sample:
        """Take one sample; while the page is kept busy, its frames are those of before."""
        pid = self.process.pid
        return Sample(
            at=time.monotonic() - self.started,
            memory_mb=rss_bytes(pid) / 1e6,
            threads=sum(1 for _ in Path(f"/proc/{pid}/task").iterdir()),
            descriptors=sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()),
            log_lines=self.log.read_bytes().count(b"\n"),
            frames=read_frames(self.surroundings.page) or self.frames,
            received=self.subscriber.received,
            fault=fault,
        )

    def answers(self) -> bool:
        """Tell whether the page answers."""
        return read_frames(self.surroundings.page) > 0

    def end(self) -> None:
        """Stop the daemon as systemd does, and gather what it published."""
        self.process.send_signal(signal.SIGTERM)
        self.record.exit_code = self.process.wait(STOP_SECONDS)
        _wait(lambda: "ended; " in self.log.read_text(), STOP_SECONDS)
        stats = final_stats(self.log.parent)
        self.record.published = int(stats.partition(" events")[0].rpartition(" ")[2])
        _wait(lambda: self.subscriber.received >= self.record.published, STOP_SECONDS)
        self.record.arrived = list(self.subscriber.arrived)
        lines = self.log.with_name("events.jsonl").read_bytes().splitlines()
        self.record.written = [msgspec.json.decode(line)["id"] for line in lines]

    @property
    def frames(self) -> int:
        """Frames of the latest sample."""
        return self.record.samples[-1].frames if self.record.samples else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print figures and verdict, and return the exit code."""
    options = _options(arguments)
    raise_descriptor_limit()
    record = Record(60 * options.warm_up)
    with tempfile.TemporaryDirectory() as name, running(Path(name), options.fps, record) as run:
        _cause_faults(run, options)
        page = run.surroundings.page
        before = read_frames(page)
        record.recovered = _wait(lambda: read_frames(page) > before, SETTLE_SECONDS)
        run.watch(options.every, "")  # what still waits for the broker goes out
        run.end()
        if options.log:
            shutil.copy(run.log, options.log)
    if options.plot:
        plot(record.samples, options.plot)
    print(record.summary(), end="")
    for problem in record.problems():
        print(f"- PROBLEM: {problem}")
    return 1 if record.problems() else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.soak", description=__doc__)
    parser.add_argument("--fps", type=float, default=30.0, help="of the camera; %(default)s")
    parser.add_argument("--minutes", type=float, default=60.0, help="at most; %(default)s")
    parser.add_argument("--frames", type=float, default=1e12, help="after which it ends")
    parser.add_argument("--every", type=float, default=20.0, help="seconds from fault to fault")
    parser.add_argument("--warm-up", type=float, default=6.0, help="minutes before growth counts")
    parser.add_argument("--seed", type=int, default=1, help="of the order of faults; %(default)s")
    parser.add_argument("--only", help="faults whose name begins so")
    parser.add_argument("--plot", type=Path, metavar="FILE.png")
    parser.add_argument("--log", type=Path, help="where the daemon's log is kept")
    return parser.parse_args(arguments)


@contextmanager
def running(folder: Path, fps: float, record: Record) -> Iterator[Run]:
    """Run broker, camera, daemon and subscriber; the daemon's log goes through a pipe.

    A limit on the size of its files must not reach its log.
    """
    lines = f"allow_anonymous true\npersistence true\npersistence_location {folder}/"
    lines += "\nautosave_on_changes true\nautosave_interval 1\nmax_queued_messages 0"
    with ExitStack() as running:
        broker = running.enter_context(Mosquitto(folder, lines))
        subscriber = EventSubscriber(broker.port, f"emotiond/{DEVICE}/event")
        running.callback(subscriber.close)
        camera = running.enter_context(Camera(CLIP, fps))
        page, log = free_port(), folder / "daemon.log"
        (folder / "token").write_text(TOKEN)
        config = {
            "source": {"kind": "stream", "url": camera.url},
            "sinks": [
                {"kind": "mqtt", "host": broker.host, "port": broker.port, "device": DEVICE},
                {"kind": "jsonl", "path": "events.jsonl"},
            ],
            "web": {"enabled": True, "port": page, "token": {"file": str(folder / "token")}},
            "state_dir": str(folder),
        }
        path = folder / "config.yaml"
        path.write_bytes(msgspec.json.encode(config))
        command = [sys.executable, "-m", "edge", "run", "--config", str(path)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE)
        keeper = Thread(target=_keep_log, args=(process, log))
        keeper.start()
        running.callback(keeper.join)
        running.callback(process.kill)
        if not _wait(lambda: log.exists() and "started within" in log.read_text(), START_SECONDS):
            raise SystemExit(f"the daemon did not start: {log.read_text()}")
        surroundings = Surroundings(camera, broker, process.pid, page)
        yield Run(surroundings, process, subscriber, log, record, time.monotonic())


def _keep_log(process: "subprocess.Popen[bytes]", path: Path) -> None:
    assert process.stderr is not None
    with path.open("wb", buffering=0) as log:
        for line in process.stderr:
            log.write(line)


def _cause_faults(run: Run, options: argparse.Namespace) -> None:
    """Cause every fault once in a random order, and again, until the time is over."""
    rng = random.Random(options.seed)
    faults = {
        name: fault
        for name, fault in run.surroundings.faults().items()
        if name.startswith(options.only or "")
    }
    waiting: list[str] = []
    end = run.started + 60 * options.minutes
    while time.monotonic() < end and run.frames < options.frames and run.process.poll() is None:
        waiting = waiting or rng.sample(sorted(faults), len(faults))
        name = waiting.pop()
        run.record.faults[name] += 1
        print(f"{time.monotonic() - run.started:6.0f} s  {name}", file=sys.stderr, flush=True)
        with faults[name]():
            run.watch(options.every / 2, name)
        run.watch(options.every / 2, "")


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    """Tell whether a condition becomes true within so many seconds."""
    end = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < end:
        time.sleep(0.1)
    return met


if __name__ == "__main__":
    sys.exit(main())
