"""Neutral baseline: corrects a model for the neutral face of one person, one number a class."""

from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np

from edge.errors import CalibrationError, ConfigError, ModelError
from edge.fileio import atomic_write
from edge.model_card import ModelCard, Sha256
from edge.types import Probabilities

NEUTRAL = "neutral"

ALLOWED_SHARES = {"sad": 0.2}
OTHER_SHARE = 0.1
"""Share of its neutral probability that a neutral face may get for another class.

These are what `shallow-fer2013-int8` says of PublicTest's neutral faces (geometric means: sad 0.21,
angry 0.11, fear 0.10, happy 0.08, the others less); an unbiased face is hardly corrected.
"""

MAX_FACTOR = 4.0
"""Factor by which a class is lowered at most, however unusual the person's face."""

MIN_PROBABILITY = 1e-4
"""Probability that stands for any lower one: zeros have no logarithm."""

Weight = Annotated[float, msgspec.Meta(ge=-float(np.log(MAX_FACTOR)), le=0.0)]


class NeutralBaseline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Correction of the classes' prior (Saerens et al. 2002, doi:10.1162/089976602753284446).

    Each class's probability is multiplied by exp(weight), and all are scaled to sum to 1 again.

    Attributes:
        model: name of the model that answered.
        sha256: of its file; the weights mean nothing to another model.
        labels: its classes.
        crops: how many of its answers were averaged.
        weights: one for each label; 0 leaves a class as it is.
    """

    model: str
    sha256: Sha256
    labels: tuple[str, ...]
    crops: Annotated[int, msgspec.Meta(ge=1)]
    weights: tuple[Weight, ...]

    def __post_init__(self) -> None:
        if len(self.weights) != len(self.labels):
            raise ValueError("Expected as many `weights` as `labels`")

    def correct(self, probabilities: Probabilities) -> Probabilities:
        """Return corrected probabilities, float32 (n, classes)."""
        weighted = probabilities * np.exp(np.array(self.weights, dtype=np.float32))
        return np.asarray(weighted / weighted.sum(axis=1, keepdims=True), dtype=np.float32)


def check_neutral(card: ModelCard) -> None:
    """Check that a model has a class for neutral faces.

    Raises:
        ModelError: it has none.
    """
    if NEUTRAL not in card.labels:
        raise ModelError(
            f"{card.name}: expected a model with the label {NEUTRAL}, found "
            f"{', '.join(card.labels)}; calibrate one that knows neutral faces"
        )


def fit_baseline(card: ModelCard, answers: Probabilities) -> NeutralBaseline:
    """Return the correction after which a person's neutral face reads as neutral.

    The answers are averaged. Each class that gets more than its share beside neutral is lowered to
    that share; none is ever raised.

    Args:
        card: of the model that answered, which has a class for neutral faces.
        answers: its probabilities for one person's neutral face, float32 (n, classes).
    """
    allowed = np.array([ALLOWED_SHARES.get(label, OTHER_SHARE) for label in card.labels])
    mean = np.log(np.maximum(answers.astype(float), MIN_PROBABILITY)).mean(axis=0)
    beside_neutral = mean - mean[card.labels.index(NEUTRAL)]
    weights = np.clip(np.log(allowed) - beside_neutral, -np.log(MAX_FACTOR), 0.0)
    weights[card.labels.index(NEUTRAL)] = 0.0
    # Towards zero, so that none lies beyond the limit.
    rounded = np.ceil(weights * 1e4) / 1e4 + 0.0
    return NeutralBaseline(
        card.name, card.sha256, card.labels, len(answers), tuple(rounded.tolist())
    )


def load_baseline(path: Path, card: ModelCard) -> NeutralBaseline:
    """Read a baseline that was made with exactly the model of `card`.

    Raises:
        ConfigError: it cannot be read, is malformed, or was made with another model.
    """
    remedy = "; make it again with `emotiond calibrate`"
    try:
        baseline = msgspec.json.decode(path.read_bytes(), type=NeutralBaseline)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}{remedy}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not a baseline: {error}{remedy}") from error
    if (baseline.sha256, baseline.labels) != (card.sha256, card.labels):
        raise ConfigError(
            f"{path}: expected a baseline of {card.name} (sha256 {card.sha256[:8]}), "
            f"found one of {baseline.model} ({baseline.sha256[:8]}){remedy}"
        )
    return baseline


def check_writable(path: Path) -> None:
    """Check that a baseline can be written, before somebody sits still for it.

    Raises:
        CalibrationError: its folder is missing, or its path is something else than a file.
    """
    if not path.parent.is_dir():
        raise CalibrationError(f"{path}: cannot be written: there is no folder {path.parent}")
    if path.exists() and not path.is_file():
        raise CalibrationError(f"{path}: cannot be written: it is there, and not a file")


def write_baseline(path: Path, baseline: NeutralBaseline) -> None:
    """Write a baseline atomically.

    Raises:
        CalibrationError: the file cannot be written.
    """
    text = msgspec.json.format(msgspec.json.encode(baseline), indent=2) + b"\n"
    try:
        atomic_write(path, text)
    except OSError as error:
        raise CalibrationError(f"{path}: cannot be written: {error.strerror}") from error
