import pytest

keras = pytest.importorskip("keras", reason="training needs the extra `convert`")


def test_the_shallow_network_keeps_its_limits_and_gives_logits() -> None:
    from converter.networks import shallow
    from converter.quantization import multiply_adds

    network = shallow(7)
    assert network.count_params() <= 1_000_000
    assert multiply_adds(network) <= 60_000_000
    assert network.output_shape == (None, 7)
    assert not any("Softmax" in type(layer).__name__ for layer in network.layers)
