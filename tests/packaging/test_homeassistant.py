"""The Home Assistant app: its files fit together, and it runs under a Supervisor (a small server)."""

import http.client
import json
import re
import signal
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping
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


def is_flag(value: object) -> bool:
    return isinstance(value, bool)


def matches(pattern: str) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def each(rule: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and bool(value) and all(map(rule, value))


SIZE, NUMBER = r"(\(\d*,\d*\))?", r"(\((-?[\d.]+)?,(-?[\d.]+)?\))?"
OPTION = (
    rf"(bool|email|url|port|(str|password){SIZE}|(int|float){NUMBER}|match\(.*\)|list\(.+\)"
    r"|device(\(subsystem=[a-z]+\))?)\??"
)
"""What an option may be: a type with its bounds, and `?` where it may be left out."""

RULES: dict[str, Callable[[object], bool]] = {
    "name": matches(r".+"),
    "version": matches(r"\d+\.\d+\.\d+\S*"),
    "slug": matches(r"[-_.A-Za-z0-9]+"),
    "description": matches(r".+"),
    "url": matches(r"https?://\S+"),
    "arch": each(matches(r"aarch64|amd64")),  # the others are no longer supported
    "startup": matches(r"initialize|system|services|application|once"),
    "boot": matches(r"auto|manual|manual_only"),
    "init": is_flag,
    "stage": matches(r"stable|experimental|deprecated"),
    "video": is_flag,
    "services": each(matches(r"(mqtt|mysql):(provide|want|need)")),
    "ingress": is_flag,
    "ingress_port": lambda port: type(port) is int and 0 <= port <= 65535,
    "ingress_stream": is_flag,
    "panel_icon": matches(r"mdi:[a-z-]+"),
    "watchdog": matches(r"(https?|\[PROTO:\w+\]|tcp)://\[HOST\]:(\[PORT:\d+\]|\d+).*"),
    "timeout": lambda seconds: type(seconds) is int and 10 <= seconds <= 300,
    "map": each(
        matches(
            r"(data|ssl|addons|backup|share|media|homeassistant_config|all_addon_configs|addon_config)"
            r"(:(rw|ro))?"
        )
    ),
    "options": lambda options: isinstance(options, dict),
    "schema": lambda schema: (
        isinstance(schema, dict) and all(map(matches(OPTION), schema.values()))
    ),
}
"""Of the Supervisor's rules (home-assistant/supervisor, supervisor/apps/validate.py and options.py,
2026-11; an app that breaks one is not shown at all), those of the keys that are used here."""

REQUIRED = {"name", "version", "slug", "description", "arch"}


def broken_rules(settings: Mapping[str, object]) -> list[str]:
    """Return the keys with which the Supervisor would not show an app, or that it does not know."""
    missing = sorted(REQUIRED - settings.keys())
    return missing + [
        key for key, value in settings.items() if key not in RULES or not RULES[key](value)
    ]


def test_its_config_is_as_the_supervisor_wants_it() -> None:
    assert broken_rules(SETTINGS) == []
    schema, options = SETTINGS["schema"], SETTINGS["options"]
    assert options.keys() == {name for name, text in schema.items() if not text.endswith("?")}
    for name, value in options.items():  # a default that its own schema refuses stops the start
        kind, _, given = schema[name].removesuffix(")").partition("(")
        assert isinstance(value, bool if kind == "bool" else str), name
        assert kind != "list" or value in given.split("|"), name
        assert kind != "match" or re.match(given, str(value)), name
    assert int(re.findall(r"\d+", SETTINGS["watchdog"])[0]) == SETTINGS["ingress_port"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("timeout", 5),
        ("map", ["addon_config:write"]),
        ("services", ["mqtt"]),
        ("schema", {"source": "str=0"}),
        ("watchdog", "http://localhost:8099"),
        ("arch", ["armv7"]),
        ("image", None),
        ("foo", True),
    ],
)
def test_the_rules_are_broken_by_what_the_supervisor_refuses(key: str, value: object) -> None:
    assert broken_rules({**SETTINGS, key: value}) == [key]


