from pathlib import Path

import pytest

from converter.detection.detector_variants import kinds, parse_contender
from edge.detect import HaarSettings, YuNetSettings
from edge.errors import ConfigError


def test_every_kind_of_detector_is_compared_and_the_one_that_stands_for_another_is_not() -> None:
    assert "haar" in kinds()
    assert "auto" not in kinds()


def test_a_detector_is_asked_for_by_its_kind_or_by_its_settings() -> None:
    assert parse_contender("haar").config.detector == HaarSettings()
    wide = parse_contender("{kind: haar, width: 640}")
    assert (wide.name, wide.config.detector) == ("haar, width 640", HaarSettings(width=640))


def test_paths_are_from_here_and_tables_do_not_tell_where_that_is() -> None:
    contender = parse_contender("{kind: yunet, model: some/where/face.onnx}")
    assert contender.name == "yunet, model face.onnx"
    assert isinstance(contender.config.detector, YuNetSettings)
    assert contender.config.detector.model == Path("some/where/face.onnx")


@pytest.mark.parametrize("text", ["hair", "{kind: haar, wdth: 3}", "{kind: [", "[haar]", "3"])
def test_what_is_no_detector_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--detector"):
        parse_contender(text)
