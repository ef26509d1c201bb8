from pathlib import Path

import cv2
import numpy as np
import pytest

from converter.data import Dataset, open_dataset
from edge.commands.demo import CLIP
from edge.errors import DataError
from edge.infer.classifier import ClassifierSettings, open_classifier
from tests.converter.faces import LABELS, dataset, write_csv
from tools.make_demo_clip import average_faces, daemon_score, main, write_clip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return dataset(tmp_path_factory.mktemp("data"))


def test_each_average_face_is_symmetrical_with_even_light(data: Dataset) -> None:
    faces = average_faces(data, daemon_score(open_classifier(ClassifierSettings())))
    assert tuple(faces) == LABELS
    for face in faces.values():
        assert np.abs(face - face[:, ::-1]).max() < 1e-4
        assert face.mean() == pytest.approx(0, abs=1e-4)
        assert face.std() == pytest.approx(1, abs=1e-4)


def test_without_votes_there_are_no_average_faces(tmp_path: Path) -> None:
    faces, _ = write_csv(tmp_path)
    with pytest.raises(DataError, match="give --votes"):
        average_faces(open_dataset(faces), lambda face, label: 0.0)


def test_the_clip_is_a_video_of_about_twenty_seconds(data: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_clip(data, path)
    capture = cv2.VideoCapture(str(path))
    assert capture.get(cv2.CAP_PROP_FPS) == 25
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) / 25 == pytest.approx(19, abs=1)
    assert capture.read()[1].shape == (480, 640, 3)


def test_the_command_writes_the_clip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    faces, votes = write_csv(tmp_path)
    clip = tmp_path / "clip.mp4"
    assert main(["--data", str(faces), "--votes", str(votes), "--out", str(clip)]) == 0
    assert clip.stat().st_size > 10_000
    assert "clip.mp4" in capsys.readouterr().out


def test_a_clip_that_cannot_be_written_is_named(data: Dataset, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written"):
        write_clip(data, tmp_path / "none" / "clip.mp4")


def test_the_shipped_clip_is_small() -> None:
    assert CLIP.stat().st_size < 500_000
