from typing import Any

import numpy as np
import pytest

from converter.recipes import DetectorRecipe, load_recipe
from edge.detect.builtin import cells
from edge.types import Image
from tests.conftest import ROOT

keras = pytest.importorskip("keras", reason="training needs the extra `convert`")

from converter.models import OUTPUTS, copy_weights, detector  # noqa: E402

STRIDES = (8, 16, 32)
SIZES = [(240, 320), (120, 160), (64, 96)]


@pytest.fixture(scope="module")
def networks() -> dict[tuple[int, int], Any]:
    """Networks for pictures of several sizes, all of the same weights."""
    keras.mixed_precision.set_global_policy("float32")
    keras.utils.set_random_seed(1)
    made = {size: detector(*size) for size in SIZES}
    for layer in made[240, 320].layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, *others = layer.get_weights()
            rng = np.random.default_rng(len(layer.name))
            layer.set_weights([rng.uniform(0.5, 1.5, gamma.shape), *others])
    for size in SIZES[1:]:
        copy_weights(made[240, 320], made[size])
    return made


def _answer(network: Any, *spots: tuple[int, int]) -> dict[str, np.ndarray]:
    """Return the answer to a black picture with a spot of noise at some places, x and y."""
    _, height, width, _ = network.input_shape
    picture = np.zeros((1, height, width, 3), np.uint8)
    for x, y in spots:
        picture[0, y : y + 24, x : x + 32] = _noise()[..., None]
    answer: dict[str, np.ndarray] = network.predict(picture, verbose=0)
    return {name: value[0] for name, value in answer.items()}


def _noise() -> Image:
    return np.random.default_rng(5).integers(0, 256, (24, 32), dtype=np.uint8)


def _places(size: tuple[int, int]) -> list[tuple[int, int, int]]:
    """Return the stride of each cell, and where it lies."""
    return [
        (int(stride), int(x * stride), int(y * stride))
        for x, y, stride in cells(size, STRIDES).tolist()
    ]


def test_the_network_keeps_its_limits() -> None:
    from converter.quantize.tflite import multiply_adds

    network = detector(240, 320)
    assert network.count_params() <= 100_000
    assert multiply_adds(network) <= 100_000_000


def test_the_shipped_recipe_is_for_a_picture_of_320x240() -> None:
    recipe = load_recipe(ROOT / "converter" / "recipes" / "detector.yaml", DetectorRecipe)
    assert (recipe.height, recipe.width) == SIZES[0]


@pytest.mark.parametrize("size", [*SIZES, (72, 104), (40, 56)], ids=str)
def test_it_answers_by_as_many_cells_as_the_daemon_reads(size: tuple[int, int]) -> None:
    network = detector(*size)
    count = len(cells(size, STRIDES))
    assert network.input_shape == (None, *size, 3)
    assert {name: output.shape for name, output in network.output.items()} == {
        name: (None, count, numbers) for name, numbers in OUTPUTS.items()
    }
    assert {output.dtype for output in network.output.values()} == {"float32"}


def test_the_same_weights_answer_alike_at_the_same_places_whatever_the_size(
    networks: dict[tuple[int, int], Any],
) -> None:
    """The picture in the top left corner, as the daemon lays it, and all else black."""
    large, small = (
        dict(
            zip(
                _places(size),
                zip(*_answer(networks[size], (0, 0)).values(), strict=True),
                strict=True,
            )
        )
        for size in SIZES[:2]
    )
    near = [place for place in small if max(place[1:]) <= 64]
    assert {stride for stride, *_ in near} == set(STRIDES)
    for place in near:
        for one, other in zip(large[place], small[place], strict=True):
            assert one == pytest.approx(other, abs=1e-4)
    assert len({float(large[place][0][0]) for place in near}) > len(near) / 2


def test_cells_go_stride_by_stride_and_row_by_row(
    networks: dict[tuple[int, int], Any],
) -> None:
    """What moves by 32 pixels across and 64 down is told of by the cells that lie there."""
    places = _places((240, 320))
    number = {place: index for index, place in enumerate(places)}
    one = _answer(networks[240, 320], (128, 64))["scores"][:, 0]
    other = _answer(networks[240, 320], (160, 128))["scores"][:, 0]
    quiet = _answer(networks[240, 320])["scores"][:, 0]
    told = [
        index
        for index, (_, x, y) in enumerate(places)
        if 96 <= x <= 192 and 32 <= y <= 112 and abs(one[index] - quiet[index]) > 1e-3
    ]
    assert len(told) > 50
    for index in told:
        stride, x, y = places[index]
        assert other[number[stride, x + 32, y + 64]] == pytest.approx(one[index], abs=1e-4)


def test_weights_are_copied_layer_by_layer_by_name(
    networks: dict[tuple[int, int], Any],
) -> None:
    source, target = networks[240, 320], networks[64, 96]
    assert len(source.weights) == len(target.weights)
    for layer in source.layers:
        for one, other in zip(
            layer.get_weights(),
            target.get_layer(layer.name).get_weights() if layer.weights else [],
            strict=True,
        ):
            assert np.array_equal(one, other)


def test_its_convolutions_are_plain_3x3_but_where_grids_are_joined_and_read() -> None:
    convolutions = [
        layer for layer in detector(64, 96).layers if isinstance(layer, keras.layers.Conv2D)
    ]
    assert {type(layer) for layer in convolutions} == {keras.layers.Conv2D}
    single = {layer.name for layer in convolutions if layer.kernel_size == (1, 1)}
    assert single == {
        *(f"{name}_head" for name in OUTPUTS),
        *(f"{grid}_{way}" for grid in ("fine", "middle") for way in ("above", "across")),
    }
    assert {layer.kernel_size for layer in convolutions} == {(1, 1), (3, 3)}


def test_a_new_network_is_sure_of_nowhere(networks: dict[tuple[int, int], Any]) -> None:
    scores = _answer(networks[120, 160])["scores"]
    assert scores == pytest.approx(-4.6)
