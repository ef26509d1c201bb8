"""Snapshots of events by the daemon: each has its image, which `audit`, `forget` and age know."""

import json
import os
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import pytest

from edge.cli import main
from edge.commands.demo import CLIP
from edge.commands.embedded_broker import free_port
from edge.config import parse_config
from edge.service.retention import delete_expired
from edge.service.settings import privacy_losses
from edge.view.snapshots import describe_snapshot, snapshot_sizes
from tests.brokers import wait_until
from tests.e2e.daemon import Daemon, read_events, run_here
from tests.films import cut

ON = {"on": ["start", "change"]}
ALLOWED = {"privacy": {"allow_snapshots": True}, "snapshots": ON}


def film(path: Path = CLIP) -> dict[str, Any]:
    return {"kind": "video", "path": str(path), "realtime": False}


def config(folder: Path, **fields: Any) -> dict[str, Any]:
    sinks = [{"kind": "jsonl", "path": str(folder / "events.jsonl")}]
    return {"source": film(), "sinks": sinks, **ALLOWED, **fields}


def test_each_start_and_change_of_a_film_has_its_image_and_an_ignored_region_is_black(
    tmp_path: Path,
) -> None:
    corner = [[0, 0], [0.2, 0], [0.2, 0.2], [0, 0.2]]
    assert run_here(tmp_path, config(tmp_path, ignore=[corner])) == 0
    events = read_events(tmp_path / "events.jsonl")
    files = snapshot_sizes(tmp_path / "state" / "snapshots")
    told = [describe_snapshot(path.name) for path in files]
    assert len(told) >= 4
    assert [(one["time"], one["type"], one["emotion"]) for one in told] == [
        (one["time"], one["type"], one["emotion"]) for one in events if one["type"] != "end"
    ]
    for path in files:
        image = cv2.imread(str(path))
        assert image is not None
        assert image.shape == (480, 640, 3)
        assert image[:80, :110].mean() < 1 < image[100:, 130:].mean()


@pytest.mark.parametrize("fields", [{"snapshots": {}}, {"snapshots": {}, "privacy": {}}])
def test_nothing_is_written_unless_it_is_asked_for(tmp_path: Path, fields: Any) -> None:
    source = film(cut(tmp_path / "film.mp4", 60))
    assert run_here(tmp_path, config(tmp_path, source=source, **fields)) == 0
    assert read_events(tmp_path / "events.jsonl")
    assert not (tmp_path / "state" / "snapshots").exists()


def test_each_of_several_cameras_has_its_own_folder_settings_and_blur(tmp_path: Path) -> None:
    one, other = (film(cut(tmp_path / f"{name}.mp4", 60)) for name in ("one", "other"))
    cameras = {
        "hall": {"source": one},
        "door": {"source": other, "snapshots": {"what": "face"}, "privacy": {"blur": "frame"}},
        "desk": {"source": {**other, "path": str(CLIP)}, "snapshots": {"on": []}},
    }
    assert run_here(tmp_path, config(tmp_path, cameras=cameras)) == 0
    folder = tmp_path / "state" / "snapshots"
    assert sorted(path.name for path in folder.iterdir()) == ["door", "hall"]
    hall, door = (cv2.imread(str(min(snapshot_sizes(folder / name)))) for name in ("hall", "door"))
    assert hall is not None
    assert door is not None
    assert hall.shape == (480, 640, 3)
    assert hall.std() > 5 > door.std()
    assert door.shape[0] < 480


# What is stored is known.


@pytest.fixture
def stored(tmp_path: Path) -> tuple[Path, list[Path]]:
    """A config, and two snapshots of it: of today, and of ten days ago."""
    path = tmp_path / "emotiond.yaml"
    path.write_text(
        "state_dir: state\n"
        "sinks: []\n"
        "privacy: {allow_snapshots: true, blur: faces}\n"
        "snapshots: {on: [start, change], what: face, keep: 7d, max_bytes: 1GB}\n"
    )
    folder = tmp_path / "state" / "snapshots"
    folder.mkdir(parents=True)
    now = datetime.now(UTC)
    files = []
    for days in (0, 10):
        time = now - timedelta(days=days)
        files.append(folder / f"{time:%Y%m%dT%H%M%S}000Z-start-happy-1.jpg")
        files[-1].write_bytes(b"x")
        os.utime(files[-1], (time.timestamp(), time.timestamp()))
    return path, files


