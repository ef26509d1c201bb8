"""The OSC sink and a real receiver, that is there, comes late, or cannot be found."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import ThreadingOSCUDPServer

from edge.commands.embedded_broker import free_port
from edge.config import parse_config
from edge.errors import ConfigError, Level
from edge.publish import SinkContext, osc
from edge.publish.osc import OscSettings, OscSink
from edge.types import EventType
from tests.brokers import wait_until
from tests.events import event, expression, sight, stats, status, uncertain


class Receiver(ThreadingOSCUDPServer):
    """A program that takes everything; `taken` has the addresses and arguments."""

    def __init__(self, port: int = 0) -> None:
        self.taken: list[tuple[str, tuple[Any, ...]]] = []
        everything = Dispatcher()
        everything.set_default_handler(
            lambda address, *values: self.taken.append((address, values))
        )
        super().__init__(("127.0.0.1", port), everything)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def values(self, address: str) -> list[tuple[Any, ...]]:
        return [values for name, values in self.taken if name == address]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running
        running.shutdown()


@pytest.fixture
def start() -> Iterator[Callable[..., OscSink]]:
    opened: list[OscSink] = []

    def begin(port: int, **fields: Any) -> OscSink:
        opened.append(OscSettings(port=port, **fields).open(SinkContext()))
        opened[-1].start()
        return opened[-1]

    yield begin
    for sink in opened:
        sink.close(0.0)


Start = Callable[..., OscSink]


def test_an_event_is_one_message_with_its_type_track_emotion_and_confidence(
    receiver: Receiver, start: Start
) -> None:
    sink = start(receiver.server_address[1])
    for record in (stats(), status(), event(track_id=7), uncertain(EventType.END, track_id=7)):
        sink.publish(record)
    wait_until(lambda: len(receiver.taken) == 2)
    (first, second) = sorted(receiver.values("/emotiond/event"), reverse=True)
    assert first == ("start", 7, "happy", pytest.approx(0.8))
    assert second == ("end", 7, "uncertain", 0.0)


def test_faces_in_view_tell_their_number_place_and_probabilities(
    receiver: Receiver, start: Start
) -> None:
    odd = expression(2, "so so", {"so so": 0.75, "happy": 0.25})
    start(receiver.server_address[1]).publish(sight(expression(1), odd))
    wait_until(lambda: len(receiver.taken) == 7)
    assert receiver.values("/emotiond/faces") == [(2,)]
    place = (60 / 640, 70 / 480, 100 / 640, 100 / 480)  # center, width and height
    faces = sorted(receiver.values("/emotiond/face"))
    assert faces[0] == (1, "happy", *map(pytest.approx, (0.8, *place)))
    assert faces[1] == (2, "so so", *map(pytest.approx, (0.75, *place)))
    happy = sorted(receiver.values("/emotiond/probability/happy"))
    assert happy == [(1, pytest.approx(0.8)), (2, 0.25)]
    assert receiver.values("/emotiond/probability/so_so") == [(2, 0.75)]


def test_addresses_begin_as_the_config_says_and_with_the_name_of_one_of_several_cameras(
    receiver: Receiver, start: Start
) -> None:
    sink = start(receiver.server_address[1], address="/stage/left")
    sink.publish(event(camera_name="front"))
    wait_until(lambda: receiver.taken)
    assert receiver.taken[0][0] == "/stage/left/front/event"


def test_a_receiver_that_comes_late_gets_what_happens_from_then_on(start: Start) -> None:
    port = free_port()
    sink = start(port)
    sink.publish(event(track_id=1))
    time.sleep(0.2)
    with Receiver(port) as late:
        sink.publish(event(track_id=2))
        wait_until(lambda: late.taken)
        late.shutdown()
    assert [values[1] for _, values in late.taken] == [2]
    assert sink.dropped == 0


def test_a_host_that_nobody_knows_is_one_line_and_is_looked_up_again(
    receiver: Receiver,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sink = start(receiver.server_address[1], host="no-such-host.invalid")
    for track in range(1, 4):
        sink.publish(event(track_id=track))
    wait_until(lambda: len(sink._queue) == 0 and caplog.records)
    (record,) = caplog.records
    assert record.message.startswith(f"osc no-such-host.invalid:{receiver.server_address[1]}: ")
    assert record.message.endswith("; what happens meanwhile is not sent")
    wait_until(lambda: sink.dropped == 3)
    (result,) = OscSettings(host="no-such-host.invalid").check()
    assert result.level is Level.FAILURE
    known = socket.getaddrinfo("127.0.0.1", receiver.server_address[1], type=socket.SOCK_DGRAM)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: known)  # the name server is back
    sink.publish(event(track_id=9))
    wait_until(lambda: receiver.taken)
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"host": ""},
        {"host": "a" * 64 + ".local"},
        {"port": 0},
        {"port": 65536},
        {"port": "x"},
        {"address": "stage"},
        {"address": "/stage/"},
        {"address": "/a b"},
        {"address": "/*"},
    ],
)
def test_a_target_that_cannot_be_is_one_line(fields: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config({"sinks": {"kind": "osc", **fields}}, Path("my.yaml"))
    assert "my.yaml: sinks[0]" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_its_package_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(osc, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"not installed: pythonosc; .*\[osc\]"):
        OscSettings().open(SinkContext())


def test_a_second_sink_for_the_same_target_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"sinks\[1\]: expected another target"):
        parse_config({"sinks": [{"kind": "osc"}, {"kind": "osc"}]}, Path("my.yaml"))
