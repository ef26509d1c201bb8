"""The layers of the daemon, read off its imports: no module imports one of a layer above its own."""

import ast
from collections.abc import Iterator
from pathlib import Path

import edge

LAYERS = (
    "errors types geometry zones schedule processes paths secrets metrics terminal config_errors tflite model_card pipeline.worker",
    "capture detect track infer",
    "service.commands",
    "publish",
    "view",
    "config config_values",
    "pipeline",
    "service offline",
    "doctor commands cli __main__",
)
"""From the lowest; a module is of the longest name that its own begins with. The settings of sinks
and views lie beside their classes, so that the config is above them."""

LAYER_OF = {name: layer for layer, names in enumerate(LAYERS) for name in names.split()}
FREE = ("bench", "__init__")  # benchmarks may import everything, the package only when asked
NO_MODULES = {"__version__"}


def imports() -> Iterator[tuple[str, str]]:
    """Yield the names below `edge` of each module and of what it imports."""
    root = Path(edge.__file__).parent
    for path in sorted(root.rglob("*.py")):
        name = ".".join(path.relative_to(root).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith("edge."):
                whole = (f"{node.module}.{one.name}" for one in node.names)
                yield from ((name, one.removeprefix("edge.")) for one in whole)


def layer(name: str) -> int:
    return max(
        (key.count("."), at) for key, at in LAYER_OF.items() if f"{name}.".startswith(f"{key}.")
    )[1]


def test_no_module_imports_one_of_a_layer_above_its_own() -> None:
    pairs = [pair for pair in imports() if not pair[0].startswith(FREE)]
    pairs = [pair for pair in pairs if pair[1] not in NO_MODULES]
    assert len(pairs) > 300
    above = [
        pair for pair in pairs if pair[1].startswith("bench") or layer(pair[0]) < layer(pair[1])
    ]
    assert above == [pair for pair in above if pair[0] == "commands.bench"]
