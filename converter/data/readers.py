"""Readers of sets of images: each finds the images of a set and what they are labeled as."""

import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from converter.data.csv_files import DOWNLOAD_AGAIN, read_csv
from converter.data.dataset import VOTE_COLUMNS, Usage, split_by_name
from converter.data.images import NO_VOTES, LabeledImage
from converter.data.label_sets import find_expression
from edge.errors import DataError
from edge.geometry import Box
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

CKPLUS_PEAK = 3
"""Last frames of a sequence that are taken to show its expression, as CK+48 has them."""

Found = TypeVar("Found")

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


@dataclass(frozen=True, slots=True)
class SetFiles:
    """Folder and files of a set, as its reader needs them.

    Attributes:
        root: its folder.
        marked: the files that tell its layout.
        images: all images in the folder.
        pattern: of a line in a list, or of the name of an image; its groups are what they tell.
        example: what fits the pattern, for the errors.
    """

    root: Path
    marked: Sequence[Path]
    images: Sequence[Path]
    pattern: str
    example: str

    def parse_name(self, path: Path) -> dict[str, str]:
        """Return what the name of an image tells, in capitals; DataError where it is another."""
        found = re.fullmatch(self.pattern, path.name, re.IGNORECASE)
        if found is None:
            raise DataError(
                f"{path}: expected a name such as {self.example}; rename it or take it out"
            )
        return {group: (text or "").upper() for group, text in found.groupdict().items()}


def read_lists(files: SetFiles) -> Iterator[LabeledImage]:
    """Read text files with a line for each face; an image is found by its name alone.

    The groups of a line are image, label or votes, split, and the edges of a box.
    """
    by_name = {path.name: path for path in files.images}
    usages = _usages(file.parent.name for file in files.marked)
    for file in files.marked:
        for number, text in enumerate(read_lines(file), 1):
            found = re.fullmatch(files.pattern, text)
            if found is None:
                raise DataError(
                    f"{file}: line {number}: expected a line such as {files.example}, "
                    f"found {text!r}; {DOWNLOAD_AGAIN}"
                )
            row = found.groupdict()
            aligned = row["image"].replace(".", "_aligned.")  # as RAF-DB calls the faces it cut out
            votes = tuple(map(float, row["votes"].split(","))) if "votes" in row else None
            edges = [float(row[edge]) for edge in ("left", "top", "right", "bottom") if edge in row]
            yield LabeledImage(
                by_name.get(aligned) or _listed(by_name, row["image"], f"{file}: line {number}"),
                VOTE_COLUMNS[int(np.argmax(votes))] if votes else row["label"],
                SPLITS[row["split"]] if "split" in row else usages[file.parent.name],
                box=Box(*edges) if edges else None,
                votes=votes or NO_VOTES,
            )


def read_names(files: SetFiles) -> Iterator[LabeledImage]:
    """Read images whose names tell subject and label."""
    for path in files.images:
        told = files.parse_name(path)
        yield LabeledImage(path, told["label"], subject=told["subject"])


def read_affectnet(files: SetFiles) -> Iterator[LabeledImage]:
    """Read SPLIT/annotations/1_exp.npy, each the label of SPLIT/images/1.jpg."""
    known = {str(path.with_suffix("")): path for path in files.images}
    usages = _usages(file.parent.parent.name for file in files.marked)
    for file in files.marked:
        try:
            label = str(np.load(file).item())  # a text, as it is published
        except (OSError, ValueError, EOFError) as error:
            raise DataError(
                f"{file}: expected one label, found {error}; {DOWNLOAD_AGAIN}"
            ) from error
        folder = file.parent.parent
        stem = str(folder / "images" / file.name.removesuffix("_exp.npy"))
        yield LabeledImage(_listed(known, stem, str(file)), label, usages[folder.name])


def read_affectnet_table(files: SetFiles) -> Iterator[LabeledImage]:
    """Read Kaggle's labels.csv, which corrects what the folders of its images say."""
    known = {str(path): path for path in files.images}
    for table in files.marked:
        for row in read_csv(table, ("pth", "label")):
            label, place = row.texts["label"], str(table.parent / row.texts["pth"])
            path = _listed(known, place, f"{table}: row {row.line}")
            yield LabeledImage(path, find_expression(label) or label)


def read_ckplus(files: SetFiles) -> Iterator[LabeledImage]:
    """Read sequences of frames, from a neutral face to the one that *_emotion.txt labels.

    The first frame is taken as neutral, and the last three as labeled. Sequences without a label
    are passed over, as CK+ says of them that they show no clear expression.
    """
    sequences: dict[str, list[Path]] = defaultdict(list)
    for path in files.images:
        sequences[path.name[:8]].append(path)
    for file in files.marked:
        name, text = file.name[:8], " ".join(read_lines(file))
        try:
            label = str(int(float(text)))
        except ValueError as error:
            raise DataError(
                f"{file}: expected a label such as {files.example}, found {text!r}; "
                f"{DOWNLOAD_AGAIN}"
            ) from error
        neutral, *frames = _listed(sequences, name, str(file))
        yield LabeledImage(neutral, "0", subject=name[:4])
        for path in frames[-CKPLUS_PEAK:]:
            yield LabeledImage(path, label, subject=name[:4])


