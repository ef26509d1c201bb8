"""Label sets: which classes a model knows, and what becomes of the others."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from converter.data.dataset import VOTE_COLUMNS, VOTE_OF_EXPRESSION, Dataset
from edge.errors import DataError
from edge.labels import EXPRESSIONS

Name = Literal["5", "6", "7", "8"]


@dataclass(frozen=True, slots=True)
class LabelSet:
    """A choice of classes.

    Attributes:
        labels: the classes, in the order of the model's output.
        merged: classes of the data that count as another; what is neither here nor in `labels`
            is left out.
    """

    labels: tuple[str, ...]
    merged: dict[str, str] = field(default_factory=dict)

    def mapping(self) -> NDArray[np.int64]:
        """Return the class, int64 (8,), of each of `EXPRESSIONS`; -1 where it is left out."""
        names = [self.merged.get(name, name) for name in EXPRESSIONS]
        return np.array([self.labels.index(name) if name in self.labels else -1 for name in names])

    def keep(self, data: Dataset) -> Dataset:
        """Return the rows whose label belongs to the set; their labels stay as they are."""
        return data.where(self.mapping()[data.labels] >= 0)

    def classes(self, data: Dataset) -> NDArray[np.int64]:
        """Return the class of each row, int64 (n,), indices into `labels`; -1 where left out."""
        return np.asarray(self.mapping()[data.labels])

    def votes(self, data: Dataset) -> NDArray[np.float32]:
        """Return FER+'s votes, float32 (n, classes), for the classes of the set."""
        counts = np.zeros((len(data), len(self.labels)), dtype=np.float32)
        for expression, index in enumerate(self.mapping()):
            if index >= 0:
                counts[:, index] += data.votes[:, VOTE_OF_EXPRESSION[expression]]
        return counts

    def targets(self, data: Dataset, vote_weight: float) -> NDArray[np.float32]:
        """Return training targets, float32 (n, classes), each row summing to 1.

        A row is `1 - vote_weight` parts its label and `vote_weight` parts FER+'s votes over the
        classes. Where a row has no such vote, it is its label alone.

        Raises:
            DataError: votes are asked for and there are none.
        """
        one_hot = np.eye(len(self.labels), dtype=np.float32)[self.classes(data)]
        if vote_weight == 0:
            return one_hot
        if not data.has_votes:
            raise DataError("the targets need FER+'s votes; give --votes fer2013new.csv")
        shares = vote_shares(self.votes(data), one_hot)
        return ((1 - vote_weight) * one_hot + vote_weight * shares).astype(np.float32)


def vote_shares(votes: NDArray[np.float32], otherwise: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return each row of `votes` as shares that sum to 1; a row without votes is `otherwise`."""
    total = votes.sum(axis=1, keepdims=True)
    return np.where(total > 0, votes / np.maximum(total, 1), otherwise).astype(np.float32)


def clear_votes(data: Dataset) -> NDArray[np.float32]:
    """Return FER+'s votes over its eight expressions, float32 (n, 8), single votes dropped.

    A single vote is taken for a slip, as the published protocol does (Barsoum et al. 2016,
    arXiv:1608.01041).
    """
    votes = LABEL_SETS["8"].votes(data)
    return np.where(votes > 1, votes, 0).astype(np.float32)


LABEL_SETS: dict[Name, LabelSet] = {
    "5": LabelSet(("happy", "angry", "sad", "neutral", "surprise")),
    "6": LabelSet(
        ("angry", "fear", "happy", "sad", "surprise", "neutral"), merged={"disgust": "angry"}
    ),
    "7": LabelSet(EXPRESSIONS[:7]),
    "8": LabelSet(EXPRESSIONS),
}
"""5: those read most reliably; 6: disgust, of which FER2013 has few, counts as angry; 7: FER2013's;
8: FER+'s and CK+'s, with contempt."""


def ferplus_majority(data: Dataset) -> Dataset:
    """Return the rows on whose class most FER+ taggers agree, with that class as their label.

    The protocol of Barsoum et al. 2016 (arXiv:1608.01041) and its published code: single votes are
    taken for slips, the leading class needs more than half of what remains, and rows whose
    majority is "unknown" or "not a face" are dropped.
    """
    votes = np.where(data.votes > 1, data.votes, 0)
    leading, most = votes.argmax(axis=1), votes.max(axis=1)
    agreed = most > votes.sum(axis=1) / 2
    expression_of_vote = np.full(len(VOTE_COLUMNS), -1)
    expression_of_vote[VOTE_OF_EXPRESSION] = np.arange(len(EXPRESSIONS))
    labels = expression_of_vote[leading]
    keep = agreed & (labels >= 0)
    kept = data.where(keep)
    return Dataset(
        kept.pixels, labels[keep], kept.votes, kept.usage, kept.source, kept.subject, kept.weights
    )
