"""The Home Assistant app: its files fit together, and it runs under a Supervisor (a small server)."""

import http.client
import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from PIL import Image

from edge import __version__
from edge.commands.demo import CLIP
from edge.commands.embedded_broker import free_port
from edge.config import load_config
from edge.publish import MqttSettings
from tests.brokers import Mosquitto, listens, wait_until
from tests.conftest import ROOT
from tests.subscribers import Subscriber

APP = ROOT / "packaging" / "homeassistant" / "emotiond"
SETTINGS: dict[str, Any] = yaml.safe_load((APP / "config.yaml").read_text())

TYPE = r"(str|bool|password|int|float|port|url|email)(\(.*\))?\??|list\(.+\)\??|match\(.+\)\??"
"""Types of options (developers.home-assistant.io, "Options / Schema")."""

KEYS = {
    *("name", "version", "slug", "description", "url", "arch", "startup", "init", "stage", "video"),
    *("services", "ingress", "ingress_port", "ingress_stream", "panel_icon", "watchdog", "timeout"),
    *("map", "options", "schema"),
}
"""Of the keys that are documented there ("App config"), those that are used."""


def test_its_config_is_as_the_supervisor_wants_it() -> None:
    assert SETTINGS.keys() <= KEYS
    assert SETTINGS.keys() >= {"name", "version", "slug", "description", "arch"}
    assert set(SETTINGS["arch"]) <= {"aarch64", "amd64"}
    assert all(re.fullmatch(r"mqtt:(provide|want|need)", one) for one in SETTINGS["services"])
    assert re.fullmatch(r"http://\[HOST\]:\[PORT:\d+\]/\S+", SETTINGS["watchdog"])
    assert all(re.fullmatch(TYPE, text) for text in SETTINGS["schema"].values())
    required = {name for name, text in SETTINGS["schema"].items() if not text.endswith("?")}
    assert SETTINGS["options"].keys() == required
    for path in (APP.parent / "repository.yaml", APP / "DOCS.md", APP / "CHANGELOG.md"):
        assert path.is_file()


def test_it_is_of_this_version() -> None:
    assert SETTINGS["version"] == __version__
    assert f"BUILD_FROM=emotiond:{__version__}\n" in (APP / "Dockerfile").read_text()
    assert f"## {__version__}\n" in (APP / "CHANGELOG.md").read_text()


def test_every_option_is_explained() -> None:
    for path in (APP / "translations").iterdir():
        texts = yaml.safe_load(path.read_text())["configuration"]
        assert texts.keys() == SETTINGS["schema"].keys()
        assert all(text.keys() == {"name", "description"} for text in texts.values())


def test_its_images_have_the_sizes_that_are_asked_for() -> None:
    assert Image.open(APP / "icon.png").size == (128, 128)
    assert Image.open(APP / "logo.png").size == (250, 100)


class FakeSupervisor(BaseHTTPRequestHandler):
    """Answers for the service `mqtt` whoever has the token."""

    broker: ClassVar[dict[str, Any] | None] = None

    def do_GET(self) -> None:
        known = self.path == "/services/mqtt" and self.broker is not None
        trusted = self.headers["Authorization"] == "Bearer of-this-app"
        self.send_response(200 if known and trusted else 400)
        self.end_headers()
        self.wfile.write(json.dumps({"result": "ok", "data": self.broker}).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def supervisor() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), FakeSupervisor)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    FakeSupervisor.broker = None


class App:
    """The app, started as its image does, with its folders below `folder`."""

    def __init__(self, folder: Path, supervisor: str, options: Mapping[str, object]) -> None:
        self.folder, self.port = folder, free_port()
        (folder / "options.json").write_text(json.dumps({**SETTINGS["options"], **options}))
        command = [sys.executable, str(APP / "run.py"), "--data", str(folder)]
        command += ["--config", str(folder / "own.yaml"), "--supervisor", supervisor]
        command += ["--ingress-port", str(self.port), "--ingress-from", "127.0.0.1"]
        command += ["--page-port", str(free_port())]
        environment = {"SUPERVISOR_TOKEN": "of-this-app", "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(command, env=environment, cwd=folder)

    def __enter__(self) -> "App":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(60)

    def get(self, path: str, host: str = "127.0.0.1", method: str = "GET") -> tuple[int, str, str]:
        """Ask as the ingress does; return status, Content-Security-Policy and body."""
        source = (host, 0)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, 10, source_address=source)
        headers = {"Host": "home.local:8123", "Origin": "http://home.local:8123"}
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        policy = answer.getheader("Content-Security-Policy", "")
        return answer.status, policy, answer.read().decode()


def test_it_publishes_to_the_broker_of_the_supervisor_and_shows_its_page_to_the_ingress_alone(
    supervisor: str, secured: Mosquitto, tmp_path: Path
) -> None:
    login = {"username": "edge", "password": "secret"}
    FakeSupervisor.broker = {"host": secured.host, "port": secured.port, "ssl": False, **login}
    with (
        Subscriber(secured.host, secured.port, user="edge", password="secret") as heard,
        App(tmp_path, supervisor, {"source": str(CLIP)}) as app,
    ):
        wait_until(lambda: heard.payloads("emotiond/emotiond/event"), 60)
        status, policy, page = app.get("/")
        assert status == 200
        assert "frame-ancestors 'self'" in policy
        assert not re.search(r"(src|href)=\"/", page), "the ingress serves it below a path"
        assert app.get("/api/state")[0] == 200
        with pytest.raises(ConnectionError):
            app.get("/", host="127.0.0.2")
        app.process.send_signal(signal.SIGTERM)
        assert app.process.wait(30) == 0
    assert (tmp_path / "mqtt-password").stat().st_mode & 0o077 == 0
    assert "secret" not in (tmp_path / "emotiond.yaml").read_text().replace("mqtt-password", "")


def test_without_a_broker_it_runs_and_takes_the_users_own_config(
    supervisor: str, tmp_path: Path
) -> None:
    (tmp_path / "own.yaml").write_text("quality: {min_size: 30}\nclassifier: {min_confidence: 0.6}")
    options = {"source": str(CLIP), "model": "tiny-int8", "blur": "faces"}
    with App(tmp_path, supervisor, options) as app:
        wait_until(lambda: listens(app.port) and (tmp_path / "emotiond.yaml").exists(), 30)
    config = load_config(tmp_path / "emotiond.yaml")
    assert config.sinks == ()
    assert (config.quality.min_size, config.classifier.min_confidence) == (30, 0.6)
    assert (config.classifier.model.name, config.privacy.blur) == ("tiny-int8", "faces")


def test_a_broker_of_the_options_goes_before_the_supervisors(
    supervisor: str, tmp_path: Path
) -> None:
    FakeSupervisor.broker = {"host": "core-mosquitto", "port": 1883, "ssl": False}
    options = {"broker": "mqtts://anna@broker.test", "broker_password": "p", "source": "0"}
    with App(tmp_path, supervisor, options):
        wait_until((tmp_path / "emotiond.yaml").exists, 30)
        wait_until(lambda: (tmp_path / "emotiond.yaml").stat().st_size, 30)
    (sink,) = load_config(tmp_path / "emotiond.yaml").sinks
    assert isinstance(sink, MqttSettings)
    assert (sink.host, sink.port, sink.user) == ("broker.test", 8883, "anna")
    assert sink.tls is not None
