"""What keys ask for, and what is said of it."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.pipeline.latest_frame import LatestFrame
from edge.service.commands import (
    Catalog,
    Command,
    CommandError,
    CommandQueue,
    CommandResult,
    ErrorCode,
    Pause,
    SetDetector,
    SetModel,
    Shutdown,
)
from edge.types import CameraState
from edge.view.preview.key_handler import HELP, NOTE_SECONDS, KeyHandler
from edge.view.settings import PrivacyBlur
from edge.view.view_context import ViewContext
from tests.edge.view.scenes import expression, scene
from tests.events import status

MODELS = {name: Path(f"{name}.tflite") for name in ("deep-int8", "shallow-float", "shallow-int8")}


class Seat:
    """An operator, before a desk at which the test answers."""

    def __init__(self, blur: PrivacyBlur = PrivacyBlur.NONE) -> None:
        self.now = 0.0
        self.showcase = LatestFrame()
        self.desk = CommandQueue()
        catalog = Catalog(MODELS, ("auto", "emotiond", "haar", "mediapipe"))
        outlook = ViewContext(self.showcase, blur, lambda image: scene(image=image), catalog)
        self.operator = KeyHandler(outlook, self.desk, lambda: self.now)

    def tell(self, camera: CameraState = CameraState.ONLINE, model: str = "shallow-int8") -> None:
        self.operator.status = status(camera=camera, model=model)

    def answer(self, answer: CommandResult | CommandError | None = None) -> Command | None:
        """CommandResult the next request, well unless told otherwise; return what was asked."""
        request = self.desk.next(0.0)
        if request is None:
            return None
        request.answer(answer or CommandResult())
        return request.command


REFUSED = CommandError(ErrorCode.FAILED, "the package mediapipe is not installed")


@pytest.fixture
def seat() -> Seat:
    seat = Seat()
    seat.tell()
    seat.showcase.show(scene())
    return seat


def test_q_asks_to_end(seat: Seat) -> None:
    seat.operator.press("q")
    assert seat.answer() == Shutdown()


def test_space_pauses_and_resumes(seat: Seat) -> None:
    seat.operator.press("space")
    assert seat.answer() == Pause(paused=True)
    assert seat.operator.text == ("paused",)
    seat.tell(CameraState.PAUSED)
    seat.operator.press("space")
    assert seat.answer() == Pause(paused=False)
    assert seat.operator.text == ("resumed",)


def test_m_takes_the_next_model_and_after_the_last_the_first(seat: Seat) -> None:
    seat.tell(model="deep-int8")
    seat.operator.press("m")
    assert seat.answer() == SetModel("shallow-float")
    seat.tell(model="shallow-int8")
    seat.operator.press("m")
    assert seat.answer() == SetModel("deep-int8")
    assert seat.operator.text == ("model deep-int8",)


def test_a_model_of_ones_own_is_followed_by_the_first_shipped(seat: Seat) -> None:
    seat.tell(model="mine")
    seat.operator.press("m")
    assert seat.answer() == SetModel("deep-int8")


def test_d_passes_over_detectors_that_cannot_be_used_here(seat: Seat) -> None:
    seat.operator.press("d")
    assert seat.answer(REFUSED) == SetDetector("haar")
    assert seat.answer() == SetDetector("mediapipe")
    assert seat.answer() is None
    assert seat.operator.text == ("detector mediapipe",)


def test_d_says_where_no_other_detector_can_be_used(seat: Seat) -> None:
    seat.operator.press("d")
    assert [seat.answer(REFUSED), seat.answer(REFUSED)] == [
        SetDetector("haar"),
        SetDetector("mediapipe"),
    ]
    assert seat.operator.text == ("no other detector can be used here",)


def test_a_refusal_is_shown(seat: Seat) -> None:
    seat.operator.press("m")
    seat.answer(CommandError(ErrorCode.FAILED, "the model is damaged"))
    assert seat.operator.text == ("the model is damaged",)


def test_what_is_said_goes_away(seat: Seat) -> None:
    seat.operator.press("m")
    seat.answer()
    seat.now = NOTE_SECONDS
    assert seat.operator.text == ()


def test_h_shows_the_help_and_hides_it(seat: Seat) -> None:
    texts = []
    for _ in range(2):
        seat.operator.press("h")
        texts.append(seat.operator.text)
    assert texts == [HELP, ()]


@pytest.mark.parametrize("key", ["x", "", "left shift", "Q"])
def test_any_other_key_does_nothing(seat: Seat, key: str) -> None:
    seat.operator.press(key)
    assert seat.answer() is None
    assert seat.operator.text == ()


@pytest.mark.parametrize("key", ["m", "d"])
def test_nothing_is_chosen_before_it_is_known_what_is_used(key: str) -> None:
    seat = Seat()
    seat.operator.press(key)
    assert seat.answer() is None


@pytest.mark.parametrize(
    ("camera", "said"),
    [
        (CameraState.ONLINE, "waiting for the first picture"),
        (CameraState.OFFLINE, "the camera is away"),
        (CameraState.PAUSED, "paused"),
    ],
)
def test_where_nothing_is_seen_it_says_why(camera: CameraState, said: str) -> None:
    seat = Seat()
    assert seat.operator.text == ("waiting for the first picture",)
    seat.tell(camera)
    assert seat.operator.text == (said,)


def test_s_saves_the_picture_as_it_is_shown(
    seat: Seat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    image = np.full((480, 640, 3), 128, dtype=np.uint8)
    seat.showcase.show(scene(expression(), image=image))
    seat.operator.press("s")
    seat.operator.press("s")
    paths = sorted(tmp_path.iterdir())
    assert len(paths) == 2
    saved = cv2.imread(str(paths[0]))
    assert saved is not None
    assert saved.shape == image.shape
    assert (saved != image).any()
    assert seat.operator.text == (f"saved as {paths[1].name}",)


def test_what_is_hidden_is_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    seat = Seat(PrivacyBlur.PICTURE)
    seat.showcase.show(scene(image=np.full((480, 640, 3), 128, dtype=np.uint8)))
    seat.operator.press("s")
    (path,) = tmp_path.iterdir()
    saved = cv2.imread(str(path))
    assert saved is not None
    assert (saved != 128).all()


def test_where_there_is_no_picture_none_is_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    seat = Seat()
    seat.operator.press("s")
    assert list(tmp_path.iterdir()) == []
    assert "there is no picture to save" in seat.operator.text


def test_a_folder_that_cannot_be_written_into_is_told_of(
    seat: Seat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    monkeypatch.setattr(Path, "cwd", lambda: gone)
    gone.rmdir()
    seat.operator.press("s")
    assert seat.operator.text == ("not saved: No such file or directory",)