def read_folders(files: SetFiles) -> Iterator[LabeledImage]:
    """Read CLASS/IMAGE or SPLIT/CLASS/IMAGE, classes by name or number.

    The split is told by the image's name (PublicTest_123.jpg), else by the folder above the class
    folder, else by the hash of the name. Where the names tell the subject, it is split by that.
    """
    folders = _class_folders(files)
    usages = _usages(split for split, _ in folders)
    classes = _classes(files.root, {folder.name for _, folder in folders})
    for (split, folder), paths in folders.items():
        label = classes[folder.name]
        if label is None:
            raise DataError(
                f"{folder}: expected a class folder ({', '.join(EXPRESSIONS)}) or a split folder "
                f"({', '.join(sorted(SPLITS))}), found {folder.name!r}; rename it, take it "
                "out, or give the folder that holds the labels of the set too"
            )
        for path in paths:
            told = FER2013_NAME.fullmatch(path.name)
            usage = Usage(told[1]) if told else usages[split]
            subject = files.parse_name(path)["subject"] if files.pattern else ""
            yield LabeledImage(path, label, usage or split_by_name(f"{label}/{path.name}"), subject)


def _class_folders(files: SetFiles) -> dict[tuple[str, Path], list[Path]]:
    """Return the images of each class folder, by the name of its split folder, if any, and path."""
    root = files.root
    while len(tops := {path.relative_to(root).parts[:-1][:1] for path in files.images}) == 1:
        top = "".join(tops.pop())
        if not top or top.isdecimal() or top.lower() in SPLITS or find_expression(top):
            break
        root /= top  # what an archive was unpacked into
    folders: dict[tuple[str, Path], list[Path]] = defaultdict(list)
    for path in files.images:
        above = path.relative_to(root).parts[:-1]
        split = above[0] if above and above[0].lower() in SPLITS else ""
        depth = 2 if split else 1
        if len(above) < depth:
            raise DataError(
                f"{path}: lies outside of the class folders; move it into one, or give the "
                "folder that holds the labels of the set too"
            )
        folders[split, Path(root, *above[:depth])].append(path)
    parents = {root, *(folder.parent for _, folder in folders)}
    filled = parents | {folder for _, folder in folders}
    for parent in parents:
        for below in sorted(parent.iterdir()):
            if below.is_dir() and not below.name.startswith(".") and below not in filled:
                raise DataError(
                    f"{below}: expected images of a class, found none; fill or remove it"
                )
    return folders


def _classes(root: Path, names: set[str]) -> Codes:
    """Return the expression of each class folder; None for an unknown one.

    Numbers are read in the order of the set that the folder is called after, or else of the one
    set whose numbers they are, all of them.
    """
    if not all(name.isdecimal() for name in names):
        return {name: find_expression(name) for name in names}
    title, numbers = root.resolve().name.lower(), {str(int(name)) for name in names}
    called = [source for source in NUMBERINGS if source.partition("-")[0].lower() in title]
    fitting = [source for source in called if numbers <= NUMBERINGS[source].keys()]
    fitting += [source for source, codes in NUMBERINGS.items() if numbers == codes.keys()]
    if not fitting:
        raise DataError(
            f"{root}: expected class folders 1 to 7 as RAF-DB has them, 0 to 7 (AffectNet) or 0 to "
            f"6 (FER2013), found {', '.join(sorted(names))}; rename them after their classes"
        )
    codes = NUMBERINGS[fitting[0]]
    order = ", ".join(f"{number} {codes[number]}" for number in sorted(numbers))
    log.warning(f"{root}: class folders are read in the order of {fitting[0]}: {order}")
    return {name: codes[str(int(name))] for name in names}


def _usages(folders: Iterable[str]) -> dict[str, Usage | None]:
    """Return the split that each folder's name tells; None where it tells none."""
    names = {folder: folder.lower() for folder in folders}
    usages = {folder: SPLITS.get(name) for folder, name in names.items()}
    if VALIDATION & set(names.values()):
        usages |= {folder: Usage.PRIVATE_TEST for folder, name in names.items() if name in TEST}
    return usages


def read_lines(path: Path) -> list[str]:
    """Return the lines of a text file, one at least; DataError where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig").splitlines() or [""]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as text: {error}; {DOWNLOAD_AGAIN}") from error


def _listed(images: Mapping[str, Found], name: str, where: str) -> Found:
    if name not in images:
        raise DataError(
            f"{where}: expected {name} among the images of the set, found none; unpack all of "
            "them, and give the folder that holds both labels and images"
        )
    return images[name]
