"""The webhook sink and a real web server, that takes events, hangs, redirects, fails or goes away."""

import hashlib
import hmac
import logging
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.config import parse_config
from edge.errors import ConfigError, EmotiondError, Level
from edge.publish import SinkContext, webhook
from edge.publish.mqtt.settings import TlsSettings
from edge.publish.webhook import WebhookSettings, WebhookSink
from edge.secrets import SecretRef
from tests import schema
from tests.brokers import wait_until
from tests.certificates import Authority
from tests.events import event, stats
from tests.receivers import Receiver, babble, drip, flood, hang, leave


@pytest.fixture
def receivers() -> Iterator[Callable[..., Receiver]]:
    opened: list[Receiver] = []

    def new(*answers: Any) -> Receiver:
        opened.append(Receiver(*answers))
        return opened[-1]

    yield new
    for one in opened:
        one.close()


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again soon."""
    monkeypatch.setattr(webhook, "FIRST_RETRY_DELAY", 0.02)
    monkeypatch.setattr(webhook, "MAX_RETRY_DELAY", 0.1)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., WebhookSink]]:
    """What starts a sink on the outbox of the test."""
    opened: list[WebhookSink] = []

    def begin(url: str, **fields: Any) -> WebhookSink:
        settings = WebhookSettings(url, **{"timeout_s": 0.3, **fields})
        opened.append(settings.open(SinkContext(tmp_path / "outbox.sqlite", run="0a1b2c3d")))
        opened[-1].start()
        return opened[-1]

    yield begin
    for sink in opened:
        sink.close(0.0)


def publish(sink: WebhookSink, *tracks: int) -> None:
    for track in tracks:
        sink.publish(event(track_id=track))


Start = Callable[..., WebhookSink]
Receivers = Callable[..., Receiver]


def test_each_event_is_posted_in_order_as_subscribers_of_mqtt_see_it(
    receivers: Receivers, start: Start
) -> None:
    receiver = receivers()
    sink = start(receiver.url)
    publish(sink, 1, 2, 3)
    sink.publish(stats())
    sink.close(5)
    assert receiver.taken == [1, 2, 3]
    path, headers, body = receiver.requests[0]
    assert path == "/hook?device=hall"
    assert headers["Content-Type"] == "application/json"
    assert "X-Emotiond-Signature" not in headers
    schema.EVENT.validate(msgspec.json.decode(body))


def test_a_body_is_signed_with_the_secret(
    receivers: Receivers, start: Start, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("wet paint\n")
    receiver = receivers()
    sink = start(receiver.url, secret=SecretRef(file=tmp_path / "key"))
    publish(sink, 1)
    sink.close(5)
    _, headers, body = receiver.requests[0]
    digest = hmac.new(b"wet paint", body, hashlib.sha256).hexdigest()
    assert headers["X-Emotiond-Signature"] == f"sha256={digest}"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (500, "answers 500; events are kept"),
        (302, "answers 302, which redirects; let `url` be the last address; events are kept"),
        (404, "answers 404; events are kept"),
        (hang, "timed out; events are kept"),
        (drip, "timed out; events are kept"),
        (leave, "expected an answer by HTTP, found none; events are kept"),
        (flood, "expected an answer by HTTP, found none; events are kept"),
        (babble, "expected an answer by HTTP, found none; events are kept"),
    ],
)
def test_a_target_that_does_not_take_an_event_gets_it_again_before_the_next(
    receivers: Receivers, start: Start, caplog: pytest.LogCaptureFixture, answer: Any, text: str
) -> None:
    caplog.set_level(logging.INFO)
    receiver = receivers(answer, answer)
    sink = start(receiver.url)
    publish(sink, 1, 2)
    wait_until(lambda: receiver.taken == [1, 2])
    assert {path for path, _, _ in receiver.requests} == {"/hook?device=hall"}
    wait_until(lambda: len(caplog.records) == 2)
    failed, well = (record.message for record in caplog.records)  # once, though it failed twice
    assert text in failed
    assert well.endswith("takes events again")
    assert "device=hall" not in caplog.text
    assert sink.dropped == 0


def test_while_a_target_hangs_nobody_waits_and_all_is_on_disk(
    receivers: Receivers, start: Start
) -> None:
    hanging = receivers(hang, hang)
    sink = start(hanging.url, timeout_s=30.0)
    began = time.monotonic()
    publish(sink, *range(1, 51))
    assert time.monotonic() - began < 5
    wait_until(lambda: hanging.requests)
    sink.close(0.3)
    assert time.monotonic() - began < 20
    assert sink.dropped == 0
    receiver = receivers()
    start(receiver.url)
    # The run that was closed did not end its faces: the same run goes on.
    wait_until(lambda: receiver.taken == [*range(1, 51)])


def test_what_was_not_delivered_is_ended_by_the_next_run_and_delivered(
    receivers: Receivers, tmp_path: Path, start: Start
) -> None:
    nobody = receivers()
    nobody.close()
    sink = start(nobody.url)
    publish(sink, 7)
    sink.close(0.2)
    receiver = receivers()
    settings = WebhookSettings(receiver.url)
    later = settings.open(SinkContext(tmp_path / "outbox.sqlite", run="ffffffff"))
    later.start()
    wait_until(lambda: receiver.taken == [7, 7])
    later.close(1)
    end = msgspec.json.decode(receiver.requests[1][2])
    assert (end["type"], end["reason"]) == ("end", "restart")


def test_a_receiver_whose_certificate_nobody_vouches_for_gets_nothing(
    receivers: Receivers, start: Start, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "authority")
    certificate, key = authority.sign("hall")
    receiver = receivers()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    receiver.socket = context.wrap_socket(receiver.socket, server_side=True)
    url = receiver.url.replace("http:", "https:")
    sink = start(url)
    publish(sink, 1)
    wait_until(lambda: sink.status_text)
    assert "takes no events, 1 wait" in str(sink.status_text)
    (result,) = WebhookSettings(url).check()
    assert result.level is Level.FAILURE
    assert "certificate verify failed" in result.text
    sink.close(0.2)
    assert receiver.requests == []
    trusting = start(url, tls=TlsSettings(ca_file=authority.certificate))
    wait_until(lambda: receiver.taken == [1])
    assert trusting.status_text is None


def test_an_outbox_that_another_process_has_is_refused(
    receivers: Receivers, start: Start, tmp_path: Path
) -> None:
    start(receivers().url)
    other = WebhookSettings("http://127.0.0.1/").open(SinkContext(tmp_path / "outbox.sqlite"))
    with pytest.raises(EmotiondError, match="another emotiond uses this device's outbox"):
        other.prepare()


@pytest.mark.parametrize(
    "url", ["ftp://host/", "http://", "https://me:pw@host/", "http://host:x/", "http://a b/", "x"]
)
def test_an_address_that_cannot_be_posted_to_is_one_line_without_its_secrets(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config({"sinks": {"kind": "webhook", "url": url}}, Path("my.yaml"))
    assert "my.yaml: sinks[0]" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "pw" not in str(caught.value)


def test_files_of_tls_and_secret_are_looked_at_by_check(tmp_path: Path) -> None:
    for fields in ({"tls": {"ca_file": "none"}}, {"secret": {"file": "none"}}):
        data = {"sinks": {"kind": "webhook", "url": "https://host/x", **fields}}
        config = parse_config(data, tmp_path / "my.yaml")
        with pytest.raises(ConfigError, match="No such file"):
            config.sinks[0].open(SinkContext(tmp_path / "outbox.sqlite"))


def test_path_and_query_of_an_address_are_not_shown_and_each_has_an_outbox() -> None:
    urls = ["https://host/hook/s3cret?key=hidden", "https://host/hook/other"]
    sinks = [{"kind": "webhook", "url": url} for url in urls]
    config = parse_config({"sinks": sinks}, Path("my.yaml"))
    shown = msgspec.json.encode(config.redacted())
    assert b"s3cret" not in shown
    assert b"key=hidden" not in shown
    assert len({str(path) for path in config.outbox_paths()}) == 2
    with pytest.raises(ConfigError, match=r"sinks\[1\]: expected another target") as caught:
        parse_config({"sinks": [sinks[0], sinks[0]]}, Path("my.yaml"))
    assert "s3cret" not in str(caught.value)
