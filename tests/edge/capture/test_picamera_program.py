import fcntl
import gc
import os
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.capture import picamera
from edge.capture.camera import MjpegParser, decode_jpeg
from edge.capture.picamera import PicameraSettings, SubprocessMjpegSource, arguments
from edge.errors import InputError, SourceError
from edge.types import Frame, Image
from tests.brokers import wait_until
from tests.rpicam_vid import install, number_of


class StandIn:
    """A stand-in for rpicam-vid, and what opens it.

    Args:
        folder: where it is installed and keeps its log.
    """

    def __init__(self, folder: Path, environment: pytest.MonkeyPatch) -> None:
        self._environment = environment
        self._command = str(install(folder) / "rpicam-vid")
        self._log = folder / "log"
        self._opened: list[SubprocessMjpegSource] = []

    def open(
        self, mode: str = "", settings: PicameraSettings | None = None
    ) -> SubprocessMjpegSource:
        command = [self._command, *arguments(settings or PicameraSettings(fps=100))]
        self._environment.setenv("STANDIN", mode)
        self._environment.setenv("STANDIN_DIARY", str(self._log))
        self._opened.append(SubprocessMjpegSource(command))
        return self._opened[-1]

    def close(self) -> None:
        for source in self._opened:
            source.close()

    def log(self) -> tuple[int, int]:
        """Return its process id and how many images it has written."""
        process, written = self._log.read_text().split()
        return int(process), int(written)

    @property
    def running(self) -> bool:
        return Path(f"/proc/{self.log()[0]}").exists()

    @property
    def begun(self) -> bool:
        return self._log.exists()


@pytest.fixture
def standin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    standin = StandIn(tmp_path, monkeypatch)
    yield standin
    standin.close()


def next_frame(source: SubprocessMjpegSource) -> Frame:
    """Read until a frame comes."""
    while True:
        frame = source.read()
        if frame:
            return frame


def read_on(source: SubprocessMjpegSource) -> None:
    while True:
        source.read()


def skip_on(source: SubprocessMjpegSource) -> None:
    for _ in range(20):
        source.skip()


def failure(source: SubprocessMjpegSource) -> str:
    """Read until the source fails; return why."""
    with pytest.raises(SourceError) as caught:
        read_on(source)
    return str(caught.value)


def waiting_bytes(source: SubprocessMjpegSource) -> int:
    """Return how much the program has written that nobody has read."""
    count = fcntl.ioctl(source._pipes[0], termios.FIONREAD, bytes(4))
    return int.from_bytes(count, sys.byteorder)


def leftovers() -> tuple[int, int, list[str]]:
    """Return how many threads and descriptors this process has, and its children."""
    gc.collect()  # what earlier tests left in reference cycles would go at some other time
    children = [path.read_text() for path in Path("/proc/self/task").glob("*/children")]
    numbers = sorted(" ".join(children).split())
    descriptors = list(Path("/proc/self/fd").iterdir())
    return threading.active_count(), len(descriptors), numbers


def test_frames_are_of_the_size_asked_for_counted_and_stamped_as_they_came(
    standin: StandIn,
) -> None:
    before = time.monotonic()
    source = standin.open(settings=PicameraSettings(width=320, height=240, fps=100))
    frames = [next_frame(source) for _ in range(5)]
    assert [frame.index for frame in frames] == list(range(5))
    assert {frame.size for frame in frames} == {(320, 240)}
    times = [before, *(frame.captured for frame in frames), time.monotonic()]
    assert times == sorted(times)
    assert all(frame.timestamp == frame.captured for frame in frames)
    assert not frames[0].image.flags.writeable


def test_a_reader_that_comes_late_gets_the_newest_image_and_has_held_nobody_up(
    standin: StandIn,
) -> None:
    source = standin.open()
    # A pipe holds about six of these images: more are only written if somebody takes them away.
    wait_until(lambda: standin.begun and standin.log()[1] >= 60)
    process, _ = standin.log()
    os.kill(process, signal.SIGSTOP)
    _, written = standin.log()
    wait_until(lambda: waiting_bytes(source) == 0)
    assert number_of(next_frame(source).image) >= written - 1
    os.kill(process, signal.SIGCONT)


