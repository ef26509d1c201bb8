import numpy as np

from edge.geometry import Box
from edge.pipeline.latest_frame import LatestFrame
from edge.view.preview.key_handler import HELP
from edge.view.preview.render import GROUND, render_window
from edge.view.settings import PrivacyBlur
from edge.view.view_context import ViewContext
from tests.edge.view.scenes import expression, scene

OUTLOOK = ViewContext(LatestFrame(), PrivacyBlur.NONE, lambda image: scene(image=image))


def test_a_scene_is_shown_annotated() -> None:
    image = np.full((480, 640, 3), 128, dtype=np.uint8)
    face = expression(Box(200.0, 200.0, 300.0, 300.0))
    picture = render_window(scene(face, image=image), OUTLOOK, ())
    assert picture.shape == image.shape
    assert (picture[250, 200] != 128).any()


def test_where_nothing_is_seen_the_lines_say_why() -> None:
    empty, told = (render_window(None, OUTLOOK, lines) for lines in ((), ("paused",)))
    assert (empty == GROUND).mean() > 0.9
    rows, columns, _ = np.nonzero(empty != told)
    assert rows.max() < 60
    assert columns.max() < 200


def test_every_line_of_the_help_has_a_place_of_its_own() -> None:
    picture = render_window(None, OUTLOOK, HELP)
    # Rows in which something white is written.
    letters = np.asarray((picture[:, :100] > 200).any(axis=(1, 2)), dtype=np.bool_)
    starts = np.flatnonzero(letters[1:] & ~letters[:-1])
    assert len(starts) >= len(HELP)


def test_what_is_hidden_is_hidden_in_the_window_too() -> None:
    image = np.full((480, 640, 3), 128, dtype=np.uint8)
    outlook = ViewContext(LatestFrame(), PrivacyBlur.PICTURE, OUTLOOK.analyse)
    assert (render_window(scene(image=image), outlook, ())[:400] != 128).all()
