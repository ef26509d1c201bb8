"""Quantization: .tflite files with cards made of a network, each verified before it is written."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.data import EXPRESSIONS, Dataset, Usage
from converter.data.label_sets import select_rows
from converter.evaluate.predictor import resize
from converter.quantize.tflite import (
    Precision,
    measure_speed,
    move,
    multiply_adds,
    refuse_existing,
    representative,
    to_tflite,
    write_card,
)
from converter.quantize.trained_model import TrainedModel
from converter.quantize.verify import (
    ConversionResult,
    FloatReference,
    compare_speed,
    float_reference,
    verify,
)
from edge.errors import ConfigError
from edge.model_card import FaceOutput, ModelCard, ModelInput, ModelOutput
from edge.paths import sha256

Results = dict[Precision, ConversionResult]


@dataclass(frozen=True, slots=True)
class Target:
    """Files to write, and their folder.

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


def quantize(model: TrainedModel, data: Dataset | None, target: Target) -> list[ConversionResult]:
    """Write the models that `target` asks for, each with its card, once all are verified.

    One in which verification found problems is written only by force.

    Args:
        model: what to convert.
        data: Training rows that show int8 its ranges, PublicTest rows to verify with; without it
            nothing is measured but the time.
        target: which files, and where.

    Raises:
        ConfigError: int8 is asked for without data, or Keras runs on another backend.
        ModelError: a file is there already, or an answer is NaN or infinite; nothing was written.
    """
    if Precision.INT8 in target.precisions and data is None:
        raise ConfigError("int8 needs faces that show the range of its activations; give --data")
    if not target.force:
        for precision in target.precisions:
            refuse_existing(target.path(precision))
    # A folder of its own: a conversion that fails half-way leaves nothing behind.
    with tempfile.TemporaryDirectory(dir=target.directory, prefix=".quantize-") as scratch:
        inside = replace(target, directory=Path(scratch))
        reference = None if data is None else float_reference(model, data)
        results = _timed(inside, _convert_all(model, data, inside, reference))
        written = [results[precision] for precision in target.precisions]
        for precision, one in zip(target.precisions, written, strict=True):
            if target.force or not one.problems:
                write_card(inside.path(precision), one.card)
                move(inside.path(precision), target.path(precision))
        return written


def describe(model: TrainedModel, path: Path, precision: Precision) -> ModelCard:
    """Return the card of the .tflite at `path`, its temperature and metrics still to come."""
    integers = precision is Precision.INT8
    side = model.side
    output: Literal["int8", "float32"] = "int8" if integers else "float32"
    return ModelCard(
        name=path.stem,
        labels=model.label_set.labels,
        label_set=model.label_set_name,
        input=ModelInput((side, side, 1), "uint8" if integers else "float32", 1.0, 0.0, "gray"),
        output=ModelOutput(model.kind, output, temperature=1.0),
        face=FaceOutput(output, threshold=0.5) if model.has_face_output else None,
        sha256=sha256(path),
        size=path.stat().st_size,
        parameters=int(model.network.count_params()),
        multiply_adds=multiply_adds(model.network),
        training_data=model.training_data,
        measured=(),
        licence=model.license,
        limits=model.limits,
    )


def _convert_all(
    model: TrainedModel, data: Dataset | None, inside: Target, reference: FloatReference | None
) -> Results:
    """Convert to every precision asked for, and to float32 where int8 is compared with it."""
    wanted = dict.fromkeys(inside.precisions)
    if Precision.INT8 in wanted:
        wanted = {Precision.FLOAT32: None, **wanted}
    results = {}
    for precision in wanted:
        path, examples = inside.path(precision), None
        if precision is Precision.INT8 and data is not None:
            examples = _representative_faces(model, data)
        path.write_bytes(to_tflite(model.network, precision, examples))
        card = describe(model, path, precision)
        results[precision] = (
            ConversionResult(card) if reference is None else verify(path, card, reference)
        )
    return results


def _representative_faces(model: TrainedModel, data: Dataset) -> NDArray[np.uint8]:
    """Return the same number of Training faces of each class, uint8 (n, side, side)."""
    training = data.split(Usage.TRAINING).without_non_faces()
    if set(model.label_set.labels) & set(EXPRESSIONS):
        rows = select_rows(training, Usage.TRAINING, model.protocol, model.label_set)
        return resize(representative(rows.pixels, rows.classes), model.side)
    return resize(representative(training.pixels, training.labels), model.side)


def _timed(inside: Target, results: Results) -> Results:
    """Complete the cards with the time of one face, and say where int8 is slower than float32."""
    speeds = measure_speed([inside.path(precision) for precision in results])
    timed = {
        precision: replace(one, card=msgspec.structs.replace(one.card, speed=speed))
        for (precision, one), speed in zip(results.items(), speeds, strict=True)
    }
    if Precision.INT8 in timed:
        full, small = timed[Precision.FLOAT32], timed[Precision.INT8]
        timed[Precision.INT8] = replace(small, note=compare_speed(full.card, small.card))
    return timed
