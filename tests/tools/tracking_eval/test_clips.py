from pathlib import Path

import pytest

from edge.commands.demo import CLIP
from edge.errors import DataError
from tools import make_demo_clip
from tools.tracking_eval.__main__ import LABELS
from tools.tracking_eval.clips import load_labels


def test_the_labels_of_the_built_in_clip_are_how_it_was_made() -> None:
    person = load_labels(LABELS)[CLIP.name].people[0]
    hold, morph = make_demo_clip.HOLD_SECONDS, make_demo_clip.MORPH_SECONDS
    middles = [
        number * (hold + morph) - morph / 2 - 0.5 / make_demo_clip.FPS
        for number in range(1, len(make_demo_clip.ORDER))
    ]
    assert (
        person.expression,
        *(switch.to for switch in person.switches),
    ) == make_demo_clip.ORDER
    assert [switch.at for switch in person.switches] == pytest.approx(
        middles, abs=1 / make_demo_clip.FPS
    )


def test_no_two_faces_of_a_file_share_a_region() -> None:
    for scene in load_labels(LABELS).values():
        for place, person in enumerate(scene.people):
            left, top, right, bottom = person.region
            for other in scene.people[:place]:
                apart = other.region[0] > right or other.region[2] < left
                assert apart or other.region[1] > bottom or other.region[3] < top


def test_every_labeled_file_is_there(media: Path) -> None:
    there = {path.name for path in media.iterdir()}
    assert set(load_labels(LABELS)) - {CLIP.name} == there


@pytest.mark.parametrize("text", ["video.mp4: {peple: []}", "video.mp4: ["])
def test_labels_that_cannot_be_read_are_refused_by_name(tmp_path: Path, text: str) -> None:
    labels = tmp_path / "labels.yaml"
    labels.write_text(text)
    with pytest.raises(DataError, match=r"labels\.yaml"):
        load_labels(labels)


def test_labels_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none"):
        load_labels(tmp_path / "none.yaml")
