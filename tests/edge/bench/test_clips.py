from pathlib import Path

import cv2
import pytest

from edge.bench.clips import CROWD, NOBODY, ONE_FACE, LoopingVideoSource, clip_of
from edge.capture import EndOfStream
from edge.capture.source import iter_frames
from edge.commands.demo import CLIP
from edge.detect import BuiltinSettings, open_detector
from edge.errors import EmotiondError, InputError
from edge.types import Face
from tests.films import cut


def faces_in(video: Path) -> list[Face]:
    capture = cv2.VideoCapture(str(video))
    for _ in range(5):
        _, image = capture.read()
    return open_detector(BuiltinSettings()).detect(image)  # type: ignore[arg-type]


@pytest.mark.parametrize(("scene", "count"), [(ONE_FACE, 1), (CROWD, 20), (NOBODY, 0)])
def test_a_scene_shows_as_many_faces_as_it_says(tmp_path: Path, scene: str, count: int) -> None:
    assert len(faces_in(clip_of(scene, tmp_path))) == count


def test_a_clip_is_made_once(tmp_path: Path) -> None:
    video = clip_of(NOBODY, tmp_path)
    made = video.stat().st_mtime_ns
    assert clip_of(NOBODY, tmp_path) == video
    assert video.stat().st_mtime_ns == made


def test_a_clip_of_ones_own_is_checked_and_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(CLIP.parent)
    assert clip_of(CLIP.name, tmp_path) == CLIP
    with pytest.raises(EmotiondError, match="cannot be read as a video"):
        clip_of("no.mp4", tmp_path)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return cut(tmp_path / "video.mp4", count=10)


def test_a_video_is_shown_again_until_so_many_frames_were_shown(video: Path) -> None:
    shown = list(iter_frames(LoopingVideoSource(video, 25)))
    assert [frame.index for frame in shown] == list(range(25))
    times = [frame.timestamp for frame in shown]
    assert times == sorted(times)
    assert (shown[0].image == shown[10].image).all()


def test_what_is_no_video_says_so(tmp_path: Path) -> None:
    (tmp_path / "no.mp4").write_bytes(b"no video")
    with pytest.raises(InputError, match="cannot be read as a video"):
        LoopingVideoSource(tmp_path / "no.mp4", 3).read()


def test_after_the_last_frame_it_has_ended(video: Path) -> None:
    source = LoopingVideoSource(video, 1)
    source.read()
    with pytest.raises(EndOfStream):
        source.read()
