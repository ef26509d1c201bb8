"""`emotiond audit` tells what a daemon writes and sends; deployments that are forbidden are refused."""

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from edge.cli import main
from edge.commands.audit import data_flows
from edge.config import Config, parse_config
from edge.errors import ConfigError
from edge.publish import SinkSettings
from edge.publish.sink import BaseSinkSettings
from edge.types import DataFlow
from tests.faults import fault

CANARY = "hunter2"


def flows_of(folder: Path, **fields: Any) -> list[DataFlow]:
    """Return what a config lets leave and stores."""
    return list(
        data_flows(parse_config({"state_dir": "state", **fields}, folder / "emotiond.yaml"))
    )


def test_every_sink_tells_what_leaves_by_it() -> None:
    for kind in get_args(SinkSettings):
        assert "data_flows" in vars(kind), kind


def test_every_section_that_opens_something_tells_what_leaves_by_it() -> None:
    config = Config()
    for name in config.__struct_fields__:
        section = getattr(config, name)
        for part in section if isinstance(section, tuple) else (section,):
            if hasattr(part, "open"):
                assert hasattr(part, "data_flows"), name


def test_a_sink_that_does_not_tell_counts_as_one_by_which_images_leave() -> None:
    class Silent(BaseSinkSettings, frozen=True, tag="silent"):
        """A sink of which nothing is declared."""

    (flow,) = Silent().data_flows(allow_snapshots=False)
    assert (flow.data, flow.to, flow.leaves) == ("images", "silent", True)


def test_by_default_no_image_is_stored_shown_or_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert {flow.data for flow in flows_of(tmp_path)} == {
        "events",
        "faces",
        "numbers",
        "log",
        "settings",
    }
    config = tmp_path / "emotiond.yaml"
    config.write_text("state_dir: state")
    assert main(["audit", "--config", str(config)]) == 0
    assert "no image is stored, shown or sent" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("fields", "where", "leaves"),
    [
        ({"privacy": {"allow_snapshots": True}}, "emotiond/a at localhost:1883", True),
        ({"web": {"enabled": True}}, "http://127.0.0.1:8080", False),
        (
            {"web": {"enabled": True, "host": "0.0.0.0", "token": {"env": "T"}}},
            "http://0.0.0.0:8080",
            True,
        ),
        ({"preview": {"enabled": True}}, "its screen", False),
    ],
)
def test_each_way_of_an_image_is_told_with_what_is_hidden_in_it(
    tmp_path: Path, fields: dict[str, Any], where: str, leaves: bool
) -> None:
    sinks = [{"kind": "mqtt", "device": "a"}]
    flows = flows_of(tmp_path, sinks=sinks, **{"privacy": {}, **fields})
    images = [flow for flow in flows if flow.data == "images"]
    assert (images[0].where, images[0].leaves) == (where, leaves)
    assert "blurred" not in images[0].what
    hidden = {**fields, "privacy": {**fields.get("privacy", {}), "blur": "frame"}}
    (first, *_) = [
        flow for flow in flows_of(tmp_path, sinks=sinks, **hidden) if flow.data == "images"
    ]
    assert "blurred (frame)" in first.what


def test_a_snapshot_that_no_command_can_ask_for_does_not_leave(tmp_path: Path) -> None:
    sink = {"kind": "mqtt", "commands": ["pause"]}
    flows = flows_of(tmp_path, sinks=[sink], privacy={"allow_snapshots": True})
    assert all(flow.data != "images" for flow in flows)


