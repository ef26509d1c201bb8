"""The Python library, `emotiond`, as a user's program calls it."""

import inspect
import json
import subprocess
import sys
import threading
from io import BytesIO
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

import edge
import emotiond
from edge.bench.clips import LiveStream
from edge.commands.demo import CLIP
from emotiond import (
    ConfigError,
    EmotiondError,
    EmotionRecognizer,
    InputError,
    SourceError,
    draw,
    watch,
)
from tests.films import cut, without_face

Image = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


@pytest.fixture(scope="module")
def recognizer() -> EmotionRecognizer:
    return EmotionRecognizer()


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cut(tmp_path_factory.mktemp("video") / "video.mp4", 60)


def encoded(image: Image, suffix: str = ".png") -> bytes:
    return cv2.imencode(suffix, image)[1].tobytes()


def test_a_face_has_emotion_confidence_probabilities_and_box(
    recognizer: EmotionRecognizer, clip: list[Image]
) -> None:
    (face,) = recognizer.analyze(clip[2])
    assert face.probabilities is not None
    assert face.confidence == face.probabilities[face.emotion] == max(face.probabilities.values())
    assert len(face.probabilities) == 8
    assert sum(face.probabilities.values()) == pytest.approx(1.0, abs=0.01)
    assert 0 < face.box.x1 < face.box.x2 < 640
    assert 0 < face.box.y1 < face.box.y2 < 480


def test_a_face_as_a_dict_is_json_with_the_names_of_events(
    recognizer: EmotionRecognizer, clip: list[Image]
) -> None:
    (face,) = recognizer.analyze(clip[2])
    fields = json.loads(json.dumps(face.to_dict()))
    assert list(fields) == [
        *("track_id", "emotion", "confidence", "probabilities", "reasons", "quality", "looking"),
        "box",
    ]
    assert fields["track_id"] == 1
    assert fields["emotion"] == face.emotion
    assert fields["confidence"] == face.confidence
    assert fields["box"] == [round(edge, 1) for edge in face.box.edges]


def test_several_faces_are_numbered_from_left_to_right_in_each_image(
    recognizer: EmotionRecognizer, clip: list[Image]
) -> None:
    pair = np.hstack([clip[2], clip[2]])
    for _ in range(2):
        faces = recognizer.analyze(pair)
        assert [face.track.track_id for face in faces] == [1, 2]
        assert faces[0].box.x1 < faces[1].box.x1


def test_an_image_without_a_face_has_none(recognizer: EmotionRecognizer) -> None:
    assert recognizer.analyze(np.full((480, 640, 3), 90, np.uint8)) == []


def test_an_image_says_nothing_of_the_next(
    recognizer: EmotionRecognizer, clip: list[Image]
) -> None:
    def analyzed(image: Image) -> list[tuple[str, float | None]]:
        return [(face.emotion, face.confidence) for face in recognizer.analyze(image)]

    first = analyzed(clip[2])
    recognizer.analyze(clip[-1])
    assert analyzed(clip[2]) == first


def test_threads_may_ask_at_once(recognizer: EmotionRecognizer, clip: list[Image]) -> None:
    emotions: list[str] = []

    def ask() -> None:
        emotions.extend(face.emotion for face in recognizer.analyze(clip[2]))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(emotions) == 4
    assert len(set(emotions)) == 1


def test_model_and_detector_can_be_chosen(clip: list[Image]) -> None:
    (face,) = EmotionRecognizer(model="deep-int8", detector="haar").analyze(clip[2])
    assert face.probabilities
    with pytest.raises(ConfigError, match="expected"):
        EmotionRecognizer(detector="hare")


def test_an_image_is_the_same_as_path_array_bytes_and_pillow_image(
    recognizer: EmotionRecognizer, clip: list[Image], tmp_path: Path
) -> None:
    pillow = pytest.importorskip("PIL.Image")
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(clip[2]))
    faces = recognizer.analyze(clip[2])
    assert len(faces) == 1
    assert recognizer.analyze(path) == faces
    assert recognizer.analyze(str(path)) == faces
    assert recognizer.analyze(path.read_bytes()) == faces
    assert recognizer.analyze(bytearray(path.read_bytes())) == faces
    assert recognizer.analyze(memoryview(path.read_bytes())) == faces
    assert recognizer.analyze(pillow.open(path)) == faces
    assert recognizer.analyze(pillow.fromarray(clip[2][..., ::-1]).convert("RGBA")) == faces