def test_its_repository_is_as_the_supervisor_wants_it() -> None:
    repository = yaml.safe_load((APP.parent / "repository.yaml").read_text())
    assert repository.keys() == {"name", "url", "maintainer"}
    assert all(isinstance(text, str) and text for text in repository.values())
    assert (APP / "DOCS.md").is_file()


def test_who_owns_it_is_filled_in_at_one_place_and_packed(tmp_path: Path) -> None:
    """pyproject.toml is that place: in the app's archive nothing is left to be filled in."""
    code = (
        "import importlib.machinery as m, pathlib, sys; sys.path.insert(0, 'packaging'); "
        "import environment as e; e.PROJECT['urls']['Homepage'] = 'https://owner.test/it'; "
        "e.PROJECT['authors'] = [{'name': 'Ada', 'email': 'ada@owner.test'}]; "
        "e.build_wheel = lambda folder: pathlib.Path('README.md').absolute(); "
        f"sys.argv[1:] = ['--out', {str(tmp_path)!r}]; "
        "m.SourceFileLoader('build', 'packaging/homeassistant/build').load_module().main()"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    with tarfile.open(next(tmp_path.glob("*.tar"))) as archive:
        archive.extractall(tmp_path, filter="data")
    repository = yaml.safe_load((tmp_path / "repository.yaml").read_text())
    assert repository["url"] == "https://owner.test/it"
    assert repository["maintainer"] == "Ada <ada@owner.test>"
    packed = yaml.safe_load((tmp_path / "emotiond" / "config.yaml").read_text())
    assert packed == SETTINGS | {"url": "https://owner.test/it"}


def test_the_supervisor_can_build_it_from_what_lies_in_the_folder() -> None:
    """It pulls what the image is from, so that may not be one of this machine; --pull."""
    lines = re.sub(r"\\\n", " ", (APP / "Dockerfile").read_text()).splitlines()
    steps = [line.split() for line in lines if line and not line.startswith("#")]
    assert [words[1:] for words in steps if words[0] == "FROM"] == [["debian:trixie-slim"]]
    assert not list(APP.glob("build.*")), "deprecated: it would replace what the image is from"
    copied = {one for words in steps if words[0] == "COPY" for one in words[1:-1]}
    assert copied == {"emotiond-*.whl", "constraints.txt", "run.py"}


def test_it_is_of_this_version() -> None:
    assert SETTINGS["version"] == __version__
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
        self.port, self.page_port = free_port(), free_port()
        (folder / "options.json").write_text(json.dumps({**SETTINGS["options"], **options}))
        command = [sys.executable, str(APP / "run.py"), "--data", str(folder)]
        command += ["--config", str(folder / "own.yaml"), "--supervisor", supervisor]
        command += ["--ingress-port", str(self.port), "--ingress-from", "127.0.0.1"]
        command += ["--page-port", str(self.page_port)]
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


def test_a_restart_and_an_update_keep_its_state_and_take_new_options(
    supervisor: str, broker: Mosquitto, tmp_path: Path
) -> None:
    """A pause lasts; the user's config may have keys of the release before."""
    FakeSupervisor.broker = {"host": broker.host, "port": broker.port, "ssl": False}
    (tmp_path / "own.yaml").write_text("smoothing: {time_constant: 0.7}")  # as of version 0.1
    with Subscriber(broker.host, broker.port) as heard:
        with App(tmp_path, supervisor, {"source": str(CLIP)}):
            wait_until(lambda: heard.payloads("emotiond/emotiond/event"), 60)
            heard.publish("emotiond/emotiond/set/pause", b"ON")
            wait_until((tmp_path / "state" / "pause.json").exists)
        with App(tmp_path, supervisor, {"source": str(CLIP), "blur": "frame"}) as updated:
            wait_until(lambda: listens(updated.page_port), 60)
            assert json.loads(updated.get("/api/state")[2])["camera"] == "paused"
    config = load_config(tmp_path / "emotiond.yaml")
    assert (config.smoothing.time_constant_s, config.privacy.blur) == (0.7, "frame")


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
