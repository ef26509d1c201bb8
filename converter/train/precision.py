"""The precision that networks are built and trained in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import keras

BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}
"""Instruction sets, as /proc/cpuinfo names them, without which bfloat16 is emulated: a step of
`shallow` then takes many times as long as in float32."""


def use_precision(dtype: Literal["auto", "mixed_bfloat16", "float32"]) -> None:
    """Set Keras' global precision; "auto" is mixed_bfloat16 on a CPU that computes in it."""
    if dtype == "auto":
        dtype = "mixed_bfloat16" if BFLOAT16_FLAGS & _cpu_flags() else "float32"
    keras.mixed_precision.set_global_policy(dtype)


def _cpu_flags() -> set[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    return set(next((line for line in lines if line.startswith("flags")), "").split())


@contextmanager
def in_float32() -> Iterator[None]:
    """Build layers in float32, whatever the training's own precision is: that is for it alone."""
    policy = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_global_policy("float32")
    try:
        yield
    finally:
        keras.mixed_precision.set_global_policy(policy)
