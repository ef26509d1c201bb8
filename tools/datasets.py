"""Rows of datasets that the programs for measurements choose."""

import numpy as np

from converter.data import Dataset


def distinct(data: Dataset) -> Dataset:
    """Return the rows whose image no earlier row shows."""
    _, first = np.unique(data.pixels.reshape(len(data), -1), axis=0, return_index=True)
    return data.select(np.isin(np.arange(len(data)), first))
