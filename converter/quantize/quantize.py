"""A network made into .tflite files with cards, each verified before it is written."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.data import EXPRESSIONS, Dataset, Usage
from converter.evaluate.predictor import resize
from converter.evaluate.selection import select
from converter.quantize.files import move, refuse_existing, write_card
from converter.quantize.latency import measure_speed
from converter.quantize.tflite import Precision, multiply_adds, representative, to_tflite
from converter.quantize.trained_model import Export
from converter.quantize.verify import (
    Conversion,
    Reference,
    losses,
    reference,
    slowness,
    verify,
)
from edge.errors import ConfigError, ModelError
from edge.fileio import sha256
from edge.model_card import FaceOutput, ModelCard, ModelInput, ModelOutput


@dataclass(frozen=True, slots=True)
class Target:
    """Which files are wanted, and where.

    Attributes:
        directory: it exists.
        name: what the models are called, without the precision.
        precisions: one model for each.
        force: write over existing files, and what verification would refuse.
    """

    directory: Path
    name: str
    precisions: tuple[Precision, ...] = (Precision.FLOAT32, Precision.INT8)
    force: bool = False

    def path(self, precision: Precision) -> Path:
        """Return where the model of that precision goes."""
        return self.directory / f"{self.name}-{precision}.tflite"


def quantize(export: Export, data: Dataset | None, target: Target) -> list[Conversion]:
    """Write the models that `target` asks for, each with its card, once all are verified.

    Args:
        export: what to convert.
        data: Training rows that show int8 its ranges, PublicTest rows to verify with; without it
            nothing is measured but the time.
        target: which files, and where.

    Raises:
        ConfigError: int8 is asked for without data, or Keras runs on another backend.
        ModelError: a file is there already, a model lost too much, or int8 is slower than float32;
            nothing was written.
    """
    _check(target, data)
    # A folder of its own: a conversion that fails half-way leaves nothing behind.
    with tempfile.TemporaryDirectory(dir=target.directory, prefix=".quantize-") as scratch:
        inside = replace(target, directory=Path(scratch))
        against = None if data is None else reference(export, data)
        found = _timed(inside, _convert_all(export, data, inside, against))
        problems = _problems(found, against)
        if problems and not target.force:
            raise ModelError("; ".join(problems) + "; --force takes it all the same")
        return [_move(found[one], inside.path(one), target.path(one)) for one in target.precisions]


def _check(target: Target, data: Dataset | None) -> None:
    if Precision.INT8 in target.precisions and data is None:
        raise ConfigError("int8 needs faces that show the range of its activations; give --data")
    if not target.force:
        for precision in target.precisions:
            refuse_existing(target.path(precision))


def _convert_all(
    export: Export, data: Dataset | None, inside: Target, against: Reference | None
) -> dict[Precision, Conversion]:
    """Convert to every precision asked for, and to float32 where int8 has to be no slower."""
    wanted = dict.fromkeys(inside.precisions)
    if Precision.INT8 in wanted:
        wanted = {Precision.FLOAT32: None, **wanted}
    found = {}
    for precision in wanted:
        path = inside.path(precision)
        path.write_bytes(_bytes(export, precision, data))
        card = describe(export, path, precision)
        found[precision] = Conversion(card) if against is None else verify(path, card, against)
    return found


def _bytes(export: Export, precision: Precision, data: Dataset | None) -> bytes:
    if precision is not Precision.INT8 or data is None:
        return to_tflite(export.network, precision, examples=None)
    training = data.split(Usage.TRAINING).faces()
    return to_tflite(export.network, precision, _examples(export, training))


def _examples(export: Export, training: Dataset) -> NDArray[np.uint8]:
    """Return representative faces, as many of each class, uint8 (n, side, side)."""
    if set(export.label_set.labels) & set(EXPRESSIONS):
        rows = select(training, Usage.TRAINING, export.protocol, export.label_set)
        return resize(representative(rows.pixels, rows.classes), export.side)
    return resize(representative(training.pixels, training.labels), export.side)


def describe(export: Export, path: Path, precision: Precision) -> ModelCard:
    """Return the card of the .tflite at `path`, its temperature and figures still to come."""
    whole = precision is Precision.INT8
    side = export.side
    leaving: Literal["int8", "float32"] = "int8" if whole else "float32"
    return ModelCard(
        name=path.stem,
        labels=export.label_set.labels,
        label_set=export.label_set_name,
        input=ModelInput((side, side, 1), "uint8" if whole else "float32", 1.0, 0.0, "grey"),
        output=ModelOutput(export.kind, leaving, temperature=1.0),
        face=FaceOutput(leaving, threshold=0.5) if export.tells_faces else None,
        sha256=sha256(path),
        size=path.stat().st_size,
        parameters=int(export.network.count_params()),
        multiply_adds=multiply_adds(export.network),
        training_data=export.training_data,
        measured=(),
        licence=export.licence,
        limits=export.limits,
    )


def _timed(inside: Target, found: dict[Precision, Conversion]) -> dict[Precision, Conversion]:
    """Complete the cards with the time of one face."""
    speeds = measure_speed([inside.path(precision) for precision in found])
    return {
        precision: replace(one, card=msgspec.structs.replace(one.card, speed=speed))
        for (precision, one), speed in zip(found.items(), speeds, strict=True)
    }


def _problems(found: dict[Precision, Conversion], against: Reference | None) -> list[str]:
    problems = []
    if against is not None:
        problems = [text for one in found.values() for text in losses(one, against)]
    if Precision.INT8 in found:
        full, small = found[Precision.FLOAT32].card, found[Precision.INT8].card
        problems += slowness(full, small)
    return problems


def _move(conversion: Conversion, source: Path, place: Path) -> Conversion:
    """Write the card beside the model in the scratch folder, then move both where they belong."""
    write_card(source, conversion.card)
    move(source, place)
    return conversion
