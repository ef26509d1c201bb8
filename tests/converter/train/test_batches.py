import msgspec
import numpy as np
import pytest

from converter.data import Dataset
from tests.converter.faces import dataset
from tests.converter.small import RECIPE

pytest.importorskip("keras", reason="training needs the extra `convert`")

UNEVEN = np.repeat([0, 1, 2], [100, 10, 60])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return dataset(tmp_path_factory.mktemp("data"), rows_per_label=16).split("Training")


def test_a_batch_depends_on_seed_epoch_and_index_alone(data: Dataset) -> None:
    from converter.train.classifier import Batches, TrainingSet

    first, again = (Batches(TrainingSet(data, RECIPE), RECIPE, None) for _ in range(2))
    again[0]
    assert np.array_equal(first[1][0], again[1][0])
    before = first[1][0]
    first.epoch = 1
    assert not np.array_equal(first[1][0], before)
    first.epoch = 0
    assert np.array_equal(first[1][0], before)


def test_an_epoch_shows_every_face_once(data: Dataset) -> None:
    from converter.train.classifier import Batches, TrainingSet

    recipe = msgspec.structs.replace(RECIPE, mixup=0.0, batch_size=12)
    batches = Batches(TrainingSet(data, recipe), recipe, None)
    labels = np.concatenate([batches[index][1]["logits"] for index in range(len(batches))])
    assert labels.sum(axis=0) == pytest.approx(np.bincount(data.labels))


def test_each_head_has_its_own_targets_and_weights(data: Dataset) -> None:
    from converter.train.classifier import Batches, TrainingSet

    faces, targets, weights = Batches(TrainingSet(data, RECIPE), RECIPE, None)[0]
    assert faces.shape == (16, 48, 48, 1)
    assert targets["logits"].shape == (16, 7)
    assert targets["votes"].shape == (16, 8)
    assert targets["votes"].sum(axis=1) == pytest.approx(np.ones(16), abs=1e-5)
    assert weights["logits"] == pytest.approx(np.ones(16))


def test_a_face_that_nobody_voted_on_teaches_the_votes_nothing(data: Dataset) -> None:
    from dataclasses import replace

    from converter.train.classifier import TrainingSet

    votes = data.votes.copy()
    votes[0] = 0
    weights = TrainingSet(replace(data, votes=votes), RECIPE).weights
    assert weights[0].tolist() == [1, 0]
    assert weights[1].tolist() == [1, 1]


def test_votes_are_demanded_where_a_recipe_learns_them(data: Dataset) -> None:
    from dataclasses import replace

    from converter.train.classifier import TrainingSet
    from edge.errors import DataError

    with pytest.raises(DataError, match="--votes"):
        TrainingSet(replace(data, votes=np.zeros_like(data.votes)), RECIPE)


def test_label_smoothing_leaves_a_share_to_the_other_classes(data: Dataset) -> None:
    from converter.train.classifier import TrainingSet

    targets = TrainingSet(data, msgspec.structs.replace(RECIPE, label_smoothing=0.14)).targets[
        :, :7
    ]
    assert targets.max() == pytest.approx(0.88)
    assert targets.min() == pytest.approx(0.02)


def test_teachers_have_their_share_of_the_target_of_ever_new_views(data: Dataset) -> None:
    from converter.recipes import Distillation
    from converter.train.classifier import Batches, TrainingSet

    how = Distillation(teachers=("a",), weight=0.75, views=2)
    recipe = msgspec.structs.replace(RECIPE, mixup=0.0, distillation=how)
    taught = np.eye(15, dtype=np.float32)[np.zeros(len(data), int)]
    batches = Batches(TrainingSet(data, recipe), recipe, taught)
    seen: set[bytes] = set()
    for epoch in range(how.views + 1):
        batches.epoch = epoch
        faces, targets, _ = batches[0]
        assert targets["logits"][:, 0].min() >= 0.75
        assert targets["logits"].sum(axis=1) == pytest.approx(np.ones(16))
        seen.update(face.tobytes() for face in faces)
    assert len(seen) == 16 * (how.views + 1)


def test_a_view_is_drawn_from_seed_and_number_alone(data: Dataset) -> None:
    from converter.train.classifier import TrainingSet

    faces, again = TrainingSet(data, RECIPE), TrainingSet(data, RECIPE)
    assert np.array_equal(faces.view(3), again.view(3))
    assert faces.digest(4) == again.digest(4)
    other = TrainingSet(data, msgspec.structs.replace(RECIPE, seed=2))
    assert faces.digest(4) not in (other.digest(4), faces.digest(5))


def test_oversampling_repeats_rare_classes_until_none_is_rare() -> None:
    from converter.train.classifier import oversampled

    repeated = UNEVEN[oversampled(UNEVEN)]
    assert np.bincount(repeated).tolist() == [100, 29, 60]


def test_a_single_vote_teaches_nothing(data: Dataset) -> None:
    from dataclasses import replace

    from converter.train.classifier import TrainingSet

    votes = data.votes.copy()
    votes[0] = [8, 1, 0, 0, 0, 0, 0, 0, 1, 0]  # neutral, one of happiness, one of unknown
    targets = TrainingSet(replace(data, votes=votes), RECIPE).targets[0, 7:]
    assert targets.tolist() == [0, 0, 0, 0, 0, 0, 1, 0]


def test_the_label_counts_as_so_many_votes_beside_the_taggers(data: Dataset) -> None:
    from dataclasses import replace

    from converter.train.classifier import TrainingSet

    votes, labels = data.votes.copy(), data.labels.copy()
    votes[0], labels[0] = [6, 0, 0, 2, 0, 0, 0, 0, 0, 0], 2  # neutral 6, sadness 2, labelled fear
    recipe = msgspec.structs.replace(RECIPE, label_votes=2.0)
    targets = TrainingSet(replace(data, votes=votes, labels=labels), recipe).targets[0, 7:]
    assert targets == pytest.approx([0, 0, 0.2, 0, 0.2, 0, 0.6, 0])
