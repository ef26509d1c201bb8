"""Images in class folders: CLASS/IMAGE or SPLIT/CLASS/IMAGE, classes by name or number."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from converter.data.dataset import Usage, split_by_name
from converter.data.images import LabeledImage, find_folders
from converter.data.label_sets import find_expression
from edge.errors import DataError
from edge.types import EXPRESSIONS

log = logging.getLogger(__name__)

VALIDATION = frozenset({"val", "valid", "validation", "val_set", "fer2013valid"})
TEST = frozenset({"test", "test_set", "fer2013test"})

SPLITS = {
    **dict.fromkeys(("train", "training", "train_set", "fer2013train"), Usage.TRAINING),
    **dict.fromkeys((*VALIDATION, *TEST, "public", "publictest"), Usage.PUBLIC_TEST),
    **dict.fromkeys(("private", "privatetest"), Usage.PRIVATE_TEST),
}
"""The split that the name of a folder tells; `TEST` beside `VALIDATION` is PrivateTest."""

FER2013_NAME = re.compile(r"(Training|PublicTest|PrivateTest)_\d+\..+")
"""Names of the images in FER2013 as folders: they tell the split that Kaggle's csv gives."""

Codes = Mapping[str, str | None]
"""The expression that each code of a set stands for; None for what is left out."""


def number_codes(names: Iterable[str], first: int = 0) -> dict[str, str]:
    """Return the names by their numbers, written as texts."""
    return {str(number): name for number, name in enumerate(names, first)}


FER2013 = number_codes(EXPRESSIONS[:7])
AFFECTNET = number_codes(
    ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt")
)
RAF_DB = number_codes(("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral"), 1)
NUMBERINGS = {"RAF-DB": RAF_DB, "AffectNet": AFFECTNET, "FER2013": FER2013}
"""The classes that numbers stand for, by set."""

OTHER_LABELS = "or give the folder that holds the labels of the set too"


def read_class_folders(
    root: Path, images: Sequence[Path], subject: Callable[[Path], str]
) -> Iterator[LabeledImage]:
    """Yield the images below `root` with the expressions that folders above them are called after.

    The split is told by the image's name (PublicTest_123.jpg), else by a folder above it, else by
    the hash of the name. Where names tell the subject, it is split by that.
    """
    filled = {folder for path in images for folder in path.parents}
    for below in find_folders(root):
        if below not in filled:
            raise DataError(f"{below}: expected images of a class, found none; fill or remove it")
    places = [path.relative_to(root).parts[:-1] for path in images]
    usages = split_usages(name for above in places for name in above)
    expressions = {name: find_expression(name) for name in usages}
    if not any(expressions.values()):
        expressions |= _numbered(root, {name for name in usages if name.isdecimal()})
    for path, above in zip(images, places, strict=True):
        label = next(filter(None, map(expressions.get, above)), None)
        if label is None:
            raise DataError(
                f"{path}: lies outside of the class folders ({', '.join(EXPRESSIONS)}); move it "
                f"into one, rename its folder, {OTHER_LABELS}"
            )
        told = FER2013_NAME.fullmatch(path.name)
        known = Usage(told[1]) if told else next(filter(None, map(usages.get, above)), None)
        usage = known or split_by_name(f"{label}/{path.name}")
        yield LabeledImage(path, label, usage, subject(path))


def split_usages(folders: Iterable[str]) -> dict[str, Usage | None]:
    """Return the split that each folder's name tells; None where it tells none."""
    names = {folder: folder.lower() for folder in folders}
    usages = {folder: SPLITS.get(name) for folder, name in names.items()}
    if VALIDATION & set(names.values()):
        usages |= {folder: Usage.PRIVATE_TEST for folder, name in names.items() if name in TEST}
    return usages


def _numbered(root: Path, names: set[str]) -> Codes:
    """Return the expressions of numbered class folders.

    They are in the order of the set that the folder is called after, or else of the one set whose
    numbers they are, all of them.
    """
    title, numbers = root.resolve().name.lower(), {str(int(name)) for name in names}
    called = [source for source in NUMBERINGS if source.partition("-")[0].lower() in title]
    fitting = [source for source in called if numbers <= NUMBERINGS[source].keys()]
    fitting += [source for source, codes in NUMBERINGS.items() if numbers == codes.keys()]
    if not fitting:
        raise DataError(
            f"{root}: expected class folders called after {', '.join(EXPRESSIONS)}, or 1 to 7 as "
            "RAF-DB has them, 0 to 7 (AffectNet) or 0 to 6 (FER2013), found "
            f"{', '.join(sorted(names)) or 'none'}; rename them after their classes, {OTHER_LABELS}"
        )
    codes = NUMBERINGS[fitting[0]]
    order = ", ".join(f"{number} {codes[number]}" for number in sorted(numbers))
    log.warning(f"{root}: class folders are read in the order of {fitting[0]}: {order}")
    return {name: codes[str(int(name))] for name in names}
