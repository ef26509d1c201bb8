from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from edge.detect import open_detector
from edge.detect.haar import HaarSettings
from edge.errors import ConfigError, EmotiondError, ModelError
from edge.infer.calibration import (
    Calibrator,
    fit_baseline,
    fit_expressions,
    learn_expressions,
    write_baseline,
)
from edge.infer.classifier import (
    ClassifierSettings,
    ModelPath,
    NeutralBaseline,
    classifier_digest,
    load_baseline,
    open_classifier,
)
from edge.infer.crop import QualitySettings
from edge.model_card import ModelCard, load_card
from edge.types import Image, Probabilities
from tests.edge.cameras import FakeCamera
from tests.edge.infer.models import SHIPPED, copy_brightness, copy_model
from tests.edge.infer.test_crop import face_of


def calibrator(model: Path = Path("shallow-int8")) -> Calibrator:
    classifier = open_classifier(ClassifierSettings(ModelPath(model)))
    return Calibrator(open_detector(HaarSettings()), classifier, QualitySettings())


def collect(images: Sequence[Image], seconds: float = 20.0, fps: float = 10.0) -> dict[str, float]:
    """Return the weight of each class after `images`, and how many crops were used."""
    baseline = calibrator().collect(FakeCamera(images, fps=fps), seconds)
    known = dict(zip(baseline.labels, baseline.weights, strict=True))
    return {**known, "crops": baseline.crops}


def two(image: Image) -> Image:
    """Return an image of the same person twice, side by side."""
    small = cv2.resize(image, (320, 240), interpolation=cv2.INTER_AREA)
    return np.asarray(np.hstack([small, small]), dtype=np.uint8)


def test_the_class_that_a_face_is_taken_for_is_lowered(clip: list[Image]) -> None:
    known = collect([clip[4]] * 30)  # a happy face, whose owner claims to look neutral
    assert known["happy"] < -1
    assert known["neutral"] == 0


def test_a_neutral_face_changes_next_to_nothing(clip: list[Image]) -> None:
    known = collect([clip[0]] * 30)
    assert min(known.values()) > -0.7


def test_it_watches_for_the_time_it_was_told(clip: list[Image]) -> None:
    assert collect([clip[0]] * 100, seconds=3.0)["crops"] == 31


def test_frames_with_several_people_are_skipped(clip: list[Image]) -> None:
    assert collect([clip[0]] * 25 + [two(clip[4])] * 25)["crops"] == 25


def test_poor_crops_are_skipped(clip: list[Image]) -> None:
    dark = np.asarray(clip[0] * 0.2, dtype=np.uint8)
    assert collect([clip[0]] * 25 + [dark] * 25)["crops"] == 25


def test_too_few_looks_are_an_error_that_says_why(clip: list[Image]) -> None:
    empty = np.full((240, 320, 3), 90, dtype=np.uint8)
    with pytest.raises(EmotiondError) as caught:
        collect([clip[0]] * 19 + [two(clip[4])] * 3 + [empty] * 5)
    text = str(caught.value)
    assert "expected at least 20 good looks at one face, found 19" in text
    assert "5 without a face, 3 with several faces; sit alone" in text
    assert "\n" not in text


def test_a_model_without_neutral_faces_is_refused(tmp_path: Path) -> None:
    brightness = calibrator(copy_brightness(tmp_path))
    with pytest.raises(ModelError, match="expected a model with the label neutral, found day"):
        brightness.collect(FakeCamera([]), 1.0)


CARD = load_card(SHIPPED, ModelCard)
SAD, NEUTRAL = CARD.labels.index("sad"), CARD.labels.index("neutral")


def answers(count: int = 5, **shares: float) -> Probabilities:
    """Return what a model says of a face `count` times; what is not given is shared equally."""
    rest = (1 - sum(shares.values())) / (len(CARD.labels) - len(shares))
    row = [shares.get(label, rest) for label in CARD.labels]
    return np.array([row] * count, dtype=np.float32)


def weights(baseline: NeutralBaseline) -> dict[str, float]:
    return dict(zip(baseline.labels, baseline.weights, strict=True))