def test_what_is_stored_is_told_with_its_place_and_how_long(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    for name in ("outbox-old.sqlite.damaged", "pause.json", "who-knows"):
        (state / name).touch()
    fields: dict[str, Any] = {
        "sinks": [{"kind": "jsonl", "path": "e.jsonl"}, {"kind": "mqtt", "device": "a"}],
        "retention": {"max_event_age_s": 2_592_000},
        "web": {"token": {"file": "token"}},
        "state_dir": "state",
    }
    config = parse_config(fields, tmp_path / "emotiond.yaml")
    found = {flow.where: (flow.data, flow.kept) for flow in data_flows(config)}
    assert found[str(tmp_path / "e.jsonl")] == ("events", "at most 30 days")
    assert found[str(config.outbox_paths()[1])][0] == "events"
    assert found[str(state / "outbox-old.sqlite.damaged")] == ("events", "at most 30 days")
    assert found[str(state / "pause.json")][0] == "settings"
    assert found[str(state / "who-knows")][0] == "unknown"
    assert found[f"file {tmp_path / 'token'}"][0] == "secrets"


def test_an_event_file_is_told_once_wherever_the_command_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("e.jsonl").touch()
    places = [flow.where for flow in flows_of(Path(), sinks=[{"kind": "jsonl", "path": "e.jsonl"}])]
    assert [place for place in places if place.endswith("e.jsonl")] == [str(tmp_path / "e.jsonl")]


def test_an_event_file_behind_a_link_is_told_once_and_a_stream_not_as_a_file(
    tmp_path: Path,
) -> None:
    (tmp_path / "e.jsonl").touch()
    (tmp_path / "link.jsonl").symlink_to("e.jsonl")
    sinks = [{"kind": "jsonl", "path": path} for path in ("link.jsonl", "/dev/stdout")]
    events = [flow for flow in flows_of(tmp_path, sinks=sinks) if flow.data == "events"]
    assert [(flow.where, flow.kept is None) for flow in events] == [
        ("/dev/stdout", True),
        (str(tmp_path / "e.jsonl"), False),
    ]


def test_credentials_on_the_wire_are_told_without_their_values(tmp_path: Path) -> None:
    flows = flows_of(
        tmp_path,
        source=f"rtsp://bob:{CANARY}@camera/live?pwd={CANARY}",
        sinks=[{"kind": "mqtt", "user": CANARY, "password": {"env": "P"}}],
    )
    secrets = [flow for flow in flows if flow.data == "secrets" and flow.leaves]
    assert [flow.where for flow in secrets] == ["rtsp://camera/live", secrets[1].where]
    assert "unencrypted" in secrets[1].what
    assert CANARY not in str(flows)


def test_the_json_has_every_row_of_the_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "emotiond.yaml"
    config.write_text("state_dir: state")
    main(["audit", "--config", str(config), "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert [DataFlow(**row) for row in rows] == flows_of(tmp_path)


# The deployment.


@fault(
    "people",
    "a deployment at work or school",
    seen="one line that names Article 5(1)(f), exit code 78",
    recovery="a purpose that is allowed",
)
@pytest.mark.parametrize("context", ["workplace", "education"])
@pytest.mark.parametrize("purpose", [None, "to see how happy they are", "Medical", "safety "])
def test_work_and_school_are_refused_for_all_but_two_purposes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], context: str, purpose: str | None
) -> None:
    config = tmp_path / "emotiond.yaml"
    config.write_text(json.dumps({"deployment": {"context": context, "purpose": purpose}}))
    for command in ("run", "check"):
        assert main([command, "--config", str(config)]) == 78
        error = capsys.readouterr().err
        assert "Article 5(1)(f) of the EU AI Act" in error
        assert "medical or safety" in error


@pytest.mark.parametrize("purpose", ["medical", "safety"])
@pytest.mark.parametrize("context", ["home", "public", "research", "workplace", "education"])
def test_medical_and_safety_are_allowed_everywhere(context: str, purpose: str) -> None:
    fields = {"deployment": {"context": context, "purpose": purpose}}
    assert parse_config(fields, Path("emotiond.yaml")).deployment.context == context


def test_a_context_that_is_none_is_refused() -> None:
    with pytest.raises(
        ConfigError, match="expected one of education, home, public, research, workplace"
    ):
        parse_config({"deployment": {"context": "wrokplace"}}, Path("emotiond.yaml"))


# The notice and the assessment.


def printed(folder: Path, capsys: pytest.CaptureFixture[str], form: str, **fields: Any) -> str:
    config = folder / "emotiond.yaml"
    config.write_text(json.dumps({"state_dir": "state", **fields}))
    assert main(["audit", "--config", str(config), form]) == 0
    return capsys.readouterr().out


DEPLOYMENT = {"context": "public", "purpose": "<b>art</b> | shows", "operator": "Ada & Co"}


def test_the_notice_says_who_what_how_long_and_how_to_pause(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sinks = [{"kind": "jsonl", "path": "e.jsonl"}, {"kind": "mqtt", "device": "hall"}]
    page = printed(
        tmp_path,
        capsys,
        "--notice",
        sinks=sinks,
        deployment=DEPLOYMENT,
        retention={"max_event_age_s": 86_400},
        web={"enabled": True, "port": 8123},
    )
    for text in (
        "Ada &amp; Co",
        "&lt;b&gt;art&lt;/b&gt; | shows (public)",
        "at most 1 day",
        "emotiond/hall/set/pause",
        "the switch Pause of the device hall in Home Assistant",
        "port 8123",
        "live, on the web page",
        "subscribers of the MQTT broker",
    ):
        assert text in page
    assert "$" not in page
    assert str(tmp_path) not in page  # a passer-by learns no path and no address
    assert "localhost" not in page


def test_a_notice_of_what_sends_and_stores_nothing_says_so_and_can_be_filled_in_by_hand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = printed(tmp_path, capsys, "--notice", sinks=[])
    for text in (
        "no image is stored",
        "nothing is recorded",
        "nothing leaves this machine",
        "_____",
    ):
        assert text in page
    assert "Home Assistant" not in page


def test_the_assessment_follows_article_35_and_has_every_row_of_the_audit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fields = {"deployment": DEPLOYMENT, "privacy": {"allow_snapshots": True, "blur": "faces"}}
    page = printed(tmp_path, capsys, "--dpia", **fields)
    assert re.findall(r"^## \((.)\)", page, re.MULTILINE) == ["a", "b", "c", "d"]
    assert "Ada & Co" in page
    assert r"art&lt;/b> \| shows" in page
    rows = [line for line in page.splitlines() if line.startswith("| ") and line.count(" | ") == 5]
    assert len(rows) == len(flows_of(tmp_path, **fields)) + 2
    assert "$" not in page