def test_a_program_that_ends_is_a_loss_that_says_why(standin: StandIn) -> None:
    source = standin.open("ends:3")
    next_frame(source)
    expected = "rpicam-vid ended with exit code 255: ERROR: *** failed to start camera ***"
    assert failure(source) == expected


def test_a_program_that_dies_without_a_word_is_a_loss(standin: StandIn) -> None:
    source = standin.open()
    next_frame(source)
    os.kill(standin.log()[0], 9)
    assert failure(source) == "rpicam-vid ended with exit code -9"


def test_a_camera_that_is_not_there_is_told_in_the_programs_own_words(standin: StandIn) -> None:
    source = standin.open(settings=PicameraSettings(camera=1))
    assert failure(source).endswith(": ERROR: *** no cameras available ***")


def test_a_program_that_falls_silent_is_lost_and_until_then_there_is_nothing_yet(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picamera, "MAX_WAIT", 0.1)
    monkeypatch.setattr(picamera, "FRAME_TIMEOUT", 1.0)
    source = standin.open("hangs:3")
    wait_until(lambda: standin.begun and standin.log()[1] == 2)
    while source.read():
        pass
    assert failure(source).startswith("rpicam-vid gave no image for 1 s: ERROR: Device timeout")


def test_a_program_that_starts_slowly_is_waited_for(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picamera, "FRAME_TIMEOUT", 0.0)
    source = standin.open("slow")
    assert source.read() is None
    assert next_frame(source).index == 0


def test_a_program_that_never_gives_a_image_is_lost(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picamera, "START_TIMEOUT", 0.0)
    assert failure(standin.open("hangs")).startswith("rpicam-vid gave no image for 0 s")


def test_broken_images_are_passed_over(standin: StandIn) -> None:
    source = standin.open("corrupt")
    # Every other image is cut short or has lost its head, and must not spoil the next.
    numbers = [number_of(next_frame(source).image) for _ in range(10)]
    assert numbers == sorted(set(numbers))
    assert all(number % 2 == 0 for number in numbers)


def test_a_program_that_gives_nothing_but_rubbish_is_lost(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picamera, "START_TIMEOUT", 1.0)
    told = failure(standin.open("rubbish"))
    assert "gave no image" in told or "expected a JPEG" in told  # rubbish may begin like one


def test_a_program_that_chatters_is_not_held_up(standin: StandIn) -> None:
    source = standin.open("chatters")
    wait_until(lambda: standin.begun and standin.log()[1] >= 60)
    next_frame(source)
    assert sum(map(len, source._stderr)) <= 4096


def test_closing_ends_the_program(standin: StandIn) -> None:
    source = standin.open()
    next_frame(source)
    assert standin.running
    source.close()
    assert not standin.running
    source.close()


def test_closing_ends_a_program_that_does_not_want_to_end(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picamera, "TERMINATE_TIMEOUT", 0.2)
    source = standin.open("stubborn:1")
    next_frame(source)
    source.close()
    assert not standin.running


def test_closing_does_not_wait_for_what_the_program_itself_has_started() -> None:
    before = threading.active_count()
    source = SubprocessMjpegSource(["sh", "-c", "sleep 10 & echo ready >&2; wait"])
    wait_until(lambda: source._stderr)
    source.close()
    assert threading.active_count() == before


def test_opening_a_hundred_times_leaves_no_thread_descriptor_or_zombie() -> None:
    command = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]
    before = leftovers()
    kept = []  # so that nothing is tidied up for want of an owner
    for _ in range(100):
        kept.append(SubprocessMjpegSource(command))
        kept[-1].close()
    assert leftovers() == before


def test_the_program_ends_when_the_daemon_is_killed(standin: StandIn) -> None:
    reader = "import sys, time; from edge.capture.picamera import SubprocessMjpegSource; source = SubprocessMjpegSource(sys.argv[1:]); time.sleep(60)"
    command = [standin._command, *arguments(PicameraSettings())]
    environment = {**os.environ, "STANDIN_DIARY": str(standin._log)}
    with subprocess.Popen([sys.executable, "-c", reader, *command], env=environment) as daemon:
        wait_until(lambda: standin.begun and standin.log()[1] > 0)
        daemon.kill()
    wait_until(lambda: not standin.running)


