"""Networks that compute in integers alone, as compilers for Edge TPUs and the like ask."""

from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

INTEGERS = {"int8", "uint8", "int32"}
"""Types of an integer network's tensors: values, and biases and shapes."""


def is_integer_only(path: Path) -> bool:
    """Tell whether every operation of a .tflite file takes and gives integers."""
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES  # which would hide operations
    network = Interpreter(str(path), experimental_op_resolver_type=plain)
    types = {one["index"]: np.dtype(one["dtype"]).name for one in network.get_tensor_details()}
    used = (
        index
        for operation in network._get_ops_details()
        for index in (*operation["inputs"], *operation["outputs"])
        if index >= 0  # one that may be left out, and is
    )
    return all(types[index] in INTEGERS for index in used)


def integer_note(*folders: Path) -> str:
    """Return a paragraph on which networks of the folders compute in integers alone."""
    files = (path for folder in folders for path in sorted(folder.glob("*.tflite")))
    names = [f"`{path.stem}`" for path in files if is_integer_only(path)]
    if not names:
        return ""
    return (
        f"Every operation of {', '.join(names)} takes and gives integers, as compilers for other\n"
        "hardware ask, such as that for Edge TPUs. None was tried on such hardware.\n"
    )
