"""Components of another config: kept where they serve, and nothing changed where it cannot be."""

import fcntl
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any

import cv2
import pytest

from edge.commands.demo import CLIP
from edge.config import Config, parse_config
from edge.errors import ConfigError, EmotiondError
from edge.pipeline import processing as module
from edge.pipeline.build import (
    Setup,
    SetupBuilder,
    build_components,
)
from edge.pipeline.processing import ImageAnalyzer
from edge.service.commands import CommandQueue
from edge.types import Image
from edge.view.web.server import WebServer
from tests.edge.infer.models import copy_brightness

BASE: dict[str, Any] = {
    "source": {"kind": "video", "path": str(CLIP)},
    "detector": {"kind": "haar"},
    "sinks": [{"kind": "mqtt", "device": "a"}, {"kind": "jsonl", "path": "events.jsonl"}],
    "state_dir": "state",
}


class Daemon:
    """A builder as a daemon has it, with its config in a folder; what it opened is closed.

    Args:
        folder: of the config.
        fields: of the config, beside those of `BASE`.
    """

    def __init__(self, folder: Path, **fields: Any) -> None:
        self._folder = folder
        self.builder = SetupBuilder(self.config(**fields), CommandQueue())
        self._opened = list(self.builder.setup.components.sinks)

    def config(self, **fields: Any) -> Config:
        return parse_config({**BASE, **fields}, self._folder / "config.yaml")

    def prepare(self, **fields: Any) -> Setup:
        changes = self.builder.prepare(self.config(**fields))
        self._opened += changes.components.sinks
        return changes

    def replaced(self, **fields: Any) -> set[str]:
        """Return the names of what another config makes anew; it is committed."""
        before, changes = self.builder.setup.components, self.prepare(**fields)
        after = changes.components
        names = {
            "source": before.source is not after.source,
            "scheduler": before.processing.scheduler is not after.processing.scheduler,
            "analyzer": before.processing.analyzer is not after.processing.analyzer,
            "mqtt": before.sinks[0] not in after.sinks,
            "jsonl": before.sinks[1] not in after.sinks,
            "view": before.sinks[2:] != after.sinks[2:],
        }
        self.builder.commit(changes)
        return {name for name, changed in names.items() if changed}

    def close(self) -> None:
        for sink in self._opened:
            sink.close(0.0)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with closing(Daemon(tmp_path)) as daemon:
        yield daemon


@pytest.fixture
def other_video(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "b.mp4").write_bytes(CLIP.read_bytes())
    return {"kind": "video", "path": "b.mp4"}


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({}, set()),
        ({"smoothing": {"hold_s": 0.5}}, {"analyzer"}),
        ({"tracker": {"min_hits": 4}}, {"scheduler", "analyzer"}),
        ({"zones": {"door": [[0, 0], [1, 0], [1, 1]]}}, {"analyzer"}),
        ({"source": {"kind": "camera"}}, {"source", "scheduler", "analyzer"}),
        ({"privacy": {"allow_snapshots": True}}, {"mqtt"}),
        ({"privacy": {"blur": "faces"}}, set()),
        ({"sinks": [BASE["sinks"][1]]}, {"mqtt"}),
        ({"sinks": [BASE["sinks"][1], BASE["sinks"][0]]}, set()),
        ({"sinks": [{"kind": "mqtt", "device": "b"}, BASE["sinks"][1]]}, {"mqtt"}),
        ({"state_dir": "elsewhere"}, {"mqtt"}),
        ({"web": {"enabled": True, "port": 0}}, {"view"}),
    ],
)
def test_only_what_a_change_of_the_config_concerns_is_made_anew(
    daemon: Daemon, fields: dict[str, Any], names: set[str]
) -> None:
    assert daemon.replaced(**fields) == names
    assert daemon.prepare(**fields).components == daemon.builder.setup.components


def test_a_change_of_the_config_is_no_new_run(daemon: Daemon, tmp_path: Path) -> None:
    run = daemon.builder.setup.components.processing.events.run
    changed = daemon.prepare(tracker={"min_hits": 4}).components.processing.events
    assert changed is not daemon.builder.setup.components.processing.events
    assert changed.run == run
    (tmp_path / "another").mkdir()
    with closing(Daemon(tmp_path / "another")) as another:
        assert another.builder.setup.components.processing.events.run != run


OTHER_VALUES: dict[str, Any] = {
    "source": {"kind": "camera"},
    "detector": {"kind": "haar", "width": 480},
    "scheduler": {"interval_frames": 3},
    "tracker": {"min_hits": 4},
    "classifier": {"min_confidence": 0.4},
    "quality": {"min_size": 30},
    "smoothing": {"hold_s": 0.5},
    "sinks": [{"kind": "mqtt", "device": "b"}],
    "preview": {"enabled": True},
    "web": {"enabled": True, "port": 0, "max_viewers": 3},
    "privacy": {"blur": "faces"},
    "summary": {"every_s": [300]},
    "snapshots": {"on": ["start"]},
    "zones": {"door": [[0, 0], [1, 0], [1, 1]]},
    "ignore": [[[0, 0], [1, 0], [1, 1]]],
    "state_dir": "elsewhere",
    "cameras": {"front": 0},
    "runtime": {"options": {"device": "usb"}},
}
"""Another value in each section of the config that something is built from."""

