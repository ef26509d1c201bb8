"""Expression models: `emotiond-convert train`, `evaluate`, all in one (`make-model`), `inspect`."""

import argparse
import json
from pathlib import Path
from typing import Any

import msgspec

from converter.commands.convert import write_models
from converter.commands.options import add_data, clear_forced, load_data, write_report
from converter.data.dataset import ALL, Dataset, Usage, check_dataset
from converter.data.label_sets import LABEL_SETS, LabelProtocol
from converter.evaluate.predictor import open_keras, open_tflite
from converter.recipes import Recipe, find_recipe, load_recipe
from converter.train import run_dir
from edge.capture.images import SUFFIXES
from edge.commands.common import add_subcommand
from edge.errors import ConfigError, DataError, ModelError

Paths = tuple[Path, ...]


def add_commands(commands: Any) -> None:
    """Add the subcommands that train, make and measure models, and that check datasets."""
    parser = add_subcommand(commands, "train", _train, "train a network by a recipe")
    add = parser.add_argument
    add("recipe", type=Path, help="a shipped one, such as quick or tiny, or a file, mine.yaml")
    add("--out", type=Path, required=True, help="folder for network and log")
    _add_training_options(parser)
    add_data(parser)

    text = "make a model of labeled faces: inspect them, train, quantize, evaluate"
    parser = add_subcommand(commands, "make-model", _make_model, text)
    add = parser.add_argument
    add("--out", type=Path, required=True, help="folder for all that is made")
    add("--recipe", type=Path, default=Path("quick"), help="shipped, or a file; default: quick")
    add("--name", help="of the models; default: the recipe's")
    add_data(parser, positional=True)
    _add_training_options(parser)

    text = "measure a model: accuracy, calibration, confusion; a .tflite needs no TensorFlow"
    parser = add_subcommand(commands, "evaluate", _evaluate, text)
    add = parser.add_argument
    text = "a .tflite, a .keras, or the name of a shipped model"
    add("--model", type=Path, required=True, help=text)
    add("--labels", help="of a .keras without recipe.json: angry,happy,...")
    splits = *map(str, Usage), ALL
    add("--usage", choices=splits, default="PublicTest", help="split; default: %(default)s")
    text = "the truth: the data's labels, or the majority of FER+'s votes; default: %(default)s"
    add("--protocol", choices=("labels", "ferplus"), default="labels", help=text)
    add("--json", type=Path, help="file for the report")
    add("--plot", type=Path, help=".png of it; default: beside the report")
    add_data(parser)
    text = "count classes, copies and images of no face; needs no TensorFlow"
    add_data(add_subcommand(commands, "inspect", _inspect, text))


def _add_training_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--label-set", choices=sorted(LABEL_SETS), help="classes; default: the recipe's")
    add("--negatives", type=Path, help="folder of photographs in which there is no face")
    add("--force", action="store_true", help="make anew what is finished")


def _train(options: argparse.Namespace) -> None:
    file, recipe = _recipe(options)
    negatives = _find_negatives(options.negatives)
    data = load_data(options)
    clear_forced(options, options.out)
    _train_chain(recipe, file, data, options.out, negatives)
    print(f"wrote {options.out / run_dir.MODEL}")


def _recipe(options: argparse.Namespace) -> tuple[Path, Recipe]:
    file = find_recipe(options.recipe)
    recipe = load_recipe(file, Recipe)
    return file, msgspec.structs.replace(recipe, label_set=options.label_set or recipe.label_set)


def _find_negatives(root: Path | None) -> Paths:
    files = sorted(root.rglob("*")) if root else []
    found = tuple(file for file in files if file.suffix.lower() in SUFFIXES)
    if root and not found:
        raise DataError(f"{root}: expected photographs, found none")
    return found


def _train_chain(recipe: Recipe, file: Path, data: Dataset, out: Path, negatives: Paths) -> None:
    """Train what the recipe starts from, and its teachers, where they are not yet; then its own."""
    from converter.models import new_network
    from converter.train import classifier, loop

    planned: dict[Path, Recipe] = {}
    _plan(recipe, file, out, planned)
    seconds, faces = 0.0, len(data.split(Usage.TRAINING))
    for directory, one in planned.items():
        epochs = one.epochs - run_dir.epochs_done(directory)
        seconds += loop.estimate_seconds(new_network(one), epochs * faces)
    loop.announce([directory.name for directory in planned], seconds)
    for directory, one in planned.items():
        teachers = one.distillation.teachers if one.distillation else ()
        folders = tuple(directory.parent / name for name in teachers)
        classifier.train(one, data, directory, folders, negatives)


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


def _make_model(options: argparse.Namespace) -> None:
    from converter.evaluate import report as reports
    from converter.quantize.trained_model import load_run

    file, recipe = _recipe(options)
    negatives = _find_negatives(options.negatives)
    run, name = options.out / file.stem, options.name or file.stem
    by_votes = recipe.votes_head > recipe.label_head
    print("1/4 inspect the faces", flush=True)
    data = load_data(options)
    print(*check_dataset(data), sep="\n")
    print(f"2/4 train by the recipe {file.stem}")
    clear_forced(options, run)
    if run_dir.is_finished(run) and run_dir.was_trained_by(run, recipe):
        print(f"{run}: was trained before")
    else:
        _train_chain(recipe, file, data, run, negatives)
    print("3/4 quantize", flush=True)
    model = load_run(run, data.split(Usage.TRAINING), "votes" if by_votes else "logits")
    best, precisions = options.out / f"{name}-int8.tflite", ("float32", "int8")
    try:
        write_models(model, data, options.out, name, precisions, force=options.force)
    except ModelError as error:  # int8 lost too much; float32 is written all the same
        print(f"without int8: {error}")
        best = options.out / f"{name}-float32.tflite"
    print("4/4 evaluate", flush=True)
    sealed = (data.usage == Usage.PRIVATE_TEST).any()
    usage = Usage.PRIVATE_TEST if sealed else Usage.PUBLIC_TEST
    protocol: LabelProtocol = "ferplus" if by_votes else "labels"
    report = reports.evaluate(open_tflite(best), data, usage, protocol)
    print(reports.summarize(report))
    write_report(options.out / f"{best.stem}-report.json", report)
    print("the daemon uses it with this line in its config:")
    print(f"classifier: {{model: {json.dumps(str(best.resolve()), ensure_ascii=False)}}}")


def _evaluate(options: argparse.Namespace) -> None:
    from converter.evaluate import report as reports

    if options.model.suffix == ".keras":
        predictor = open_keras(options.model, options.labels and tuple(options.labels.split(",")))
    elif options.labels:
        raise ConfigError("--labels is for a .keras alone; a .tflite has its labels in its card")
    else:
        predictor = open_tflite(options.model)
    report = reports.evaluate(predictor, load_data(options), options.usage, options.protocol)
    print(reports.summarize(report))
    if options.json:
        write_report(options.json, report)
    if plot := options.plot or (options.json and options.json.with_suffix(".png")):
        from converter.evaluate import plots

        plot.parent.mkdir(parents=True, exist_ok=True)
        plots.draw_report(report, plot)
        print(f"wrote {plot}")


def _inspect(options: argparse.Namespace) -> None:
    print(*check_dataset(load_data(options)), sep="\n")
