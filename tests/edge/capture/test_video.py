import gc
import shutil
import time
from itertools import islice
from pathlib import Path

import cv2
import pytest

from edge.capture import EndOfStream, open_source
from edge.capture.source import FileSource
from edge.capture.video import FrameConverter, VideoSettings, decode_frames, open_video
from edge.commands.demo import CLIP
from edge.errors import InputError
from edge.types import Frame

FRAMES, FPS = 475, 25


def drain(video: FileSource) -> list[Frame]:
    """Read a video to its end."""
    frames: list[Frame] = []
    while True:
        try:
            frame = video.read()
            assert frame is not None
            frames.append(frame)
        except EndOfStream:
            video.close()
            return frames


def read_all(path: Path) -> list[Frame]:
    """Open a video and read it to its end, as fast as possible."""
    return drain(VideoSettings(path, realtime=False).open())


def test_every_frame_comes_once_in_order_with_its_time_in_the_film() -> None:
    frames = read_all(CLIP)
    assert [frame.index for frame in frames] == list(range(FRAMES))
    assert [frame.timestamp for frame in frames[:3]] == pytest.approx([0, 1 / FPS, 2 / FPS])
    assert frames[-1].timestamp == pytest.approx((FRAMES - 1) / FPS)
    assert frames[0].size == (640, 480)


def test_a_frame_is_read_only() -> None:
    frame = VideoSettings(CLIP, realtime=False).open().read()
    assert frame is not None
    with pytest.raises(ValueError, match="read-only"):
        frame.image[0, 0] = 0


def test_a_paced_video_plays_no_faster_than_its_own_clock() -> None:
    video = VideoSettings(CLIP, realtime=True).open()
    started = time.monotonic()
    frames = [video.read() for _ in range(6)]
    assert frames[-1] is not None
    assert frames[-1].captured - started >= 5 / FPS


def test_a_slow_video_says_not_yet_rather_than_nothing(tmp_path: Path) -> None:
    slow = tmp_path / "slow.avi"
    writer = cv2.VideoWriter(str(slow), cv2.VideoWriter.fourcc(*"MJPG"), 0.7, (640, 480))
    for frame in read_all(CLIP)[:2]:
        writer.write(frame.image)
    writer.release()
    video = VideoSettings(slow).open()
    answers = [video.read() for _ in range(4)]
    assert [answer is None for answer in answers] == [False, True, True, False]


def test_a_video_is_a_file_and_not_live() -> None:
    settings = VideoSettings(CLIP)
    assert not settings.is_live
    assert isinstance(open_source(settings), FileSource)


def test_a_video_cut_short_gives_its_frames_and_then_says_so(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.avi", tmp_path / "cut.avi"
    rewrite_as_avi(whole)
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    video = VideoSettings(cut, realtime=False).open()
    with pytest.raises(InputError, match=r"cut.avi: truncated: expected 8.0 s, found"):
        drain(video)
    with pytest.raises(EndOfStream):
        video.read()


@pytest.mark.parametrize("content", [b"", b"no video at all" * 100])
def test_a_file_that_is_no_video_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "fake.mp4"
    path.write_bytes(content)
    video = VideoSettings(path).open()
    with pytest.raises(InputError, match=r"fake.mp4: cannot be read as a video"):
        video.read()
    with pytest.raises(EndOfStream):
        video.read()


def test_a_truncated_mp4_is_named(tmp_path: Path) -> None:
    cut = tmp_path / "cut.mp4"
    shutil.copy(CLIP, cut)
    with cut.open("r+b") as file:
        file.truncate(100_000)
    with pytest.raises(InputError, match=r"cut.mp4: "):
        read_all(cut)


def rewrite_as_avi(path: Path) -> None:
    """Write 200 frames of the clip as an AVI, whose head announces its length."""
    size = (640, 480)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, size)
    for frame in read_all(CLIP)[:200]:
        writer.write(frame.image)
    writer.release()


def test_frames_do_not_wait_for_the_garbage_collection() -> None:
    """A frame of 640x480 takes half a megabyte, and one of a large camera twelve."""
    gc.collect()
    gc.disable()
    try:
        with open_video(CLIP) as (container, stream):
            converter = FrameConverter(stream)
            for frame in islice(decode_frames(container, stream), 40):
                assert frame is not None
                converter.convert(frame)
        alive = [one for one in gc.get_objects() if type(one).__name__ == "VideoFrame"]
        assert len(alive) < 10
    finally:
        gc.enable()
