from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config import Config, parse_config
from edge.detect import AutoSettings
from edge.detect.blazeface import BlazeFaceSettings
from edge.detect.haar import HaarSettings
from edge.service.commands import Catalog, CommandError, SetDetector, SetModel, SetThresholds
from edge.service.controller import with_change

MODELS = {"shallow-int8": Path("shallow-int8"), "mine": Path("/models/mine.tflite")}
KINDS = ("auto", "builtin", "yunet", "haar")
CATALOG = Catalog(MODELS, KINDS)


def read(**data: object) -> Config:
    return parse_config(data, Path("/etc/emotiond/emotiond.yaml"))


def test_another_model_takes_the_place_of_the_configs() -> None:
    changed = with_change(SetModel("mine"), Config(), Config(), CATALOG)
    assert changed.classifier.model == Path("/models/mine.tflite")
    assert msgspec.structs.replace(changed, classifier=Config().classifier) == Config()


def test_a_baseline_is_of_the_configs_model_and_returns_with_it() -> None:
    config = read(classifier={"model": "shallow-int8", "neutral_baseline": "me.json"})
    other = with_change(SetModel("mine"), config, config, CATALOG)
    assert other.classifier.neutral_baseline is None
    assert with_change(SetModel("shallow-int8"), other, config, CATALOG) == config


def test_another_detector_is_set_plainly_and_the_configs_own_as_it_stands_there() -> None:
    config = read(detector={"kind": "haar", "width": 480})
    auto = with_change(SetDetector("auto"), config, config, CATALOG)
    assert auto.detector == AutoSettings()
    assert with_change(SetDetector("haar"), auto, config, CATALOG).detector == HaarSettings(
        width=480
    )


def test_thresholds_change_wherever_they_stand() -> None:
    config = read(detector={"kind": "blazeface", "tiles": 2})
    command = SetThresholds(face_threshold=0.4, min_confidence=0.5, min_size=30.0)
    changed = with_change(command, config, config, CATALOG)
    assert changed.classifier.face_threshold == 0.4
    assert changed.detector == BlazeFaceSettings(tiles=2, min_confidence=0.5)
    assert changed.quality.min_size == 30.0
    assert changed.quality.max_yaw == config.quality.max_yaw


@given(st.text(max_size=30))
def test_a_name_that_is_not_offered_is_refused(name: str) -> None:
    if name not in MODELS:
        with pytest.raises(CommandError, match="expected one of shallow-int8, mine"):
            with_change(SetModel(name), Config(), Config(), CATALOG)
    if name not in KINDS:
        with pytest.raises(CommandError, match="expected one of auto, builtin"):
            with_change(SetDetector(name), Config(), Config(), CATALOG)