def test_a_gray_image_is_the_same_as_array_and_as_file(
    recognizer: EmotionRecognizer, clip: list[Image]
) -> None:
    gray = np.asarray(cv2.cvtColor(clip[2], cv2.COLOR_BGR2GRAY), dtype=np.uint8)
    faces = recognizer.analyze(gray)
    assert len(faces) == 1
    assert recognizer.analyze(encoded(gray)) == faces


def test_a_photo_of_pillow_is_turned_as_the_camera_noted_in_it(
    recognizer: EmotionRecognizer, clip: list[Image]
) -> None:
    pillow = pytest.importorskip("PIL.Image")
    lying = pillow.fromarray(np.ascontiguousarray(np.rot90(clip[2])[..., ::-1]))
    exif = pillow.Exif()
    exif[0x0112] = 6  # EXIF (CIPA DC-008), Orientation: turn to the right
    file = BytesIO()
    lying.save(file, "PNG", exif=exif)
    assert recognizer.analyze(pillow.open(file)) == recognizer.analyze(clip[2])


def test_pillow_is_not_loaded_for_arrays() -> None:
    program = (
        "import sys; sys.modules['PIL'] = None\n"
        "import numpy, emotiond\n"
        "print(emotiond.EmotionRecognizer().analyze(numpy.zeros((48, 48), numpy.uint8)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("image", "error", "text"),
    [
        ("nowhere.jpg", InputError, "nowhere.jpg: cannot be read: No such file"),
        (__file__, InputError, r"test_python_api\.py: is not an image"),
        (b"Dear Sir or Madam", InputError, "an image of 17 bytes: is not an image"),
        (b"", InputError, "an image of 0 bytes: is not an image"),
        (np.zeros((4, 4, 3)), ValueError, r"found float64 \(4, 4, 3\)"),
        (np.zeros((4, 4, 3), np.float32), ValueError, "expected a uint8 image, BGR"),
        (np.zeros((4, 4, 4), np.uint8), ValueError, r"found uint8 \(4, 4, 4\)"),
        (np.zeros((4, 4, 2), np.uint8), ValueError, r"found uint8 \(4, 4, 2\)"),
        (np.zeros((0, 4, 3), np.uint8), ValueError, r"found uint8 \(0, 4, 3\)"),
        (None, TypeError, "expected a path, bytes, a uint8 array or an image of Pillow, found"),
        ([[0]], TypeError, "found builtins.list"),
    ],
)
def test_what_is_no_image_is_refused_with_what_is_expected(
    recognizer: EmotionRecognizer, image: object, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        recognizer.analyze(image)  # type: ignore[arg-type]


def test_faces_are_drawn_into_a_copy(
    recognizer: EmotionRecognizer, clip: list[Image], tmp_path: Path
) -> None:
    before = clip[2].copy()
    faces = recognizer.analyze(clip[2])
    annotated = draw(clip[2], faces)
    assert np.array_equal(clip[2], before)
    left, top = round(faces[0].box.x1), round(faces[0].box.y1)
    assert (annotated[top + 20, left] != before[top + 20, left]).any()
    assert np.array_equal(annotated[-1], before[-1])
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(clip[2]))
    assert np.array_equal(draw(path, faces), annotated)
    assert np.array_equal(draw(path.read_bytes(), faces), annotated)
    assert draw(np.zeros((480, 640), np.uint8), faces).shape == (480, 640, 3)


def test_a_face_keeps_its_number_through_a_video(video: Path) -> None:
    seen = list(watch(video))
    assert [frame.index for frame, _ in seen] == list(range(60))
    assert seen[25][0].timestamp == pytest.approx(1.0, abs=0.05)
    numbers = [face.track.track_id for _, faces in seen for face in faces]
    assert len(numbers) > 40
    assert set(numbers) == {1}
    frame, faces = seen[-1]
    assert (draw(frame, faces) != frame.image).any()
    assert not frame.image.flags.writeable


