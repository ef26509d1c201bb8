"""Honest probabilities from a model's output."""

import numpy as np
from numpy.typing import NDArray


def softmax(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Turn logits (n, classes) into probabilities.

    A temperature above 1 makes an over-confident model more modest and never changes which class
    is the likeliest (temperature scaling, Guo et al. 2017, arXiv:1706.04599).
    """
    scaled = logits / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn logits of one yes or no into the probability of yes, float32 of the same shape."""
    # By way of tanh, which cannot overflow.
    return np.asarray(0.5 + 0.5 * np.tanh(logits / 2), dtype=np.float32)