def parsed(path: Path, **fields: Any) -> Any:
    return parse_config({"state_dir": "state", "sinks": [], **fields}, path)


def test_what_is_older_than_it_may_be_is_deleted(stored: tuple[Path, list[Path]]) -> None:
    path, (new, old) = stored
    now = datetime.now(UTC)
    assert list(delete_expired(parsed(path, snapshots={"keep": "11d"}), now)) == []
    assert old.exists()
    delete_expired_now = list(delete_expired(parsed(path), now))  # 7d, also once they are off
    assert (delete_expired_now, old.exists(), new.exists()) == ([], False, True)
    later = now + timedelta(hours=2)
    assert list(delete_expired(parsed(path, retention={"max_image_age_s": 3600}), later)) == []
    assert not new.exists()


def test_forget_deletes_them(
    stored: tuple[Path, list[Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    path, files = stored
    assert main(["forget", "--config", str(path)]) == 2
    assert capsys.readouterr().out.count(": snapshots\n") == 2
    assert main(["forget", "--config", str(path), "--yes"]) == 0
    assert [file.exists() for file in files] == [False, False]


@pytest.mark.parametrize(
    ("form", "texts"),
    [
        (
            (),
            [
                "the face at each start and change, blurred (faces)",
                "snapshots in the state folder",
                "at most 7d, and 1GB",
                "snapshots of events that were written",
            ],
        ),
        (("--notice",), ["the face at each start and change, blurred (faces)", "at most 7d"]),
        (("--dpia",), ["the face at each start and change, blurred (faces)", "at most 7d"]),
    ],
)
def test_audit_tells_what_is_written_and_how_long_it_stays(
    stored: tuple[Path, list[Path]],
    capsys: pytest.CaptureFixture[str],
    form: tuple[str, ...],
    texts: list[str],
) -> None:
    assert main(["audit", "--config", str(stored[0]), *form]) == 0
    shown = capsys.readouterr().out
    for text in texts:
        assert text in shown
    assert "no image is stored" not in shown
    assert ".jpg" not in shown  # one row for all


def test_the_page_asks_twice_before_images_are_kept_or_kept_for_longer(tmp_path: Path) -> None:
    path = tmp_path / "emotiond.yaml"
    before = parsed(path, privacy={"allow_snapshots": True})
    after = parsed(path, **ALLOWED)
    assert privacy_losses(after, before) == []
    (loss,) = privacy_losses(before, after)
    assert "images go to this machine's disk" in loss
    longer = parsed(path, privacy={"allow_snapshots": True}, snapshots={**ON, "keep": "8d"})
    assert "snapshots.keep" in str(privacy_losses(after, longer))


def test_each_camera_lists_its_own_on_the_page(tmp_path: Path) -> None:
    port = free_port()
    cameras = {name: {"source": {**film(), "realtime": True}} for name in ("hall", "door")}
    web = {"enabled": True, "port": port}
    with Daemon(tmp_path, config(tmp_path, cameras=cameras, web=web)) as daemon:
        folders = {name: tmp_path / "state" / "snapshots" / name for name in cameras}
        wait_until(lambda: all(snapshot_sizes(folder) for folder in folders.values()), seconds=40)
        for name, folder in folders.items():
            address = f"http://127.0.0.1:{port}/camera/{name}/api/snapshots"
            with urllib.request.urlopen(address) as answer:
                listed = json.load(answer)["snapshots"]
            assert listed[-1]["name"] == min(snapshot_sizes(folder)).name
            with urllib.request.urlopen(f"{address}/{listed[-1]['name']}") as answer:
                assert answer.read() == min(snapshot_sizes(folder)).read_bytes()
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api/snapshots")
        assert daemon.stop() == 0
