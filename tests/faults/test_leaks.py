"""A daemon that looks at faces writes and sends what `emotiond audit` tells, and no image.

LEAK_SECONDS makes it look for so long, at the speed of a camera; by default it is a short video.
"""

import json
import os
import re
from itertools import cycle, islice
from pathlib import Path

import pytest

from edge.cli import main
from edge.commands.demo import CLIP
from tests.brokers import Broker
from tests.e2e.daemon import mqtt, read_events
from tests.faults import fault
from tests.faults.strace import STRACE, trace
from tests.films import FPS, frames_of, write_film

SECONDS = float(os.environ.get("LEAK_SECONDS", "0"))

pytestmark = pytest.mark.skipif(STRACE is None, reason="strace is not installed")


@fault(
    "people",
    "minutes of faces before the camera",
    seen="what `emotiond audit` tells, and no image",
    recovery="none needed",
)
def test_every_byte_goes_where_the_audit_says_and_none_is_of_an_image(
    tmp_path: Path, broker: Broker, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = islice(cycle(frames_of(CLIP)), round(FPS * (SECONDS or 6)))
    film = write_film(tmp_path / "faces.mp4", list(frames))
    config = tmp_path / "emotiond.yaml"
    fields = {
        "source": {"kind": "video", "path": str(film), "realtime": SECONDS > 0},
        "sinks": [
            {**mqtt(broker.port), "publish_faces": True},
            {"kind": "jsonl", "path": "events.jsonl"},
        ],
        "state_dir": "state",
    }
    config.write_text(json.dumps(fields))
    written = trace(tmp_path, "run", "--config", str(config), timeout=SECONDS + 120)
    assert len(read_events(tmp_path / "events.jsonl")) >= 2

    assert main(["audit", "--config", str(config), "--json"]) == 0
    flows = json.loads(capsys.readouterr().out)
    assert [flow for flow in flows if flow["data"] == "images"] == []
    files = [flow["where"] for flow in flows if flow["where"].startswith("/")]
    files.append(str(tmp_path / "printed"))
    addresses = re.findall(r"at ([\d.]+:\d+)", str(flows))
    places = {one.place for one in written}
    assert any(str(broker.port) in place for place in places)
    for place in places:
        told = place.removeprefix("mmap ").startswith(tuple(files))
        if sent := re.fullmatch(r"TCP:\[.*->(.*)\]", place):
            told = sent[1] in addresses
        # What wakes a thread, and what C libraries print into a pipe, stays within the process: no
        # other is started.
        inside = re.fullmatch(r"UNIX-STREAM:\[\d+->\d+\]|pipe:\[\d+\]|anon_inode:.*", place)
        assert told or inside, place
    assert [one for one in written if one.may_be_image] == []


def test_an_image_that_is_written_would_be_found(tmp_path: Path) -> None:
    arguments = ["--source", str(CLIP), "--count", "1", "--label", "happy", "--out", "faces"]
    config = tmp_path / "emotiond.yaml"
    config.write_text("state_dir: state")
    written = trace(tmp_path, "collect", "--config", str(config), *arguments)
    (image,) = [one for one in written if one.may_be_image]
    assert image.place.startswith(f"{tmp_path}/faces/happy")