def test_there_is_one_number_for_each_class_and_nothing_of_the_person() -> None:
    baseline = fit_baseline(CARD, answers(sad=0.5, neutral=0.3))
    assert len(baseline.weights) == len(CARD.labels)
    stored = {field.name for field in msgspec.structs.fields(NeutralBaseline)}
    assert stored == {"model", "sha256", "labels", "crops", "weights", "expressions"}
    assert baseline.expressions == ()
    assert (baseline.model, baseline.sha256, baseline.crops) == (CARD.name, CARD.sha256, 5)


def test_a_face_that_reads_as_neutral_is_not_corrected() -> None:
    assert set(fit_baseline(CARD, answers(neutral=0.8)).weights) == {0.0}


def test_a_neutral_face_taken_for_another_reads_as_neutral_afterwards() -> None:
    seen = answers(sad=0.45, neutral=0.35)
    baseline = fit_baseline(CARD, seen)
    assert weights(baseline)["sad"] < 0
    corrected = baseline.correct(seen)
    assert corrected.argmax(axis=1).tolist() == [NEUTRAL] * 5
    assert corrected[0, SAD] / corrected[0, NEUTRAL] == pytest.approx(0.45 / 0.35 / 4, abs=0.01)
    assert corrected.sum(axis=1) == pytest.approx(1)


def test_no_class_is_lowered_beyond_its_share_or_beyond_the_limit() -> None:
    light = fit_baseline(CARD, answers(sad=0.2, neutral=0.5)).correct(answers(sad=0.2, neutral=0.5))
    assert light[0, SAD] / light[0, NEUTRAL] == pytest.approx(0.2, abs=0.001)
    strange = fit_baseline(CARD, answers(sad=0.999, neutral=0.0))
    assert min(strange.weights) >= -np.log(4)


def test_neutral_is_never_changed_and_no_class_is_raised() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        seen = rng.dirichlet(np.full(len(CARD.labels), 0.3), 30).astype(np.float32)
        baseline = fit_baseline(CARD, seen)
        assert weights(baseline)["neutral"] == 0
        assert max(baseline.weights) <= 0


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    baseline = fit_baseline(CARD, answers(sad=0.5, neutral=0.3))
    write_baseline(tmp_path / "me.json", baseline)
    assert load_baseline(tmp_path / "me.json", CARD) == baseline
    assert [path.name for path in tmp_path.iterdir()] == ["me.json"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EmotiondError, match=r"gone/me.json: cannot be written: No such file"):
        write_baseline(tmp_path / "gone" / "me.json", fit_baseline(CARD, answers(neutral=0.8)))


def write(path: Path, card: ModelCard = CARD, **changes: Any) -> Path:
    """Write a baseline with `changes` to its fields."""
    fields = msgspec.to_builtins(fit_baseline(card, answers(neutral=0.8)))
    path.write_bytes(msgspec.json.encode({**fields, **changes}))
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sha256": "0" * 64}, "expected a baseline of shallow-int8"),
        ({"labels": ["a"] * 8}, "expected a baseline of shallow-int8"),
        ({"weights": [0.0] * 7}, "Expected as many `weights` as `labels`"),
        ({"weights": [5.0] * 8}, "is not a baseline"),
        ({"weights": [-9.0] * 8}, "is not a baseline"),
        ({"face": "x"}, "is not a baseline"),
        ({"expressions": [[0.0] * 8] * 8}, "Expected `expressions` of a row for each"),
        ({"expressions": [[99.0] * 8] * 9}, "is not a baseline"),
    ],
)
def test_a_baseline_that_is_not_of_this_model_is_one_line_with_the_remedy(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match="make it again with `emotiond calibrate`") as caught:
        load_baseline(write(tmp_path / "me.json", **changes), CARD)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"{"])
def test_a_file_that_is_no_baseline_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "me.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"me.json: is not a baseline"):
        load_baseline(path, CARD)
    with pytest.raises(ConfigError, match=r"gone.json: cannot be read: No such file"):
        load_baseline(tmp_path / "gone.json", CARD)


