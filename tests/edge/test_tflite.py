import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from edge.errors import ConfigError, ModelError
from edge.tflite import Runtime, TensorSpec, TFLiteModel, open_tflite, sigmoid, softmax
from tests.edge.infer.models import BRIGHTNESS, OVERFLOW, SHIPPED

CROP = np.random.default_rng(0).integers(0, 255, (1, 48, 48, 1), dtype=np.uint8)


def test_a_network_tells_its_shapes_and_types() -> None:
    network = TFLiteModel(SHIPPED, Runtime.LITERT)
    assert network.input == TensorSpec((1, 48, 48, 1), "uint8")
    forms = {TensorSpec((1, 8), "int8"), TensorSpec((1, 1), "int8")}
    assert set(network.outputs) == forms


def test_a_network_gives_every_output_in_the_order_it_tells_them() -> None:
    network = TFLiteModel(BRIGHTNESS, Runtime.LITERT)
    assert sorted(form.shape for form in network.outputs) == [(1, 1), (1, 3)]
    values = network.invoke(np.full((1, 48, 48, 1), 255, dtype=np.uint8))
    assert [value.shape for value in values] == [form.shape for form in network.outputs]
    assert max(value.max() for value in values) == pytest.approx(8, abs=0.1)


def test_integer_outputs_come_back_as_the_numbers_they_stand_for() -> None:
    for logits in TFLiteModel(SHIPPED, Runtime.LITERT).invoke(CROP):
        assert logits.dtype == np.float32
        assert not np.array_equal(logits, np.round(logits))


def test_infinite_outputs_are_an_error_that_names_the_file() -> None:
    network = TFLiteModel(OVERFLOW, Runtime.LITERT)
    assert network.invoke(np.full((1, 48, 48, 1), 200, dtype=np.float32))[0].tolist() == [[0, 0, 0]]
    with pytest.raises(
        ModelError, match=r"overflow\.tflite: expected .* finite .*, found infinity"
    ):
        network.invoke(np.full((1, 48, 48, 1), 255, dtype=np.float32))


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    path = tmp_path / "fake.tflite"
    path.write_bytes(b"nothing of use")
    with pytest.raises(ModelError, match=r"fake.tflite: is not a model"):
        TFLiteModel(path, Runtime.LITERT)


def test_tflite_runtime_gives_the_same_logits() -> None:
    if find_spec("tflite_runtime") is None:
        pytest.skip("tflite-runtime is not installed: it needs Python 3.11 and numpy 1")
    both = (TFLiteModel(SHIPPED, runtime).invoke(CROP) for runtime in Runtime)
    for ours, theirs in zip(*both, strict=True):
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).max() < 0.5


def test_a_runtime_that_is_not_installed_is_named_with_its_package() -> None:
    if find_spec("tflite_runtime") is not None:
        pytest.skip("tflite-runtime is installed")
    with pytest.raises(ConfigError, match="pip install tflite-runtime"):
        TFLiteModel(SHIPPED, Runtime.TFLITE_RUNTIME)


def test_a_network_opens_on_a_runtime_that_is_installed() -> None:
    (logits,) = (answer for answer in open_tflite(SHIPPED).invoke(CROP) if answer.shape[1] > 1)
    assert logits.shape == (1, 8)


def test_with_no_runtime_each_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("ai_edge_litert", "tflite_runtime"):
        monkeypatch.setitem(sys.modules, f"{module}.interpreter", None)
    with pytest.raises(
        ConfigError, match=r"pip install ai-edge-litert.*pip install tflite-runtime"
    ):
        open_tflite(SHIPPED)


def test_who_opens_one_file_shares_interpreters_of_which_there_are_as_many_as_processors() -> None:
    networks = [TFLiteModel(SHIPPED, Runtime.LITERT) for _ in range(6)]
    (expected, *_) = networks[0].invoke(CROP)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda one: networks[one % 6].invoke(CROP)[0], range(60)))
    for answer in answers:
        np.testing.assert_array_equal(answer, expected)
    (shared,) = {id(one._interpreters): one._interpreters for one in networks}.values()
    assert shared._idle.qsize() == len(os.sched_getaffinity(0))


def test_a_file_that_took_the_place_of_another_is_opened_anew(tmp_path: Path) -> None:
    path = tmp_path / "mine.tflite"
    shutil.copy(SHIPPED, path)
    before = TFLiteModel(path, Runtime.LITERT)
    path.unlink()
    shutil.copy(BRIGHTNESS, path)
    assert TFLiteModel(path, Runtime.LITERT).outputs != before.outputs


def test_softmax_of_equal_logits_is_even() -> None:
    assert softmax(np.zeros((2, 4), dtype=np.float32), 1.0) == pytest.approx(np.full((2, 4), 0.25))


def test_huge_logits_do_not_overflow() -> None:
    assert softmax(np.array([[1e4, 0.0]], dtype=np.float32), 1.0).tolist() == [[1.0, 0.0]]


def test_sigmoid_stays_between_0_and_1_however_large_the_logit() -> None:
    logits = np.array([-1e6, -2, 0, 2, 1e6], dtype=np.float32)
    assert sigmoid(logits).tolist() == pytest.approx([0, 0.1192, 0.5, 0.8808, 1], abs=1e-4)