LOOKED_UP: dict[str, Any] = {
    "retention": {"max_image_age_s": 60},
    "deployment": {"context": "public"},
    "schedule": {"active": ["mon-fri 08:00-18:00"]},
}
"""The same of each section that is looked up whenever it is needed."""


@pytest.mark.parametrize("section", sorted(set(Config.__struct_fields__) - LOOKED_UP.keys()))
def test_each_section_is_rebuilt_or_its_change_refused(tmp_path: Path, section: str) -> None:
    page = {"web": {"enabled": True, "port": 0}, "privacy": {"allow_snapshots": True}}
    with closing(Daemon(tmp_path, **page)) as daemon:
        assert section in OTHER_VALUES, "give this section another value here"
        fields = {**page, section: OTHER_VALUES[section]}
        present = daemon.builder.setup.components
        try:
            rebuilt = daemon.prepare(**fields).components != present
        except ConfigError as error:
            rebuilt = f"{section}: a change needs a restart" in str(error)
        assert rebuilt


@pytest.mark.parametrize("section", LOOKED_UP)
def test_a_section_that_is_looked_up_is_the_new_one_after_a_reload(
    daemon: Daemon, section: str
) -> None:
    daemon.builder.commit(daemon.prepare(**{section: LOOKED_UP[section]}))
    assert getattr(daemon.builder.setup.config, section) != getattr(Config(), section)


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({}, False),
        ({"privacy": {"allow_snapshots": True}}, True),
        ({"web": {"enabled": True, "port": 0}}, True),
    ],
)
def test_the_newest_frame_is_kept_where_somebody_may_look(
    daemon: Daemon, fields: dict[str, Any], kept: bool
) -> None:
    daemon.builder.commit(daemon.prepare(**fields))
    assert daemon.builder.views[""].latest.kept is kept


def test_what_was_prepared_counts_once_it_is_committed(daemon: Daemon) -> None:
    before = (
        daemon.builder.setup.config,
        daemon.builder.setup.components,
        daemon.builder.setup.catalog,
    )
    changes = daemon.prepare(smoothing={"hold_s": 0.5}, privacy={"allow_snapshots": True})
    present = (
        daemon.builder.setup.config,
        daemon.builder.setup.components,
        daemon.builder.setup.catalog,
    )
    assert present == before
    daemon.builder.commit(changes)
    assert daemon.builder.setup.config.smoothing.hold_s == 0.5
    assert daemon.builder.setup.components is changes.components
    assert daemon.builder.setup.catalog.allow_snapshots


def test_another_kind_of_source_says_whether_frames_are_dropped(daemon: Daemon) -> None:
    assert not daemon.builder.setup.components.live
    assert daemon.prepare(source={"kind": "camera"}).components.live


def test_a_model_of_ones_own_can_be_chosen_beside_those_that_are_shipped(
    daemon: Daemon, tmp_path: Path
) -> None:
    catalog = daemon.prepare(classifier={"model": str(copy_brightness(tmp_path))}).catalog
    assert {"brightness", "shallow-int8", "tiny-int8"} <= set(catalog.models)
    assert "haar" in catalog.detectors


def test_commands_choose_from_what_the_file_offers_whatever_they_chose_before(
    daemon: Daemon, tmp_path: Path
) -> None:
    daemon.builder.commit(daemon.prepare(classifier={"model": str(copy_brightness(tmp_path))}))
    file_config, sinks = daemon.builder.setup.file_config, daemon.builder.setup.components.sinks
    changes = daemon.builder.prepare(daemon.config(), file_config)
    assert changes.sections == ("classifier",)
    assert changes.components.sinks == sinks
    daemon.builder.commit(changes)
    assert "brightness" in daemon.builder.setup.catalog.models
    assert daemon.builder.setup.file_config is file_config


# Views.


@pytest.mark.parametrize("view", ["preview", "web"])
def test_a_view_is_opened_where_the_config_wants_it_and_there_is_something_to_see(
    daemon: Daemon, view: str
) -> None:
    wanted = daemon.config(**{view: {"enabled": True}})
    assert len(SetupBuilder(wanted, CommandQueue()).setup.components.sinks) == 3
    assert len(build_components(wanted).sinks) == 2


def test_a_view_stays_through_changes_that_do_not_concern_it(daemon: Daemon) -> None:
    page = {"web": {"enabled": True, "port": 0}}
    assert daemon.replaced(**page) == {"view"}
    assert daemon.replaced(**page, smoothing={"hold_s": 0.5}) == {"analyzer"}
    assert daemon.replaced(**page, smoothing={"hold_s": 0.5}, privacy={"blur": "faces"}) == {"view"}
    page["web"] = {"enabled": True, "port": 0, "max_viewers": 3}
    assert "view" in daemon.replaced(**page)
    assert daemon.replaced() == {"view"}


# What cannot be had: the old stays, and nothing of the new is left behind.


