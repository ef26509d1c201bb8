"""Every kind of video file is read as a player shows it: the same images at the same times."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from tools.video_table import KINDS, Kind, played, read

pytestmark = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_of_file_is_read_as_a_player_shows_it(kind: Kind, tmp_path: Path) -> None:
    path = tmp_path / kind.name
    kind.make(path)
    expected, found = played(path), read(path)
    if "damaged" in kind.name:  # a player shows damaged images too, which are none to judge
        assert len(expected.images) * 0.8 < len(found.images) <= len(expected.images) < 25
        places = [int(np.abs(np.array(expected.times) - one).argmin()) for one in found.times]
    else:
        assert len(found.images) == len(expected.images) >= 12
        places = list(range(len(expected.images)))
    guessed = kind.name == "copied.avi"  # FFmpeg has the last images come too soon
    times = [expected.times[place] for place in places]
    assert found.times == pytest.approx(times, abs=0.021 if guessed else 0.011)
    for image, place in zip(found.images, places, strict=True):
        shown = expected.images[place]
        assert image.shape == shown.shape
        assert np.abs(image.astype(int) - shown).mean() < 4
