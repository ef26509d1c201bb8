"""Cells: where they lie, and which may answer for a face."""

import numpy as np

from converter.detector.loss import CANDIDATES, STRIDES, Grid
from edge.detect.builtin import cells as decoded_cells


def test_training_and_daemon_place_the_cells_alike() -> None:
    """A network learns where its cells lie; the daemon must read it off at the same places."""
    cells = Grid(120, 160)
    grid = decoded_cells((120, 160), STRIDES)
    assert np.array_equal(cells.strides, grid[:, 2])
    assert np.array_equal(cells.centers, grid[:, :2] * grid[:, 2:])


def test_a_face_has_the_nearest_nine_cells_of_each_grid() -> None:
    cells = Grid(240, 320)
    (found,) = cells.candidates(np.array([[140, 100, 180, 140]], np.float32))
    assert found.shape == (CANDIDATES,)
    far = np.abs(cells.centers[found] - [160, 120]).max(axis=1)
    assert (far <= 1.5 * cells.strides[found]).all()
    assert [int((cells.strides[found] == stride).sum()) for stride in STRIDES] == [9, 9, 9]


def test_cells_beyond_the_picture_are_none() -> None:
    cells = Grid(240, 320)
    (corner,) = cells.candidates(np.array([[0, 0, 4, 4]], np.float32))
    assert (corner == -1).sum() == CANDIDATES - 3 * 4
    assert corner.max() < cells.count


def test_a_small_unclear_face_between_cells_still_covers_one() -> None:
    """Else the network would be told that there is background where a tiny face is."""
    cells = Grid(240, 320)
    inside = cells.inside(np.array([[161, 121, 165, 126]], np.float32))
    assert inside[: 30 * 40].any()
    assert not cells.inside(np.empty((0, 4), np.float32)).any()