def test_a_classifier_corrects_what_it_says(tmp_path: Path, clip: list[Image]) -> None:
    lowered = [0.0] * len(CARD.labels)
    lowered[CARD.labels.index("happy")] = -float(np.log(4)) + 1e-6
    model = ModelPath(copy_model(tmp_path))
    path = write(tmp_path / "me.json", weights=lowered)
    plain = open_classifier(ClassifierSettings(model))
    corrected = open_classifier(ClassifierSettings(model, neutral_baseline=path))
    crop = face_of(clip[4])
    before, after = (one.classify([crop]).probabilities[0] for one in (plain, corrected))
    happy = CARD.labels.index("happy")
    assert after[happy] < before[happy]
    assert after.sum() == pytest.approx(1)
    assert after[SAD] / after[NEUTRAL] == pytest.approx(before[SAD] / before[NEUTRAL])


def test_a_classifier_is_not_opened_with_the_baseline_of_another_model(tmp_path: Path) -> None:
    path = write(tmp_path / "me.json", sha256="0" * 64)
    with pytest.raises(ConfigError, match="expected a baseline of shallow-int8"):
        open_classifier(ClassifierSettings(neutral_baseline=path))


class Person:
    """Somebody whose expressions the model mixes up as faces drawn at random from a seed.

    Each is what the model says of it, turned in the same way; `show` gives looks at one.
    """

    def __init__(self, seed: int, spread: float = 0.7) -> None:
        self._rng, count = np.random.default_rng(seed), len(CARD.labels)
        self._spread = spread
        self._turn = np.eye(count) + self._rng.normal(0, 0.45, (count, count))
        self._shift = self._rng.normal(0, 1.0, count)

    def show(self, label: str, count: int = 5) -> Probabilities:
        sure = 3.0 * np.eye(len(CARD.labels))[CARD.labels.index(label)]
        looks = sure + self._rng.normal(0, self._spread, (count, len(CARD.labels)))
        values = np.exp(looks @ self._turn + self._shift)
        return np.asarray(values / values.sum(axis=1, keepdims=True), np.float32)

    def everything(self, count: int = 5) -> dict[str, Probabilities]:
        return {label: self.show(label, count) for label in CARD.labels}


def balanced(answers: dict[str, Probabilities], baseline: NeutralBaseline | None = None) -> float:
    shares = []
    for label, said in answers.items():
        corrected = baseline.correct(said) if baseline else said
        shares.append((corrected.argmax(axis=1) == CARD.labels.index(label)).mean())
    return float(np.mean(shares))


def test_five_looks_a_class_make_other_looks_at_the_person_read_far_better() -> None:
    gains = []
    for seed in range(8):
        person = Person(seed)
        learned = learn_expressions(CARD, person.everything(), None)
        others = person.everything(40)
        gains.append(balanced(others, learned.baseline) - balanced(others))
        assert learned.looks == 40
        assert learned.after == pytest.approx(balanced(others, learned.baseline), abs=0.15)
        assert learned.before == pytest.approx(balanced(others), abs=0.15)
    assert np.mean(gains) > 0.1
    assert min(gains) > 0


def test_a_person_whom_the_model_reads_rightly_is_hardly_changed() -> None:
    seen = {label: answers(5, **{label: 0.89}) for label in CARD.labels}
    logarithms = np.log(np.concatenate([*seen.values()]))
    matrix = fit_expressions(logarithms, np.repeat(np.arange(8), 5))
    baseline = NeutralBaseline("a", "0" * 64, CARD.labels, 0, (0.0,) * 8, tuple(map(tuple, matrix)))
    for label, said in seen.items():
        assert baseline.correct(said)[0, CARD.labels.index(label)] == pytest.approx(0.89, abs=0.02)