def test_a_video_without_a_face_has_frames_without_faces(tmp_path: Path) -> None:
    seen = list(watch(str(without_face(tmp_path / "wall.mp4"))))
    assert [faces for _, faces in seen] == [[]] * 10


def test_a_folder_is_watched_image_by_image(clip: list[Image], tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"{number}.png").write_bytes(encoded(clip[2]))
    seen = list(watch(tmp_path))
    assert [len(faces) for _, faces in seen] == [1, 1]
    (face,) = seen[1][1]
    assert face.probabilities is not None
    assert face.confidence == face.probabilities[face.emotion]
    assert face.to_dict()["emotion"] == face.emotion
    assert 0 < face.box.x1 < face.box.x2 < 640


def test_a_loop_over_a_video_may_be_left_and_another_begun(video: Path) -> None:
    threads = threading.active_count()
    for _ in range(2):
        frames = watch(video)
        assert [frame.index for frame, _ in islice(frames, 3)] == [0, 1, 2]
        frames.close()
        assert threading.active_count() == threads


def test_a_stream_is_watched_from_its_newest_frame_on() -> None:
    with LiveStream(CLIP, 15) as stream:
        frames = watch(stream.url, timeout_s=30)
        seen = list(islice(frames, 20))
        frames.close()
    assert len({frame.index for frame, _ in seen}) == 20
    assert any(faces for _, faces in seen)


def test_a_camera_that_is_not_there_is_given_up() -> None:
    with pytest.raises(SourceError, match="no frame came for 1 s; is the camera there, and free"):
        next(watch(99, timeout_s=1))


def test_a_video_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.mp4: cannot be read as a video"):
        next(watch(tmp_path / "gone.mp4"))


def test_of_a_video_that_breaks_off_the_frames_before_come_and_then_an_error(
    tmp_path: Path,
) -> None:
    path = cut(tmp_path / "video.avi", 60, "MJPG")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    indices: list[int] = []
    with pytest.raises(InputError, match=r"video\.avi"):
        indices.extend(frame.index for frame, _ in watch(path))
    assert 10 < len(indices) < 60


@pytest.mark.parametrize(
    ("source", "fields", "text"),
    [
        (-1, {}, "expected a camera number from 0 on, found -1"),
        ("gopher://camera", {}, "gopher://camera"),
        (0, {"model": "gone"}, "gone"),
        (0, {"detector": "hare"}, "hare"),
    ],
)
def test_what_cannot_be_used_is_refused_before_the_first_frame(
    source: int | str, fields: dict[str, str], text: str
) -> None:
    with pytest.raises(EmotiondError, match=text):
        watch(source, **fields)  # type: ignore[arg-type]


def test_everything_public_is_there_and_described() -> None:
    for name in emotiond.__all__:
        assert hasattr(emotiond, name), name
    for function in (draw, watch, EmotionRecognizer, EmotionRecognizer.analyze):
        assert "Example:" in (inspect.getdoc(function) or ""), function
        assert "Raises:" in (inspect.getdoc(function) or ""), function


def test_every_error_is_an_emotiond_error() -> None:
    errors = [
        one
        for name in emotiond.__all__
        if name.endswith("Error")
        for one in [getattr(emotiond, name)]
    ]
    assert len(errors) >= 5
    assert all(issubclass(one, EmotiondError) for one in errors)


def test_the_recognizer_is_also_that_of_the_package_edge() -> None:
    assert edge.EmotionRecognizer is EmotionRecognizer


def test_importing_the_package_loads_nothing_until_it_is_asked() -> None:
    program = (
        "import sys, edge; print('cv2' in sys.modules)\n"
        "edge.EmotionRecognizer; print('cv2' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["False", "True"]


def test_the_module_is_the_command_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "emotiond", "--version"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip().endswith(emotiond.__version__)
