import pytest

keras = pytest.importorskip("keras", reason="training needs the extra `convert`")


def _size(name: str) -> tuple[int, int]:
    """Parameters and multiply-adds of the network as it is shipped: expression and face."""
    from converter.models import NETWORKS
    from converter.quantize.tflite import multiply_adds

    whole = NETWORKS[name](7)
    network = keras.Model(whole.input, [whole.output["logits"], whole.output["face"]])
    return network.count_params(), multiply_adds(network)


def test_the_shallow_network_keeps_its_limits() -> None:
    parameters, work = _size("shallow")
    assert parameters <= 1_000_000
    assert work <= 60_000_000


def test_the_tiny_network_keeps_its_limit() -> None:
    assert _size("tiny")[0] <= 100_000


@pytest.mark.parametrize("name", ["shallow", "tiny"])
def test_the_small_networks_are_plain_3x3_convolutions(name: str) -> None:
    from converter.models import NETWORKS

    kernels = {
        layer.kernel.shape[:2]
        for layer in NETWORKS[name](7).layers
        if isinstance(layer, keras.layers.Conv2D)
    }
    assert kernels == {(3, 3)}


@pytest.mark.parametrize("name", ["shallow", "tiny", "deep", "residual"])
def test_every_network_takes_grey_values_and_gives_three_logits(name: str) -> None:
    from converter.models import NETWORKS

    network = NETWORKS[name](5)
    assert network.input_shape == (None, 48, 48, 1)
    assert {head: output.shape for head, output in network.output.items()} == {
        "logits": (None, 5),
        "votes": (None, 8),
        "face": (None, 1),
    }
    assert {output.dtype for output in network.output.values()} == {"float32"}
    assert "Softmax" not in {type(layer).__name__ for layer in network.layers}


def test_a_network_with_fused_normalisation_computes_the_same() -> None:
    import numpy as np

    from converter.models import NETWORKS
    from converter.train.loop import with_fused_normalization

    plain = NETWORKS["residual"](7)
    fused = with_fused_normalization(plain)
    fused.set_weights(plain.get_weights())
    faces = np.random.default_rng(0).uniform(0, 255, (4, 48, 48, 1)).astype(np.float32)
    for training in (False, True):
        keras.utils.set_random_seed(0)
        one = plain(faces, training=training)["face"]
        other = fused(faces, training=training)["face"]
        assert np.asarray(one) == pytest.approx(np.asarray(other), abs=2e-3)
    moved = zip(plain.get_weights(), fused.get_weights(), strict=True)
    assert all(np.allclose(one, other, rtol=2e-2, atol=2e-3) for one, other in moved)


@pytest.mark.parametrize("channels", [8, 24, 32])
def test_few_channels_are_normalised_by_neighboring_columns_nearly_alike(channels: int) -> None:
    import numpy as np

    from converter.train.loop import FusedBatchNormalization

    images = np.random.default_rng(0).normal(3, 2, (8, 40, 40, channels)).astype(np.float32)
    plain, fused = keras.layers.BatchNormalization(), FusedBatchNormalization()
    one, other = (np.asarray(layer(images, training=True)) for layer in (plain, fused))
    assert np.abs(one - other).max() < 0.1
    moved = zip(plain.get_weights(), fused.get_weights(), strict=True)
    assert all(np.allclose(one, other, rtol=1e-3) for one, other in moved)
