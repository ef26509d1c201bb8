"""The networks that the config names: they are whole, and this machine runs them."""

from collections.abc import Iterator

from edge.detect import AUTO_ORDER, AutoSettings, DetectorSettings, open_detector
from edge.doctor.result import CheckResult, Level
from edge.errors import ConfigError, ModelError
from edge.infer.classifier import ClassifierSettings, open_classifier
from edge.paths import find_model

CLASSIFIER, DETECTOR = "model", "detector"

REMEDIES = {
    ConfigError: "correct the config, or install what it names",
    ModelError: "install emotiond again, or name another model with its card",
}


def examine_classifier(settings: ClassifierSettings) -> Iterator[CheckResult]:
    """Load the model: its hash is the card's, its tensors are, and its runtime runs it."""
    try:
        card = open_classifier(settings).card
    except (ConfigError, ModelError) as error:
        yield CheckResult(Level.FAILURE, CLASSIFIER, str(error), REMEDIES[type(error)])
        return
    text = f"{find_model(settings.model)}: {card.name}, with the hash of its card"
    yield CheckResult(Level.OK, CLASSIFIER, f"{text}, {len(card.labels)} expressions")


def examine_detector(settings: DetectorSettings) -> Iterator[CheckResult]:
    """Open the detector; files that are published or shipped have their hash looked at."""
    if isinstance(settings, AutoSettings):
        yield from _examine_auto()
        return
    try:
        name = open_detector(settings).name
    except (ConfigError, ModelError) as error:
        yield CheckResult(Level.FAILURE, DETECTOR, str(error), REMEDIES[type(error)])
    else:
        yield CheckResult(Level.OK, DETECTOR, f"{name} can be used")


def _examine_auto() -> Iterator[CheckResult]:
    """Say which detector is at hand. The first is built in, so any other stands in for it."""
    missing: list[str] = []
    for kind in AUTO_ORDER:
        try:
            name = kind().open().name
        except (ConfigError, ModelError) as error:
            missing.append(str(error))
            continue
        text = f"auto takes {name}"
        if missing:
            why = f"{text}, which finds fewer faces: {missing[0]}"
            yield CheckResult(Level.WARNING, DETECTOR, why, "install emotiond again")
        else:
            yield CheckResult(Level.OK, DETECTOR, text)
        return
    yield CheckResult(Level.FAILURE, DETECTOR, "; ".join(missing), "install emotiond again")
