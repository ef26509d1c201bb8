from importlib.util import find_spec
from pathlib import Path

import pytest

from edge.detect.blazeface import (
    BlazeFace,
    BlazeFaceSettings,
    BlazeFaceVariant,
    MediaPipe,
    MediaPipeSettings,
)
from edge.errors import ConfigError
from tests.edge.detect.likeness import disagreements, pictures

installed = pytest.mark.skipif(
    find_spec("mediapipe") is None, reason="the extra mediapipe is not installed"
)


@pytest.mark.skipif(find_spec("mediapipe") is not None, reason="mediapipe is installed")
def test_where_the_package_is_missing_the_extra_is_named() -> None:
    with pytest.raises(ConfigError, match=r"pip install 'emotiond\[mediapipe\]'"):
        MediaPipe(MediaPipeSettings())


@installed
@pytest.mark.parametrize("variant", list(BlazeFaceVariant))
def test_its_own_graph_finds_the_faces_that_blazeface_finds(
    media: Path, blazeface: None, variant: BlazeFaceVariant
) -> None:
    theirs, ours = MediaPipe(MediaPipeSettings(variant)), BlazeFace(BlazeFaceSettings(variant))
    for name, image in pictures(media):
        assert disagreements(ours.detect(image), theirs.detect(image)) == [], name


@installed
def test_a_higher_confidence_leaves_the_doubtful_out(media: Path, blazeface: None) -> None:
    detector = MediaPipe(MediaPipeSettings(BlazeFaceVariant.SHORT, min_confidence=0.9))
    found = [face for _, image in pictures(media) for face in detector.detect(image)]
    assert found
    assert min(face.confidence for face in found) >= 0.9