def test_the_fewer_the_looks_the_smaller_is_the_correction() -> None:
    """Of a class with more or fewer looks than others it is the same: each counts alike."""
    person = Person(1)
    seen, classes = np.log(np.concatenate([*person.everything().values()])), np.repeat(range(8), 5)
    whole = fit_expressions(seen, classes)
    some = np.isin(classes, [3, 6])
    assert np.abs(fit_expressions(seen[some], classes[some])).sum() < np.abs(whole).sum() / 2
    twice = np.concatenate([np.arange(40), np.flatnonzero(classes == 3)])
    assert fit_expressions(seen[twice], classes[twice]) == pytest.approx(whole)


def test_a_class_that_was_not_shown_keeps_its_own_score() -> None:
    person = Person(2)
    shown = {label: person.show(label) for label in ("happy", "neutral", "sad")}
    learned = learn_expressions(CARD, shown, None)
    column = [row[CARD.labels.index("fear")] for row in learned.baseline.expressions]
    assert column == [0.0] * 9
    assert any(row[CARD.labels.index("sad")] for row in learned.baseline.expressions)


def test_what_is_known_of_the_neutral_face_stays_and_old_expressions_are_replaced() -> None:
    person = Person(3)
    known = fit_baseline(CARD, answers(sad=0.5, neutral=0.3))
    once = learn_expressions(CARD, person.everything(), known).baseline
    assert (once.weights, once.crops) == (known.weights, known.crops)
    assert learn_expressions(CARD, Person(4).everything(), known) == learn_expressions(
        CARD, Person(4).everything(), once
    )


def test_what_is_learned_takes_less_than_four_kilobytes_and_holds_no_picture(
    tmp_path: Path,
) -> None:
    baseline = learn_expressions(CARD, Person(5).everything(40), None).baseline
    write_baseline(tmp_path / "me.json", baseline)
    assert (tmp_path / "me.json").stat().st_size < 4096
    assert load_baseline(tmp_path / "me.json", CARD) == baseline
    assert [*map(len, baseline.expressions)] == [8] * 9


def test_looks_that_do_not_differ_teach_nothing_in_one_line() -> None:
    same = answers(5, happy=0.9)
    with pytest.raises(EmotiondError, match="expected expressions that differ more") as caught:
        learn_expressions(CARD, dict.fromkeys(("happy", "sad"), same), None)
    assert "\n" not in str(caught.value)


def test_each_expression_is_asked_for_and_looked_at_after_a_pause(clip: list[Image]) -> None:
    told: list[str] = []
    camera = FakeCamera([clip[0]] * 65 + [clip[4]] * 100)
    seen = calibrator().watch(camera, ["neutral", "happy"], told.append)
    assert told == ["neutral", "happy"]
    assert {label: len(one) for label, one in seen.items()} == {"neutral": 5, "happy": 5}
    for label, said in seen.items():
        assert set(said.argmax(axis=1)) == {CARD.labels.index(label)}


def test_an_expression_that_nobody_shows_is_one_line(clip: list[Image]) -> None:
    empty = np.full((240, 320, 3), 90, dtype=np.uint8)
    camera = FakeCamera([clip[0]] * 65 + [empty] * 200)
    with pytest.raises(EmotiondError) as caught:
        calibrator().watch(camera, ["neutral", "happy"], lambda label: None)
    assert "happy: expected at least 5 good looks at one face, found 0, 21 without a face" in str(
        caught.value
    )


def test_a_classifier_corrects_by_expressions_too(tmp_path: Path, clip: list[Image]) -> None:
    matrix = np.zeros((9, 8))
    matrix[8, SAD] = 5.0
    model = ModelPath(copy_model(tmp_path))
    path = write(tmp_path / "me.json", expressions=matrix.tolist())
    corrected = open_classifier(ClassifierSettings(model, neutral_baseline=path))
    assert corrected.classify([face_of(clip[4])]).probabilities.argmax() == SAD


def test_what_was_learned_anew_is_another_classifier_at_a_reload(tmp_path: Path) -> None:
    settings = ClassifierSettings(neutral_baseline=write(tmp_path / "me.json"))
    before = classifier_digest(settings)
    write_baseline(tmp_path / "me.json", learn_expressions(CARD, Person(6).everything(), None)[0])
    assert classifier_digest(settings) != before