def test_a_program_that_is_not_there_cannot_be_started() -> None:
    with pytest.raises(SourceError, match=r"/none/such cannot be started: No such file"):
        SubprocessMjpegSource(["/none/such"])


def test_a_image_that_passes_unseen_is_taken_and_one_that_never_comes_is_a_loss(
    standin: StandIn,
) -> None:
    source = standin.open()
    first = next_frame(source)
    source.skip()
    assert number_of(next_frame(source).image) >= number_of(first.image) + 2
    os.kill(standin.log()[0], signal.SIGKILL)
    with pytest.raises(SourceError):
        skip_on(source)


@pytest.fixture
def jpegs(clip: list[Image]) -> list[bytes]:
    """Four images of the clip."""
    return [cv2.imencode(".jpg", image)[1].tobytes() for image in clip[:4]]


def split(stream: bytes, step: int) -> list[bytes]:
    """Feed a stream in pieces of `step` bytes; return every image that came out."""
    parser = MjpegParser()
    pieces = [stream[place : place + step] for place in range(0, len(stream), step)]
    return [image for piece in pieces if (image := parser.feed(piece))]


@pytest.mark.parametrize("step", [1, 2, 1000, 4096])
def test_images_come_out_whole_however_the_stream_is_divided(jpegs: list[bytes], step: int) -> None:
    assert split(b"".join(jpegs), step) == jpegs


def test_of_several_images_at_once_the_last_whole_one_is_kept(jpegs: list[bytes]) -> None:
    parser = MjpegParser()
    assert parser.feed(b"".join(jpegs[:3]) + jpegs[3][:100]) == jpegs[2]
    assert parser.feed(jpegs[3][100:]) == jpegs[3]


@pytest.mark.parametrize("step", [1, 5000, 10**6])
def test_what_is_cut_short_or_lies_between_images_is_passed_over(
    jpegs: list[bytes], step: int
) -> None:
    stream = (
        b"rubbish\xff\xd9" + jpegs[0][:3000] + jpegs[1] + bytes(99) + jpegs[2][9000:] + jpegs[3]
    )
    assert split(stream, step)[-1] == jpegs[3]
    assert set(split(stream, 1)) >= {jpegs[1], jpegs[3]}
    assert jpegs[0] not in split(stream, step)


def test_a_stream_without_end_takes_no_more_memory_than_the_longest_image(
    jpegs: list[bytes],
) -> None:
    parser = MjpegParser()
    for _ in range(48):
        assert parser.feed(bytes(1 << 20)) is None
        assert len(parser._buffer) <= 1 << 24
    assert parser.feed(jpegs[0]) == jpegs[0]


def test_a_image_is_decoded_as_it_was_made(jpegs: list[bytes], clip: list[Image]) -> None:
    image = decode_jpeg(jpegs[0])
    assert np.abs(image.astype(int) - clip[0]).mean() < 3


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda _: b"", "found 0 bytes that are none"),
        (lambda _: b"\xff\xd8\xff" + bytes(1000) + b"\xff\xd9", "found 1005 bytes"),
        (lambda jpeg: jpeg[:200], "cut short"),
        (lambda jpeg: jpeg[: len(jpeg) // 2], "cut short"),
    ],
)
def test_rubbish_is_no_image(
    make: Callable[[bytes], bytes], reason: str, jpegs: list[bytes]
) -> None:
    with pytest.raises(InputError, match=reason):
        decode_jpeg(make(jpegs[0]))


def test_what_fills_up_a_buffer_behind_an_image_does_no_harm(jpegs: list[bytes]) -> None:
    assert decode_jpeg(jpegs[0] + bytes(5000)).shape == (480, 640, 3)


def test_a_image_that_claims_to_be_huge_is_not_decoded(jpegs: list[bytes]) -> None:
    head = jpegs[0].index(b"\xff\xc0\x00\x11\x08")
    huge = jpegs[0][: head + 5] + struct.pack(">HH", 16000, 60000) + jpegs[0][head + 9 :]
    with pytest.raises(InputError, match="expected at most 50000000 pixels, found 60000x16000"):
        decode_jpeg(huge)