def refusal(daemon: Daemon, **fields: Any) -> str:
    before = (
        daemon.builder.setup.config,
        daemon.builder.setup.components,
        daemon.builder.setup.catalog,
    )
    with pytest.raises(EmotiondError) as caught:
        daemon.prepare(**fields)
    present = (
        daemon.builder.setup.config,
        daemon.builder.setup.components,
        daemon.builder.setup.catalog,
    )
    assert present == before
    return str(caught.value)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody else listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        yield int(other.getsockname()[1])


def test_a_port_that_is_taken_is_told_and_nothing_of_the_rest_is_changed(
    daemon: Daemon, taken: int, tmp_path: Path
) -> None:
    page = {"web": {"enabled": True, "port": taken}}
    other = {"sinks": [{"kind": "mqtt", "device": "b"}], "smoothing": {"hold_s": 0.5}}
    assert f":{taken}: Address already in use" in refusal(daemon, **page, **other)
    lock = next((tmp_path / "state").glob("*-b@*.sqlite.lock"))  # it was locked, and let go
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_host_that_is_not_of_this_machine_is_told(daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("0123456789abcdef0123456789abcdef")
    web = {"host": "192.0.2.1", "port": 0, "token": {"file": "token"}}
    text = refusal(daemon, web={"enabled": True, **web})
    assert "192.0.2.1:0: Cannot assign requested address" in text


def test_an_outbox_that_another_process_holds_is_told(daemon: Daemon, tmp_path: Path) -> None:
    sinks = [{"kind": "mqtt", "device": "b"}]
    (box,) = parse_config(
        {"sinks": sinks, "state_dir": "state"}, tmp_path / "config"
    ).outbox_paths()
    assert box is not None
    box.parent.mkdir()
    with box.with_name(f"{box.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        text = refusal(daemon, sinks=sinks)
    assert "another emotiond uses this device's outbox" in text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ({"kind": "video", "path": "gone.mp4"}, "gone.mp4: cannot be read as a video"),
        ({"kind": "images", "path": "gone"}, "gone: cannot be read"),
    ],
)
def test_a_file_that_is_not_there_is_told(
    daemon: Daemon, source: dict[str, str], text: str
) -> None:
    assert text in refusal(daemon, source=source)


def test_a_folder_of_which_one_image_is_broken_will_do(
    daemon: Daemon, tmp_path: Path, clip: list[Image]
) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"broken")
    source = {"kind": "images", "path": "images"}
    assert "a.png" in refusal(daemon, source=source)
    cv2.imwrite(str(folder / "b.png"), clip[0])
    assert "source" in daemon.replaced(source=source)


def test_another_video_takes_the_place_of_the_one_before(
    daemon: Daemon, other_video: dict[str, str]
) -> None:
    assert daemon.replaced(source=other_video) == {"source", "scheduler", "analyzer"}


def test_a_page_may_move_to_another_address_on_the_port_that_it_has(
    daemon: Daemon, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("0123456789abcdef0123456789abcdef")
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = int(free.getsockname()[1])
    local = {"host": "127.0.0.1", "port": port}
    daemon.builder.commit(daemon.prepare(web={"enabled": True, **local}))
    everywhere = {"host": "0.0.0.0", "port": port, "token": {"file": "token"}}
    changes = daemon.prepare(web={"enabled": True, **everywhere})
    before, after = daemon.builder.setup.components.sinks[2], changes.components.sinks[2]
    assert isinstance(before, WebServer)
    assert isinstance(after, WebServer)
    before.close(1.0)
    with closing(socket.create_connection(("127.0.0.1", port), 5)):
        pass
    with pytest.raises(OSError, match="in use"):
        socket.create_server(("127.0.0.1", port))


class Present:
    """The config of a daemon that changes while it runs."""

    def __init__(self) -> None:
        self.set()

    def set(self, **fields: Any) -> None:
        self.config: Config = parse_config({"sinks": [], **fields}, Path("/config.yaml"))


def test_images_are_analyzed_as_the_daemon_is_set_at_the_moment(clip: list[Image]) -> None:
    present = Present()
    images = ImageAnalyzer(lambda: present.config)
    first = images.analyze(clip[2]).expressions[0].probabilities
    present.set(classifier={"model": "deep-int8"})
    assert images.analyze(clip[2]).expressions[0].probabilities != first
    present.set()
    assert images.analyze(clip[2]).expressions[0].probabilities == first


def test_a_change_of_anything_else_loads_no_model_again(
    clip: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    present = Present()
    images = ImageAnalyzer(lambda: present.config)
    images.analyze(clip[2])
    monkeypatch.setattr(module, "open_classifier", lambda _: pytest.fail("loaded again"))
    present.set(privacy={"blur": "faces"}, web={"port": 8081})
    images.analyze(clip[2])


def test_threads_may_ask_at_once(clip: list[Image]) -> None:
    present = Present()
    images = ImageAnalyzer(lambda: present.config)
    emotions: list[str] = []

    def ask() -> None:
        emotions.extend(face.emotion for face in images.analyze(clip[2]).expressions)

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(emotions) == 4
    assert len(set(emotions)) == 1
