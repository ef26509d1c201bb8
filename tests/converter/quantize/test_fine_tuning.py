from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from converter.data import Usage
from tests.converter.faces import dataset

pytest.importorskip("tensorflow", reason="conversion needs the extra `convert`")

import keras

from converter.quantize.fine_tuning import fine_tuned
from converter.quantize.folding import fold
from converter.quantize.tflite import Precision, to_tflite
from converter.quantize.trained_model import Export, open_run
from edge.tflite import Runtime, TFLiteModel
from tests.converter.runs import write_run


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Export:
    directory = tmp_path_factory.mktemp("run")
    data = dataset(directory)
    return open_run(write_run(directory, data), data.split(Usage.TRAINING))


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> NDArray[np.uint8]:
    return dataset(tmp_path_factory.mktemp("data")).pixels


def logits(network: Any, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray(network.predict(faces[..., None].astype(np.float32), verbose=0)[0])


def test_folding_changes_no_answer_and_leaves_no_normalisation(
    export: Export, faces: NDArray[np.uint8]
) -> None:
    folded = fold(export.network)
    assert np.abs(logits(folded, faces) - logits(export.network, faces)).max() < 1e-3
    kinds = {type(layer) for layer in folded.layers}
    assert not kinds & {keras.layers.BatchNormalization, keras.layers.Dropout}


def test_a_normalisation_whose_convolution_is_read_twice_stays() -> None:
    image = keras.Input((8, 8, 1))
    twice = keras.layers.Conv2D(2, 3)(image)
    normal = keras.layers.BatchNormalization(name="stays")(twice)
    network = keras.Model(image, keras.layers.Add()([twice, normal]))
    assert isinstance(fold(network).get_layer("stays"), keras.layers.BatchNormalization)


def test_a_fine_tuned_network_stays_nearer_to_itself_in_int8(
    export: Export, faces: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory
) -> None:
    own = logits(export.network, faces)

    def error(network: Any) -> float:
        path = tmp_path_factory.mktemp("model") / "int8.tflite"
        path.write_bytes(to_tflite(network, Precision.INT8, faces))
        model = TFLiteModel(path, Runtime.LITERT)
        answers = [max(model.invoke(face[None, ..., None]), key=np.size) for face in faces]
        return float(np.square(np.concatenate(answers) - own).mean())

    assert error(fine_tuned(export.network, faces)) < 0.7 * error(export.network)


def test_fine_tuning_leaves_the_network_as_it_was(export: Export, faces: NDArray[np.uint8]) -> None:
    before = logits(export.network, faces)
    fine_tuned(export.network, faces, steps=2)
    assert np.array_equal(logits(export.network, faces), before)
