"""Batch normalisations folded into the convolutions before them."""

from typing import Any

import keras
import numpy as np
from keras import layers

from converter.networks.classifiers import Model


def fold(network: Model) -> Model:
    """Return the same function with each batch normalisation folded into the convolution before it.

    int8 rounds the folded weights, so those are what has to be trained. Dropouts, which do nothing
    at inference, become identities.
    """
    pairs = _pairs(network)

    def plain(layer: Any) -> Any:
        if layer.name in pairs or isinstance(layer, layers.Dropout):
            return layers.Identity(name=layer.name)
        config = layer.get_config()
        if layer.name in {convolution.name for convolution in pairs.values()}:
            config["use_bias"] = True
        return type(layer).from_config(config)

    folded = keras.models.clone_model(network, clone_function=plain, call_function=_call)
    merged = {
        convolution.name: _merged(network, pairs, convolution) for convolution in pairs.values()
    }
    for layer in folded.layers:
        if layer.weights:
            own = network.get_layer(layer.name).get_weights()
            layer.set_weights(merged.get(layer.name, own))
        if isinstance(layer, layers.BatchNormalization):  # one with no convolution before it
            layer.trainable = False
    return folded


def _call(layer: Any, *inputs: Any, **_: Any) -> Any:
    # An identity does not take the mask that a normalisation was called with.
    return layer(*inputs)


def _pairs(network: Model) -> dict[str, Any]:
    """Return, by the name of each normalisation, the convolution whose only reader it is."""
    makers = {id(layer.output): layer for layer in network.layers}
    read = [id(tensor) for layer in network.layers for tensor in _inputs(layer)]
    found = {}
    for layer in network.layers:
        if isinstance(layer, layers.BatchNormalization):
            maker = makers.get(id(layer.input))
            plain = (
                isinstance(maker, layers.Conv2D) and maker.activation is keras.activations.linear
            )
            if plain and read.count(id(layer.input)) == 1:
                found[layer.name] = maker
    return found


def _inputs(layer: Any) -> list[Any]:
    return [] if isinstance(layer, layers.InputLayer) else keras.tree.flatten(layer.input)


def _merged(network: Model, pairs: dict[str, Any], convolution: Any) -> list[Any]:
    """Return kernel and bias of a convolution and its normalisation in one."""
    name = next(name for name, maker in pairs.items() if maker is convolution)
    norm = network.get_layer(name)
    mean, variance = np.array(norm.moving_mean), np.array(norm.moving_variance)
    gamma = np.array(norm.gamma) if norm.scale else np.ones_like(mean)
    beta = np.array(norm.beta) if norm.center else np.zeros_like(mean)
    scale = gamma / np.sqrt(variance + norm.epsilon)
    bias = np.array(convolution.bias) if convolution.use_bias else np.zeros_like(mean)
    return [np.array(convolution.kernel) * scale, beta + (bias - mean) * scale]
