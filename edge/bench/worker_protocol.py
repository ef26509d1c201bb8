"""What a measuring process is asked for, and what it answers.

Each task is done by a process of its own, begun for it and ended after it: what one contender
leaves in caches, allocators and libraries is nothing to the next, and its memory is its own.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from edge.errors import EmotiondError
from edge.tflite import Runtime

LIMIT = 600.0
"""Seconds that one task may take: a Raspberry Pi 3 and Keras are slow, and not that slow."""


Settings = tuple[tuple[str, str], ...]
"""Key and value of each setting, as a config writes them."""


class Timing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long the repetitions of one thing took, in milliseconds."""

    p50: float
    p95: float
    p99: float
    fastest: float


class NetworkTask(msgspec.Struct, frozen=True, tag="network"):
    """Run a network again and again.

    Attributes:
        path: the .tflite file; for Keras, which `converter` runs, a .keras file.
        runtime: None is Keras.
        threads: of the interpreter.
        batch: faces, or pictures, in one call.
        seconds: for how long, after a warm-up that is not counted.
    """

    path: Path
    runtime: Runtime | None
    threads: int
    batch: int
    seconds: float

    @property
    def module(self) -> str:
        """What does it."""
        return "edge.bench.worker" if self.runtime else "converter.bench"


class NetworkAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a network fared.

    Attributes:
        load: milliseconds until it could be called; its runtime was imported before.
        first: milliseconds of the first call.
        call: the calls after the warm-up.
        memory: MB that the process grew by.
    """

    load: float
    first: float
    call: Timing
    memory: float


class PassTask(msgspec.Struct, frozen=True, tag="pass"):
    """Send a film through the daemon's stages: one after the other, and as threads.

    Attributes:
        detector: its settings.
        model: the .tflite file that classifies.
        film: its path.
        frames: how many of it; a shorter one is shown again.
        fps: of a camera that gives them, where the threads are measured as they run live.
        seconds: for how long that is.
    """

    detector: Settings
    model: Path
    film: Path
    frames: int
    fps: float
    seconds: float

    module = "edge.bench.worker"


class PassAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a film went through the stages.

    Attributes:
        fps: frames a second, one stage after the other.
        stages: milliseconds a frame that each stage took, by its name.
        frame: the time of a frame through all of them.
        faces: found in a frame, on average.
        threaded_fps: frames a second with a thread for each stage, where none is dropped.
        latency: from capture until a frame's events were handed over, at the camera's pace.
        dropped: frames, at the camera's pace.
        cpu: milliseconds of processor time a frame, at the camera's pace.
        memory: MB that the process had at the end.
    """

    fps: float
    stages: dict[str, float]
    frame: Timing
    faces: float
    threaded_fps: float
    latency: Timing
    dropped: int
    cpu: float
    memory: float


class PlainTask(msgspec.Struct, frozen=True, tag="plain"):
    """Run the loop of the projects that emotiond began from; see `converter.bench`."""

    film: Path
    frames: int

    module = "converter.bench"


class PlainAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the plain loop fared, as in `PassAnswer`."""

    fps: float
    stages: dict[str, float]
    frame: Timing
    faces: float
    memory: float


class ReferenceTask(msgspec.Struct, frozen=True, tag="reference"):
    """Do what `reference` does: it tells how fast the machine is at this moment."""

    module = "edge.bench.worker"


class ReferenceAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long the reference computation took."""

    call: Timing


Task = NetworkTask | PassTask | PlainTask | ReferenceTask
Answer = TypeVar("Answer", bound=msgspec.Struct)


class TaskFailed(EmotiondError):
    """A contender could not be measured; the text says why."""


def decode_task(text: bytes) -> Task:
    """Return the task that a measuring process was given."""
    task: Task = msgspec.json.decode(text, type=Task, dec_hook=lambda kind, value: kind(value))
    return task


def serve(work: Callable[[Task], msgspec.Struct]) -> None:
    """Be a measuring process: do the task that standard input names, and answer in JSON.

    What is wrong with a contender ends the process with one line on standard error.
    """
    task = decode_task(sys.stdin.buffer.read())
    try:
        answer = work(task)
    except Exception as error:
        sys.exit(" ".join(str(error).split()))
    print(msgspec.json.encode(answer).decode(), flush=True)


def perform(task: Task, answer: type[Answer]) -> Answer:
    """Have a task done by a new process.

    Raises:
        TaskFailed: it could not.
    """
    command = [sys.executable, "-m", task.module]
    try:
        done = subprocess.run(
            command,
            input=msgspec.json.encode(task, enc_hook=str),  # paths
            capture_output=True,
            timeout=LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TaskFailed(f"it took more than {LIMIT:.0f} s") from error
    if done.returncode != 0:
        raise TaskFailed(_last_line(done.stderr))
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=answer)


def _last_line(words: bytes) -> str:
    lines = words.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it ended without a word"
