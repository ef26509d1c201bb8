"""The app's program: options and the Supervisor's broker become a config, and emotiond runs on it.

The page is for this machine alone; Home Assistant's ingress is let through to it, and nobody else.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import urllib.parse
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

SUPERVISOR_TIMEOUT_S = 10.0
"""Seconds in which the Supervisor, on the same machine, answers."""

MAX_HEAD_BYTES = 65536
"""Bytes of a request's or an answer's head; browsers send some 2 kB."""

FROM_INGRESS = "172.30.32.2"
"""The address from which Home Assistant's ingress asks (developers.home-assistant.io)."""


def broker_of(supervisor: str) -> dict[str, Any] | None:
    """Return the MQTT service that the Supervisor tells of, None where there is none."""
    request = urllib.request.Request(f"{supervisor}/services/mqtt")
    request.add_header("Authorization", f"Bearer {os.environ.get('SUPERVISOR_TOKEN', '')}")
    try:
        with urllib.request.urlopen(request, timeout=SUPERVISOR_TIMEOUT_S) as response:
            answer = json.load(response)
    except (OSError, ValueError) as error:  # 400: no app provides it
        say(f"no broker from Home Assistant ({error}); install the Mosquitto app, or set `broker`")
        return None
    data: dict[str, Any] = answer["data"]
    return data


def make_config(
    options: dict[str, Any], broker: dict[str, Any] | None, own: Any, data: Path, page_port: int
) -> Any:
    """Return emotiond's config.

    Args:
        options: of the app; they go before `own`.
        broker: what the Supervisor tells of it.
        own: the user's config, or nothing.
        data: folder of the app, for secrets and state.
        page_port: where the page is served to this machine.
    """
    config: dict[str, Any] = dict(own or {})
    config["source"] = _source(options, data)
    config["classifier"] = {**config.get("classifier", {}), "model": options["model"]}
    config["detector"] = options["detector"]
    privacy = {"blur": options["blur"], "allow_snapshots": options["allow_snapshots"]}
    config["privacy"] = {**config.get("privacy", {}), **privacy}
    config["web"] = {"enabled": True, "host": "127.0.0.1", "port": page_port}
    config["state_dir"] = str(data / "state")
    config.setdefault("sinks", _sinks(options, broker, data))
    return config


def _source(options: dict[str, Any], data: Path) -> Any:
    source = options["source"]
    if not options.get("source_user"):
        return source
    password = _secret(data / "camera-password", options.get("source_password", ""))
    user = options["source_user"]
    return {"kind": "stream", "url": source, "user": user, "password": password}


def _sinks(options: dict[str, Any], broker: dict[str, Any] | None, data: Path) -> list[Any]:
    """Return the one sink: the broker of the options, else the Supervisor's, else none."""
    if options.get("broker"):
        address = urllib.parse.urlsplit(options["broker"])
        broker = {
            "host": address.hostname,
            "port": address.port or (8883 if address.scheme == "mqtts" else 1883),
            "ssl": address.scheme == "mqtts",
            "username": address.username,
            "password": options.get("broker_password"),
        }
    if broker is None:
        return []
    sink = {"kind": "mqtt", "host": broker["host"], "port": broker["port"]}
    sink["device"] = options["device"]
    if broker.get("ssl"):
        sink["tls"] = {}
    if broker.get("username"):
        sink["user"] = broker["username"]
        sink["password"] = _secret(data / "mqtt-password", broker.get("password") or "")
    return [sink]


def _secret(path: Path, text: str) -> dict[str, str]:
    """Write a secret where only this user reads it; return how a config names it."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    return {"file": str(path)}


async def serve_ingress(port: int, allowed: str, page_port: int) -> asyncio.Server:
    """Let requests from one address through to the page, one a connection."""
    host = b"127.0.0.1:%d" % page_port

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if writer.get_extra_info("peername")[0] == allowed:
                head = await _read_head(reader)
                page_reader, page = await asyncio.open_connection("127.0.0.1", page_port)
                page.write(_for_page(head, host))
                sending = asyncio.create_task(_copy(reader, page))
                answer = await _read_head(page_reader)
                writer.write(answer.replace(b"frame-ancestors 'none'", b"frame-ancestors 'self'"))
                await _copy(page_reader, writer)
                sending.cancel()
                page.close()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the daemon is not up yet, or whoever asked is gone
        finally:
            writer.close()

    return await asyncio.start_server(pass_on, None, port, limit=MAX_HEAD_BYTES)


async def _read_head(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


def _for_page(head: bytes, host: bytes) -> bytes:
    """Return a request's head as if it were for this machine's `host`, and were the only one."""
    first, *lines = head.rstrip(b"\r\n").split(b"\r\n")
    replaced = {b"host", b"origin", b"connection"}
    kept = [line for line in lines if line.partition(b":")[0].lower() not in replaced]
    own = [b"Host: " + host, b"Origin: http://" + host, b"Connection: close"]
    return b"\r\n".join([first, *own, *kept, b"", b""])


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while block := await reader.read(65536):
            writer.write(block)
            await writer.drain()


async def run(program: list[str], port: int, allowed: str, page_port: int) -> int:
    """Run the daemon behind the ingress until it ends; return its exit code."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = await serve_ingress(port, allowed, page_port)
    daemon = await asyncio.create_subprocess_exec(*program)
    ended, stopped = asyncio.create_task(daemon.wait()), asyncio.create_task(stop.wait())
    await asyncio.wait((ended, stopped), return_when=asyncio.FIRST_COMPLETED)
    if not ended.done():
        daemon.terminate()
    server.close()
    return await ended


def say(text: str) -> None:
    """Write a line into the app's log."""
    sys.stderr.write(f"{text}\n")


def main() -> int:
    """Run what the app runs; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("/data"))
    parser.add_argument("--config", type=Path, default=Path("/config/emotiond.yaml"))
    parser.add_argument("--supervisor", default="http://supervisor")
    parser.add_argument("--ingress-port", type=int, default=8099)
    parser.add_argument("--ingress-from", default=FROM_INGRESS)
    parser.add_argument("--page-port", type=int, default=8080)
    arguments = parser.parse_args()
    options = json.loads((arguments.data / "options.json").read_text())
    own = yaml.safe_load(arguments.config.read_text()) if arguments.config.exists() else None
    broker = None if options.get("broker") else broker_of(arguments.supervisor)
    path = arguments.data / "emotiond.yaml"
    config = make_config(options, broker, own, arguments.data, arguments.page_port)
    path.write_text(yaml.safe_dump(config))
    program = [sys.executable, "-m", "edge", "run", "--config", str(path)]
    ports = arguments.ingress_port, arguments.ingress_from, arguments.page_port
    return asyncio.run(run(program, *ports))


if __name__ == "__main__":
    sys.exit(main())
