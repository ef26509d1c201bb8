"""A secret in each place that a config has for one, and everything that a daemon tells anybody."""

import io
import json
import resource
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path

import pytest

from tests.faults import fault

pytest.importorskip("uvicorn", reason="the page needs the extra `web`")

from edge.bench.clips import LiveStream
from edge.cli import main
from edge.commands.demo import CLIP
from edge.commands.embedded_broker import free_port
from tests.brokers import Mosquitto, wait_until
from tests.e2e.daemon import Daemon, mqtt
from tests.subscribers import Subscriber

CANARIES = {
    name: f"canary-of-the-{name}"
    for name in ("user", "password", "query", "broker-user", "broker-password", "token", "literal")
}

PATHS = ("/", "/api/state", "/metrics", "/healthz", "/openapi.json", "/nothing", "/page.js")


@contextmanager
def core_dumps() -> Iterator[None]:
    """Let processes that are started now leave core dumps, as far as the system does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


@fault(
    "people",
    "a secret in each place that a config has for one",
    seen="none of them, in log, MQTT, page, doctor, report or events",
    recovery="none needed",
)
def test_no_secret_is_told_by_anything_that_the_daemon_and_its_commands_say(
    tmp_path: Path, needs_mosquitto: None
) -> None:
    for name, canary in CANARIES.items():
        (tmp_path / "secrets").mkdir(exist_ok=True)
        (tmp_path / "secrets" / name).write_text(canary)
    passwords = tmp_path / "passwords"
    passwords.touch()
    user, password = CANARIES["broker-user"], CANARIES["broker-password"]
    subprocess.run(["mosquitto_passwd", "-b", str(passwords), user, password], check=True)
    run = tmp_path / "run"
    run.mkdir()
    lines = f"allow_anonymous false\npassword_file {passwords}"
    port = free_port()
    told: dict[str, bytes] = {}
    with Mosquitto(tmp_path, lines) as broker, LiveStream(CLIP, 25) as stream:
        secrets = tmp_path / "secrets"
        sink = {"user": {"file": str(secrets / "broker-user")}}
        sink["password"] = {"file": str(secrets / "broker-password")}
        config = {
            "source": {
                "kind": "stream",
                "url": f"{stream.url}?pwd={CANARIES['query']}",
                "user": CANARIES["user"],
                "password": {"file": str(secrets / "password")},
            },
            "sinks": [{**mqtt(broker.port), **sink}, {"kind": "jsonl", "path": "events.jsonl"}],
            "web": {"enabled": True, "port": port, "token": {"file": str(secrets / "token")}},
        }
        with (
            Subscriber(broker.host, broker.port, user, password) as subscriber,
            core_dumps(),
            Daemon(run, config) as daemon,
        ):
            wait_until(lambda: subscriber.payloads("emotiond/test/event") != [], 60)
            for topic in ("request/info", "request/reload", "set/model"):
                subscriber.publish(f"emotiond/test/{topic}", b"{}")
            wait_until(lambda: subscriber.payloads("emotiond/test/response/reload") != [])
            bad = {**config, "sinks": [{**mqtt(broker.port), "password": CANARIES["literal"]}]}
            daemon.write(bad)
            subscriber.publish("emotiond/test/request/reload", b"{}")
            wait_until(lambda: len(subscriber.payloads("emotiond/test/response/reload")) == 2)
            daemon.write(config)
            told |= pages(port, CANARIES["token"])
            told["argv"] = arguments(daemon.pid)
            told |= commands(run, daemon.path)
            subscriber.catch_up()
            daemon.signal(signal.SIGABRT)
            assert daemon.wait() == -signal.SIGABRT
            told["MQTT"] = "\n".join(map(str, subscriber.messages)).encode()
    assert b"response/info" in told["MQTT"]
    for path in run.rglob("*"):  # log, events, outbox, cores
        if path.is_file() and path != daemon.path:
            told[str(path)] = path.read_bytes()
    assert any("events.jsonl" in name for name in told)
    found = {
        (where, name)
        for where, text in told.items()
        for name, canary in CANARIES.items()
        if canary.encode() in text
    }
    assert found == set()
    assert not list(run.glob("core*")), "a dump of memory, with images and secrets"


def pages(port: int, token: str) -> dict[str, bytes]:
    """Return what each page answers, before a login, after it, and to a wrong token."""
    address, told = f"http://127.0.0.1:{port}", {}
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    for kind, body in (("none", None), ("wrong", CANARIES["literal"]), ("right", token)):
        if body is not None:
            data = json.dumps({"token": body}).encode()
            told[f"login {kind}"] = fetch(
                opener, urllib.request.Request(f"{address}/api/login", data)
            )
        for path in PATHS:
            told[f"{path} {kind}"] = fetch(opener, urllib.request.Request(address + path))
    assert b'"camera"' in told["/api/state right"]
    return told


def fetch(opener: urllib.request.OpenerDirector, request: urllib.request.Request) -> bytes:
    try:
        with opener.open(request, timeout=20) as reply:
            return str(reply.headers).encode() + bytes(reply.read())
    except urllib.error.HTTPError as error:
        return str(error.headers).encode() + error.read()


def arguments(pid: int) -> bytes:
    """Return the command lines of a process and its children."""
    lines = Path(f"/proc/{pid}/cmdline").read_bytes()
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            with suppress(OSError):
                lines += arguments(int(child))
    return lines


def commands(folder: Path, config: Path) -> dict[str, bytes]:
    """Return what each command prints about a config and its events."""
    told = {}
    lines = ["check", "doctor", "audit", "audit --json", "audit --dpia", "audit --notice"]
    for line in (*lines, "forget", "homeassistant remove", "report"):
        file = [str(folder / "events.jsonl")] if line == "report" else ["--config", str(config)]
        printed = io.StringIO()
        with redirect_stdout(printed), redirect_stderr(printed):
            main([*line.split(), *file])
        told[line] = printed.getvalue().encode()
    return told


@fault(
    "people",
    "a command crashes",
    seen="no dump of its memory",
    recovery="none needed",
)
def test_a_command_can_leave_no_dump_of_its_memory(tmp_path: Path) -> None:
    """A limit of one byte is none to Linux, and to a program that takes dumps; of 0 it takes them."""
    code = "import resource, edge.cli; edge.cli.main(['check', '--config', 'gone']); "
    code += "print(resource.getrlimit(resource.RLIMIT_CORE)[0])"
    with core_dumps():
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
        )
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    assert done.stdout.strip() == ("0" if hard == 0 else "1"), done.stderr
