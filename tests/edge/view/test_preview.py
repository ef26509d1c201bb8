"""The preview window: what keys ask for, what is said of it, and what is shown."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.pipeline.worker import LatestFrame
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
from edge.view import PrivacyBlur, ViewContext
from edge.view.preview import KeyHandler
from tests.edge.view.scenes import expression, scene
from tests.events import status

MODELS = {name: Path(f"{name}.tflite") for name in ("deep-int8", "shallow-float", "shallow-int8")}


class Preview:
    """A key handler whose commands the test answers."""

    def __init__(self, blur: PrivacyBlur = PrivacyBlur.NONE) -> None:
        self.now = 0.0
        self.latest = LatestFrame()
        self.commands = CommandQueue()
        self.noted: list[Path] = []
        catalog = Catalog(MODELS, ("auto", "builtin", "haar", "mediapipe"))
        context = ViewContext(
            self.latest,
            self.commands,
            blur,
            lambda image: scene(image=image),
            catalog,
            self.noted.append,
        )
        self.keys = KeyHandler(context, lambda: self.now)

    def publish_status(
        self, camera: CameraState = CameraState.ONLINE, model: str = "shallow-int8"
    ) -> None:
        self.keys.status = status(camera=camera, model=model)

    def answer(self, answer: CommandResult | CommandError | None = None) -> Command | None:
        """Answer the next command, well unless told otherwise; return what was asked."""
        request = self.commands.next(0.0)
        if request is None:
            return None
        request.answer(answer or CommandResult())
        return request.command


USED = "shallow-int8, builtin, 0 frames a second"

REFUSED = CommandError(ErrorCode.FAILED, "the package mediapipe is not installed")


@pytest.fixture
def preview() -> Preview:
    preview = Preview()
    preview.publish_status()
    preview.latest.show(scene())
    return preview


def test_q_asks_to_end(preview: Preview) -> None:
    preview.keys.press("q")
    assert preview.answer() == Shutdown()


def test_space_pauses_and_resumes(preview: Preview) -> None:
    preview.keys.press("space")
    assert preview.answer() == Pause(paused=True)
    assert preview.keys.text == "paused"
    preview.publish_status(CameraState.PAUSED)
    preview.keys.press("space")
    assert preview.answer() == Pause(paused=False)
    assert preview.keys.text == "resumed"


def test_m_takes_the_next_model_and_after_the_last_the_first(preview: Preview) -> None:
    preview.publish_status(model="deep-int8")
    preview.keys.press("m")
    assert preview.answer() == SetModel("shallow-float")
    preview.publish_status(model="shallow-int8")
    preview.keys.press("m")
    assert preview.answer() == SetModel("deep-int8")
    assert preview.keys.text == "model deep-int8"


def test_a_model_of_ones_own_is_followed_by_the_first_shipped(preview: Preview) -> None:
    preview.publish_status(model="mine")
    preview.keys.press("m")
    assert preview.answer() == SetModel("deep-int8")


def test_d_passes_over_detectors_that_cannot_be_used_here(preview: Preview) -> None:
    preview.keys.press("d")
    assert preview.answer(REFUSED) == SetDetector("haar")
    assert preview.answer() == SetDetector("mediapipe")
    assert preview.answer() is None
    assert preview.keys.text == "detector mediapipe"


def test_where_no_other_detector_can_be_used_the_present_one_stays(preview: Preview) -> None:
    preview.keys.press("d")
    assert [preview.answer(REFUSED), preview.answer(REFUSED), preview.answer()] == [
        SetDetector("haar"),
        SetDetector("mediapipe"),
        SetDetector("builtin"),
    ]
    assert preview.keys.text == "detector builtin"


def test_a_refusal_is_shown(preview: Preview) -> None:
    preview.keys.press("space")
    preview.answer(CommandError(ErrorCode.FAILED, "the camera cannot be opened"))
    assert preview.keys.text == "the camera cannot be opened"


def test_what_is_said_makes_way_for_what_is_used(preview: Preview) -> None:
    preview.keys.press("m")
    preview.answer()
    preview.now = 3.9
    assert preview.keys.text == "model deep-int8"
    preview.now = 4.0
    assert preview.keys.text == USED


@pytest.mark.parametrize("key", ["x", "", "left shift", "Q", "h"])
def test_any_other_key_does_nothing(preview: Preview, key: str) -> None:
    preview.keys.press(key)
    assert preview.answer() is None
    assert preview.keys.text == USED


@pytest.mark.parametrize(
    ("camera", "said"),
    [
        (CameraState.ONLINE, "waiting for the first frame"),
        (CameraState.OFFLINE, "the camera is away"),
        (CameraState.PAUSED, "paused"),
    ],
)
def test_where_nothing_is_seen_it_says_why(camera: CameraState, said: str) -> None:
    preview = Preview()
    preview.publish_status(camera)
    assert preview.keys.text == said


def test_s_saves_the_picture_as_it_is_shown(
    preview: Preview, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    image = np.full((480, 640, 3), 128, dtype=np.uint8)
    preview.latest.show(scene(expression(), image=image))
    preview.keys.press("s")
    preview.keys.press("s")
    paths = sorted(tmp_path.iterdir())
    assert len(paths) == 2
    saved = cv2.imread(str(paths[0]))
    assert saved is not None
    assert saved.shape == image.shape
    assert (saved != image).any()
    assert preview.keys.text == f"saved as {paths[1].name}"


def test_a_saved_picture_is_its_owners_alone_and_is_noted_to_be_deleted_in_time(
    preview: Preview, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    preview.latest.show(scene(expression()))
    preview.keys.press("s")
    (path,) = tmp_path.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert preview.noted == [path]


def test_what_is_hidden_is_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    preview = Preview(PrivacyBlur.FRAME)
    preview.publish_status()
    preview.latest.show(scene(image=np.full((480, 640, 3), 128, dtype=np.uint8)))
    preview.keys.press("s")
    (path,) = tmp_path.iterdir()
    saved = cv2.imread(str(path))
    assert saved is not None
    assert (saved != 128).all()


def test_where_there_is_no_picture_none_is_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    preview = Preview()
    preview.publish_status()
    preview.keys.press("s")
    assert list(tmp_path.iterdir()) == []
    assert "there is no image to save" in preview.keys.text


def test_a_folder_that_cannot_be_written_into_is_told_of(
    preview: Preview, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    monkeypatch.setattr(Path, "cwd", lambda: gone)
    gone.rmdir()
    preview.keys.press("s")
    assert preview.keys.text == "not saved: No such file or directory"
