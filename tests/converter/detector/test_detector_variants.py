from pathlib import Path

import pytest

from converter.detector.evaluate import available_variants, parse_variant
from edge.detect.haar import HaarSettings
from edge.detect.yunet import YuNetSettings
from edge.errors import ConfigError


def test_every_kind_of_detector_is_compared_and_the_one_that_stands_for_another_is_not() -> None:
    missing: list[str] = []
    names = [variant.name for variant in available_variants(missing.append)]
    assert "haar" in names
    assert "auto" not in names
    text = "".join(missing)
    assert all(kind in names or f"without {kind}: " in text for kind in ("yunet", "mediapipe"))


def test_a_detector_is_asked_for_by_its_kind_or_by_its_settings() -> None:
    assert parse_variant("haar").settings == HaarSettings()
    wide = parse_variant("{kind: haar, width: 640}")
    assert (wide.name, wide.settings) == ("haar, width 640", HaarSettings(width=640))


def test_paths_are_from_here_and_tables_do_not_tell_where_that_is() -> None:
    variant = parse_variant("{kind: yunet, model: some/where/face.onnx}")
    assert variant.name == "yunet, model face.onnx"
    assert isinstance(variant.settings, YuNetSettings)
    assert variant.settings.model == Path("some/where/face.onnx")


@pytest.mark.parametrize("text", ["hair", "{kind: haar, wdth: 3}", "{kind: [", "[haar]", "3"])
def test_what_is_no_detector_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--detector"):
        parse_variant(text)
