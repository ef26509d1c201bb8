"""Files that travel with emotiond: its models and the default configuration."""

from contextlib import suppress
from pathlib import Path

from edge.errors import ModelError

_PACKAGE = Path(__file__).parent


def asset(name: str) -> Path:
    """Return `name` from the installed package, or from the checkout it runs in."""
    installed = _PACKAGE / "assets" / name
    return installed if installed.exists() else _PACKAGE.parent / name


def find_model(model: Path) -> Path:
    """Return the .tflite file that `model` means.

    Args:
        model: the path of a .tflite file, or the bare name of a model shipped with emotiond.

    Raises:
        ModelError: there is no such file or no such name.
    """
    bare = model.parent == Path() and model.suffix != ".tflite"
    path = asset("models") / f"{model.name}.tflite" if bare else model
    with suppress(OSError):  # a name too long is no file either
        if path.is_file():
            return path
    shipped = sorted(file.stem for file in asset("models").glob("*.tflite"))
    raise ModelError(
        f"{path}: no such model; give a path ending in .tflite or one of {', '.join(shipped)}"
    )
