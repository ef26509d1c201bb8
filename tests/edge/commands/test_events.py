"""`emotiond replay` and `emotiond report` as they are typed."""

import json
import os
import signal
from pathlib import Path
from time import tzset
from uuid import uuid4

import msgspec
import pytest

from edge.cli import main
from edge.commands.embedded_broker import free_port
from edge.publish.events import encode_event
from edge.types import EventType
from tests.brokers import Broker, Mosquitto, wait_until
from tests.edge.commands.configs import running, write_config
from tests.edge.offline.days import day
from tests.edge.offline.recordings import at, record
from tests.subscribers import Subscriber

ROOT = "emotiond/test"
CHANGE, END = EventType.CHANGE, EventType.END


def replay(path: Path, config: Path, *arguments: str) -> int:
    return main(["replay", str(path), "--config", str(config), *arguments])


def test_recorded_events_arrive_as_new_with_all_that_a_device_tells_beside_them(
    broker: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = [at(0), at(60, CHANGE), at(120, END)]
    path = record(tmp_path / "events.jsonl", recorded)
    with Subscriber(broker.host, broker.port) as subscriber:
        assert replay(path, write_config(tmp_path, broker.port), "--speed", "1000") == 0
        wait_until(lambda: subscriber.payloads(f"{ROOT}/availability")[-1:] == ["offline"])
        events = subscriber.payloads(f"{ROOT}/event")
        states = subscriber.payloads(f"{ROOT}/state")
        discovery = subscriber.payloads("homeassistant/device/emotiond_test/config")
    assert [one["type"] for one in events] == ["start", "change", "end"]
    assert {one["id"] for one in events}.isdisjoint(one.id for one in recorded)
    assert max(state["faces"] for state in states) == 1
    assert states[-1]["faces"] == 0
    assert states[-1]["model"] == "shallow-int8"
    options = discovery[0]["components"]["emotion"]["options"]
    assert options == ["happy", "neutral", "uncertain"]
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == (
        f"{path}: publishes 3 events of 2 min 00 s on {ROOT}/event in 0.1 s; Ctrl-C ends"
    )
    assert lines[0].startswith("1/3  ")
    assert lines[-1].startswith("3/3  ")


def test_it_can_be_done_again_and_its_events_are_new_each_time(
    broker: Broker, tmp_path: Path
) -> None:
    path = record(tmp_path / "events.jsonl", [at(0), at(1, END)])
    config = write_config(tmp_path, broker.port)
    with Subscriber(broker.host, broker.port) as subscriber:
        for _ in range(2):
            assert replay(path, config, "--speed", "1000") == 0
        wait_until(lambda: len(subscriber.payloads(f"{ROOT}/event")) == 4)
        assert len({one["id"] for one in subscriber.payloads(f"{ROOT}/event")}) == 4


def test_another_device_may_be_named(broker: Broker, tmp_path: Path) -> None:
    path = record(tmp_path / "events.jsonl", [at(0)])
    with Subscriber(broker.host, broker.port) as subscriber:
        assert replay(path, write_config(tmp_path, broker.port), "--device", "stage") == 0
        wait_until(lambda: len(subscriber.payloads("emotiond/stage/event")) == 2)
        assert not [topic for topic, *_ in subscriber.messages if topic.startswith(ROOT)]


def test_ctrl_c_leaves_nobody_in_view_and_exit_code_130(broker: Broker, tmp_path: Path) -> None:
    path = record(tmp_path / "events.jsonl", [at(0), at(3600, END)])
    config = write_config(tmp_path, broker.port)
    with (
        Subscriber(broker.host, broker.port) as subscriber,
        running("replay", path, "--config", config) as process,
    ):
        wait_until(lambda: subscriber.payloads(f"{ROOT}/event"), 30)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        wait_until(lambda: subscriber.payloads(f"{ROOT}/availability")[-1:] == ["offline"])
        kinds = [one["type"] for one in subscriber.payloads(f"{ROOT}/event")]
        state = subscriber.payloads(f"{ROOT}/state")[-1]
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert kinds == ["start", "end"]
    assert state["faces"] == 0


def test_a_line_that_is_no_event_is_told_before_anything_is_published(
    broker: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = record(tmp_path / "events.jsonl", [at(0)])
    path.write_text(path.read_text() + "{}\n")
    with Subscriber(broker.host, broker.port) as subscriber:
        assert replay(path, write_config(tmp_path, broker.port)) == 1
        assert subscriber.messages == []
    output = capsys.readouterr()
    assert output.err.startswith(f"emotiond: {path}, line 2: expected an event")
    assert output.err.count("\n") == 1
    assert output.out == ""


def test_an_absent_broker_is_told_and_nothing_is_left_for_next_week(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = record(tmp_path / "events.jsonl", [at(0)])
    assert replay(path, write_config(tmp_path, free_port())) == 1
    assert "cannot be reached" in capsys.readouterr().err
    assert not (tmp_path / "state").exists()


def test_a_refusal_is_told(
    secured: Mosquitto,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PASSWORD", "guess")
    path = record(tmp_path / "events.jsonl", [at(0)])
    config = write_config(tmp_path, secured.port, user="edge", password={"env": "PASSWORD"})
    assert replay(path, config) == 1
    assert "refuses this client: Not authorized" in capsys.readouterr().err


def test_a_device_that_runs_meanwhile_is_told_of(
    broker: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = record(tmp_path / "events.jsonl", [at(0), at(3600, END)])
    config = write_config(tmp_path, broker.port)
    with (
        Subscriber(broker.host, broker.port) as subscriber,
        running("replay", path, "--config", config),
    ):
        wait_until(lambda: subscriber.payloads(f"{ROOT}/event"), 30)
        assert replay(path, config) == 1
    error = capsys.readouterr().err
    assert error.startswith("emotiond: ")
    assert "another emotiond uses this device's outbox" in error


def test_every_mqtt_sink_of_the_config_is_told(broker: Broker, tmp_path: Path) -> None:
    path = record(tmp_path / "events.jsonl", [at(0)])
    sink = {"kind": "mqtt", "host": broker.host, "port": broker.port}
    sinks = [
        {**sink, "device": "a"},
        {"kind": "jsonl", "path": "out.jsonl"},
        {**sink, "device": "b"},
    ]
    config = tmp_path / "config.yaml"
    config.write_bytes(msgspec.json.encode({"sinks": sinks, "state_dir": "state"}))
    with Subscriber(broker.host, broker.port) as subscriber:
        assert replay(path, config) == 0
        wait_until(lambda: len(subscriber.payloads("emotiond/a/event")) == 2)
        wait_until(lambda: len(subscriber.payloads("emotiond/b/event")) == 2)
    assert not (tmp_path / "out.jsonl").exists()


def test_a_config_without_a_broker_is_told_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("sinks: [{kind: jsonl, path: out.jsonl}]")
    assert replay(record(tmp_path / "events.jsonl", [at(0)]), config) == 78
    assert "expected an MQTT sink, found none" in capsys.readouterr().err


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "inf", "1001", "fast"])
def test_a_speed_that_is_none_is_a_wrong_command_line(speed: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["replay", "events.jsonl", "--speed", speed])
    assert caught.value.code == 2


def test_a_broker_that_dies_meanwhile_is_exit_code_1_and_the_rest_waits(
    broker: Broker, tmp_path: Path
) -> None:
    path = record(tmp_path / "events.jsonl", [at(0), at(2, END)])
    config = write_config(tmp_path, broker.port)
    with (
        Subscriber(broker.host, broker.port) as subscriber,
        running("replay", path, "--config", config) as process,
    ):
        wait_until(lambda: subscriber.payloads(f"{ROOT}/event"), 30)
        broker.kill()
        _, errors = process.communicate(timeout=40)
    assert process.returncode == 1
    assert "1 event waits for the next run" in errors


def report(*arguments: object) -> int:
    return main(["report", *map(str, arguments)])


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "friday.jsonl"
    path.write_bytes(b"".join(encode_event(event) + b"\n" for event in day(5)))
    return path


def test_the_page_lies_beside_the_events_with_their_name(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(recording) == 0
    page = tmp_path / "friday.html"
    assert "<title>friday: expressions</title>" in page.read_text()
    count = len(recording.read_text().splitlines())
    assert capsys.readouterr().out == f"{page}: {count} events\n"


def test_several_recordings_make_one_page_where_it_is_wanted(
    recording: Path, tmp_path: Path
) -> None:
    other = recording.with_name("saturday.jsonl")
    other.write_bytes(recording.read_bytes())
    assert report(recording, other, "--out", tmp_path / "days.html") == 0
    assert "<h1>friday, saturday</h1>" in (tmp_path / "days.html").read_text()


def test_the_page_of_several_lies_beside_the_first(recording: Path, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    other = folder / "saturday.jsonl"
    other.write_bytes(recording.read_bytes())
    assert report(recording, other) == 0
    assert (tmp_path / "friday.html").exists()
    assert list(folder.iterdir()) == [other]


def test_an_older_page_makes_way(recording: Path, tmp_path: Path) -> None:
    (tmp_path / "friday.html").write_text("old")
    assert report(recording) == 0
    assert (tmp_path / "friday.html").read_text() != "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["friday.html", "friday.jsonl"]


@pytest.mark.parametrize("way", ["absolute", "linked", "around"])
def test_a_recording_is_not_written_over_by_another_name_of_it(
    recording: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    way: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    link = tmp_path / "link.jsonl"
    link.symlink_to(recording)
    given, out = {
        "absolute": (Path("friday.jsonl"), recording),
        "linked": (link, recording),
        "around": (recording, f"{tmp_path}/../{tmp_path.name}/friday.jsonl"),
    }[way]
    before = recording.read_bytes()
    assert report(given, "--out", out) == 1
    assert "would be written over its own events" in capsys.readouterr().err
    assert recording.read_bytes() == before


def test_no_recording_of_several_is_written_over(recording: Path) -> None:
    other = recording.with_name("saturday.jsonl")
    other.write_bytes(recording.read_bytes())
    assert report(recording, other, "--out", other) == 1
    assert other.read_bytes() == recording.read_bytes()


def test_a_recording_whose_name_is_that_of_its_page_is_not_written_over(recording: Path) -> None:
    page = recording.rename(recording.with_name("friday.html"))
    before = page.read_bytes()
    assert report(page) == 1
    assert page.read_bytes() == before


def test_a_line_that_is_no_event_is_told_by_its_number(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = recording.read_bytes().splitlines(keepends=True)
    recording.write_bytes(b"".join([lines[0], b"\n", lines[1][:50] + b"\n", *lines[2:]]))
    assert report(recording) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"emotiond: {recording}, line 3: expected an event")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
@pytest.mark.parametrize(
    ("time", "reason"),
    [
        ("0001-01-01T00:00:00Z", "expected a time of the years 2 to 9998"),
        ("0001-01-01T00:00:00+05:00", "expected an event"),
        ("9999-12-31T23:59:59Z", "expected a time of the years 2 to 9998"),
        ("9999-12-31T23:59:59-05:00", "expected an event"),
        ("0002-06-01T00:00:00Z", None),
        ("9998-06-01T23:59:59Z", None),
    ],
)
def test_a_time_at_the_ends_of_the_calendar_is_reported_or_one_line(
    recording: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    time: str,
    reason: str | None,
    zone: str,
) -> None:
    monkeypatch.setenv("TZ", zone)
    tzset()
    try:
        fields = json.loads(recording.read_bytes().splitlines()[0])
        with recording.open("ab") as file:
            file.write(json.dumps({**fields, "id": str(uuid4()), "time": time}).encode() + b"\n")
        assert report(recording) == (0 if reason is None else 1)
    finally:
        monkeypatch.undo()
        tzset()
    said = capsys.readouterr().err
    if reason is None:
        assert said == ""
        assert time[:4] in recording.with_suffix(".html").read_text()
    else:
        assert f": {reason}" in said
        assert len(said.splitlines()) == 1


def test_one_recording_that_cannot_be_read_leaves_no_page_of_the_others(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(recording, tmp_path / "gone.jsonl") == 1
    assert "gone.jsonl: cannot be read: No such file" in capsys.readouterr().err
    assert not (tmp_path / "friday.html").exists()


def test_events_are_read_from_a_pipe_as_well(recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    reading, writing = os.pipe()
    os.write(writing, recording.read_bytes().splitlines(keepends=True)[0])
    os.close(writing)
    try:
        assert report(recording, f"/dev/fd/{reading}", "--out", out) == 0
    finally:
        os.close(reading)
    assert out.exists()


def test_a_name_that_is_no_text_is_no_obstacle(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = recording.rename(recording.with_name(os.fsdecode(b"fr\xe9.jsonl")))
    assert report(path) == 0
    assert "<h1>fr\ufffd</h1>" in path.with_suffix(".html").read_text()
    assert "fr?.html: " in capsys.readouterr().out


def test_a_recording_is_never_written_over(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = recording.read_bytes()
    assert report(recording, "--out", recording) == 1
    assert "would be written over its own events" in capsys.readouterr().err
    assert recording.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        (b"", "found no line"),
        (b'{"id": 1}\n', "line 1"),
        (b"\x89PNG\r\n", "line 1"),
    ],
    ids=["gone", "empty", "no event", "no text"],
)
def test_what_holds_no_events_is_one_line_and_no_page(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
    reason: str,
) -> None:
    path = tmp_path / "events.jsonl"
    if content is not None:
        path.write_bytes(content)
    assert report(path) == 1
    said = capsys.readouterr().err
    assert reason in said
    assert str(path) in said
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "events.html").exists()


def test_a_page_that_cannot_be_written_is_one_line(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(recording, "--out", recording / "page.html") == 1
    assert "cannot be written: Not a directory" in capsys.readouterr().err


@pytest.mark.parametrize("out", [".", "/", "folder"])
def test_a_page_is_not_written_over_a_folder(
    recording: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    out: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    assert report(recording, "--out", out) == 1
    assert capsys.readouterr().err == f"emotiond: {out}: cannot be written: Is a directory\n"


def test_without_a_recording_it_tells_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        report()
    assert ending.value.code == 2
    assert "FILE.jsonl" in capsys.readouterr().err


def test_a_report_may_be_of_a_time_and_a_camera_and_go_to_standard_output(
    recording: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert report(recording, "--out", "-", "--title", "A <day>", "--until", "2027-01-01") == 0
    page = capfdbinary.readouterr().out
    assert page.startswith(b"<!doctype html>")
    assert b"<h1>A &lt;day&gt;</h1>" in page
    for span in (["--until", "2020-01-01"], ["--since", "2027-01-01"], ["--camera", "attic"]):
        assert report(recording, "--out", "-", *span) == 1
        assert b"found none" in capfdbinary.readouterr().err
    with pytest.raises(SystemExit):
        report(recording, "--since", "yesterday")
