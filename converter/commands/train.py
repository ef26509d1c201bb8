"""Trainings of expression models: `emotiond-convert train`, and all in one, `make-model`."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from converter.commands.convert import write_models
from converter.commands.evaluate import print_checks
from converter.commands.options import (
    add_data,
    add_data_forms,
    clear_forced,
    load_data,
    require_extra,
    weighted_path,
    write_json,
)
from converter.data import Dataset, Usage
from converter.data.label_sets import LABEL_SETS, LabelProtocol
from converter.evaluate.predictor import open_tflite
from converter.recipes import Recipe, find_recipe, load_recipe
from converter.train import run_dir
from edge.capture.images import SUFFIXES
from edge.commands.common import add_subcommand
from edge.errors import DataError, ModelError

PRECISIONS = ("float32", "int8")
"""Models that `make-model` writes; the last is the one to use."""

STEPS = 4
"""Steps of `make-model`: inspect, train, quantize, evaluate."""


def add_commands(commands: Any) -> None:
    """Add the subcommands that train a network, and that make a model of faces in one go."""
    parser = add_subcommand(commands, "train", _train, "train a network by a recipe")
    parser.add_argument(
        "recipe", type=Path, help="a shipped one, such as quick or tiny, or a file, mine.yaml"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for network and log")
    _add_training_options(parser)
    add_data(parser)
    text = "make a model of labeled faces: inspect them, train, quantize, evaluate"
    parser = add_subcommand(commands, "make-model", _make_model, text)
    parser.add_argument(
        "data",
        nargs="+",
        type=weighted_path,
        metavar="DATA[@WEIGHT]",
        help="a csv or a folder of labeled faces, and how much each of its rows counts",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for all that is made")
    parser.add_argument(
        "--recipe", type=Path, default=Path("quick"), help="shipped, or a file; default: quick"
    )
    parser.add_argument("--name", help="of the models; default: the recipe's")
    add_data_forms(parser)
    _add_training_options(parser)


def _add_training_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--label-set", choices=sorted(LABEL_SETS), help="classes; default: the recipe's"
    )
    parser.add_argument(
        "--negatives", type=Path, help="folder of photographs in which there is no face"
    )
    parser.add_argument("--force", action="store_true", help="make anew what is finished")


def _train(options: argparse.Namespace) -> None:
    file, recipe = _recipe(options)
    negatives = _find_negatives(options.negatives)
    data = load_data(options)
    clear_forced(options)
    print(f"wrote {_train_chain(recipe, file, data, options.out, negatives)}")


def _recipe(options: argparse.Namespace) -> tuple[Path, Recipe]:
    """Return the recipe that the options name, and its file."""
    file = find_recipe(options.recipe)
    recipe = load_recipe(file, Recipe)
    label_set = options.label_set or recipe.label_set
    return file, msgspec.structs.replace(recipe, label_set=label_set)


def _find_negatives(root: Path | None) -> tuple[Path, ...]:
    if root is None:
        return ()
    found = sorted(file for file in root.rglob("*") if file.suffix.lower() in SUFFIXES)
    if not found:
        raise DataError(f"{root}: expected photographs, found none")
    return tuple(found)


def _train_chain(
    recipe: Recipe, file: Path, data: Dataset, out: Path, negatives: tuple[Path, ...]
) -> Path:
    """Train what the recipe builds on, where it is not yet trained beside `out`; then its network.

    That is the network it starts from, and its teachers.
    """
    training = require_extra("convert", "converter.train.classifier")
    loop = require_extra("convert", "converter.train.loop")
    planned: dict[Path, Recipe] = {}
    _plan(recipe, file, out, planned)
    faces = len(data.split(Usage.TRAINING))
    names = [directory.name for directory in planned]
    loop.announce(names, sum(_estimates(planned, faces)))
    for directory, one in planned.items():
        teachers = one.distillation.teachers if one.distillation else ()
        folders = tuple(directory.parent / name for name in teachers)
        training.train(one, data, directory, folders, negatives)
    return out / run_dir.MODEL


def _plan(recipe: Recipe, file: Path, out: Path, planned: dict[Path, Recipe]) -> None:
    """Add to `planned` the folder and the recipe of each training that is needed, in order."""
    teachers = recipe.distillation.teachers if recipe.distillation else ()
    for name in filter(None, (recipe.start, *teachers)):
        folder, beside = out.parent / name, file.with_name(f"{name}.yaml")
        if folder in planned or run_dir.is_finished(folder):
            continue
        first_file = beside if beside.exists() else find_recipe(Path(name))
        first = load_recipe(first_file, Recipe)
        first = msgspec.structs.replace(first, label_set=recipe.label_set)
        _plan(first, first_file, folder, planned)
    planned[out] = recipe


def _estimates(planned: Mapping[Path, Recipe], faces: int) -> Iterator[float]:
    """Yield about how many seconds each training takes, or what is left of it."""
    loop = require_extra("convert", "converter.train.loop")
    classifiers = require_extra("convert", "converter.models.classifiers")
    for directory, recipe in planned.items():
        epochs = recipe.epochs - run_dir.epochs_done(directory)
        yield loop.estimate_seconds(classifiers.new_network(recipe), epochs * faces)


def _make_model(options: argparse.Namespace) -> None:
    trained_model = require_extra("convert", "converter.quantize.trained_model")
    reports = require_extra("evaluate", "converter.evaluate.report")
    file, recipe = _recipe(options)
    negatives = _find_negatives(options.negatives)
    run = options.out / file.stem
    by_votes = recipe.votes_head > recipe.label_head
    name = options.name or file.stem
    with _step(1, "inspect the faces"):
        data = load_data(options)
        print_checks(data)
    print(f"2/{STEPS} train by the recipe {file.stem}")
    if options.force and run.exists():
        run_dir.remove_run_dir(run)
    if run_dir.is_finished(run) and run_dir.was_trained_by(run, recipe):
        print(f"{run}: was trained before")
    else:
        _train_chain(recipe, file, data, run, negatives)
    with _step(3, "quantize"):
        head = "votes" if by_votes else "logits"
        model = trained_model.load_run(run, data.split(Usage.TRAINING), head)
        best = options.out / f"{name}-int8.tflite"
        try:
            write_models(model, data, options.out, name, PRECISIONS, force=options.force)
        except ModelError as error:  # int8 lost too much; float32 is written all the same
            print(f"without int8: {error}")
            best = options.out / f"{name}-float32.tflite"
    with _step(4, "evaluate"):
        sealed = (data.usage == Usage.PRIVATE_TEST).any()
        usage = Usage.PRIVATE_TEST if sealed else Usage.PUBLIC_TEST
        protocol = LabelProtocol.FERPLUS if by_votes else LabelProtocol.LABELS
        report = reports.evaluate(open_tflite(best), data, usage, protocol)
        print(reports.summarize(report))
        write_json(options.out / f"{best.stem}-report.json", report)
    print("the daemon uses it with this line in its config:")
    print(f"classifier: {{model: {json.dumps(str(best.resolve()), ensure_ascii=False)}}}")


@contextmanager
def _step(number: int, text: str) -> Iterator[None]:
    """Name a step of `make-model`; a bar moves on a terminal until it is done."""
    print(f"{number}/{STEPS} {text}", flush=True)
    console = Console(file=sys.stderr)
    columns = TextColumn(text), BarColumn(), TimeElapsedColumn()
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        bar.add_task(text, total=None)
        yield
