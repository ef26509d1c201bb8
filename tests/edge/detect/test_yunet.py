import math
import re
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.detect import open_detector
from edge.detect.yunet import YuNet, YuNetSettings
from edge.errors import ConfigError, ModelError
from edge.paths import find_model
from edge.types import Image


def test_one_face_with_its_landmarks_is_found_in_every_average_face(
    clip: list[Image], yunet: Path
) -> None:
    detector = open_detector(YuNetSettings(yunet))
    for image in clip:
        (face,) = detector.detect(image)
        assert face.points is not None
        assert face.points.right_eye.x < face.points.nose.x < face.points.left_eye.x
        assert face.points.nose.y < face.points.mouth.y < face.box.y2


@pytest.mark.parametrize("size", [(1280, 960), (321, 241), (240, 181)])
def test_boxes_are_pixels_of_the_frame_whatever_its_size(
    clip: list[Image], yunet: Path, size: tuple[int, int]
) -> None:
    detector = open_detector(YuNetSettings(yunet))
    (face,) = detector.detect(clip[0])
    (other,) = detector.detect(np.asarray(cv2.resize(clip[0], size), dtype=np.uint8))
    assert other.box.center.x / size[0] == pytest.approx(face.box.center.x / 640, abs=0.04)
    assert other.box.center.y / size[1] == pytest.approx(face.box.center.y / 480, abs=0.04)
    assert other.box.height / size[1] == pytest.approx(face.box.height / 480, rel=0.15)


@pytest.mark.parametrize("shape", [(1, 2000), (2000, 1), (1, 1), (3, 641)])
def test_any_shape_of_image_is_searched(yunet: Path, shape: tuple[int, int]) -> None:
    detector = open_detector(YuNetSettings(yunet))
    assert detector.detect(np.zeros((*shape, 3), dtype=np.uint8)) == []


def test_a_network_is_taken_from_the_model_directory_where_none_is_named(
    tmp_path: Path, yunet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    directory = tmp_path / "emotiond" / "models"
    directory.mkdir(parents=True)
    (directory / "yunet.onnx").symlink_to(yunet)
    assert YuNet(YuNetSettings()).name == "yunet"


def test_boxes_that_are_no_numbers_are_a_fault_of_the_network(
    clip: list[Image], yunet: Path, tmp_path: Path
) -> None:
    path, nan = tmp_path / "broken.onnx", struct.pack("<4f", *[math.nan] * 4)
    bias = rb"(bbox_head\.multi_level_bbox\.\d\.conv2\.biasJ\x10).{16}"
    content, count = re.subn(
        bias, lambda found: found[1] + nan, yunet.read_bytes(), flags=re.DOTALL
    )
    assert count == 3
    path.write_bytes(content)
    detector = YuNet(YuNetSettings(path))
    with pytest.raises(ModelError, match=r"broken\.onnx: expected .* finite numbers, found nan"):
        detector.detect(clip[0])


def test_a_missing_network_is_asked_for_by_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with pytest.raises(ConfigError, match=r"emotiond/models/yunet\.onnx is not there"):
        YuNet(YuNetSettings())
    with pytest.raises(ConfigError, match=r"mine\.onnx is not there"):
        YuNet(YuNetSettings(tmp_path / "mine.onnx"))


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.onnx").write_bytes(b"no network")
    with pytest.raises(ModelError, match=r"mine\.onnx: OpenCV cannot read it"):
        YuNet(YuNetSettings(tmp_path / "mine.onnx"))


def test_an_onnx_file_without_a_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.onnx").write_bytes(b"\x08\x07")
    with pytest.raises(ModelError, match=r"mine\.onnx: "):
        YuNet(YuNetSettings(tmp_path / "mine.onnx"))


def test_a_network_that_is_not_yunet_is_refused() -> None:
    with pytest.raises(ModelError, match=r"shallow-int8\.tflite: "):
        YuNet(YuNetSettings(find_model(Path("shallow-int8"))))


@pytest.mark.parametrize("name", ["x" * 300, "/dev/null/deep.onnx"])
def test_a_name_that_can_be_no_file_is_not_there(name: str) -> None:
    with pytest.raises(ConfigError, match="is not there"):
        YuNet(YuNetSettings(Path(name)))
