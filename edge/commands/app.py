"""`emotiond app`: the daemon for one person at one desk, used by its page alone."""

import argparse
import threading
import time
import webbrowser
from contextlib import suppress
from functools import partial
from http.client import HTTPException
from pathlib import Path
from secrets import token_urlsafe
from urllib.request import Request, urlopen

import msgspec

from edge import paths
from edge.commands.embedded_broker import free_port
from edge.config import Config, load_config
from edge.errors import EmotiondError, ExitCode
from edge.secrets import SecretRef
from edge.service import daemon
from edge.terminal import print_line

FIRST_CONFIG = """\
# What the page of `emotiond app` changes; docs/configuration.md has every key.
source: 0
sinks: {{kind: jsonl, path: {events}}}
retention: {{max_event_age_s: 2678400}} # 31 days, as far as the page looks back
"""

PORT, TOKEN = "app-port", "app-token"  # files with the port and the token of the page that runs
LOOK_INTERVAL_S, START_TIMEOUT_S = 0.2, 60.0  # between looks for the page; until it is served


def add_app_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `app`."""
    text = "the config, which the page changes; it is made if there is none; default: %(default)s"
    parser.add_argument("--config", type=Path, default=paths.user_config(), help=text)
    text = "print the link of the page, and open no browser"
    parser.add_argument("--no-browser", action="store_true", help=text)


def app(options: argparse.Namespace) -> ExitCode:
    """Run the daemon until its page ends it; where it runs already, show that one's page."""
    state = paths.state_directory()
    with suppress(OSError, ValueError):
        port, token = int((state / PORT).read_text()), (state / TOKEN).read_text()
        if link := _login_link(port, token):
            _show(link, options.no_browser)
            return ExitCode.OK
    try:
        if not options.config.exists():
            options.config.parent.mkdir(parents=True, exist_ok=True)
            paths.make_private_folder(paths.data_directory())
            events = msgspec.json.encode(str(paths.data_directory() / "events.jsonl")).decode()
            config = FIRST_CONFIG.format(events=events)
            paths.atomic_write(options.config, config.encode(), private=True)
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        port, token = load_config(options.config).web.port, token_urlsafe(24)
        try:
            port = free_port(port)
        except OSError:  # it is in use
            port = free_port()
        paths.atomic_write(state / TOKEN, token.encode(), private=True)
        paths.atomic_write(state / PORT, str(port).encode(), private=True)
    except OSError as error:
        path = error.filename or state  # a write to a full disk names no file
        raise EmotiondError(f"{path}: cannot be written: {error.strerror}") from error
    given = port, token, options.no_browser
    threading.Thread(target=_show_when_served, args=given, name="browser", daemon=True).start()
    try:
        return daemon.run(options.config, partial(_adjusted, port, state / TOKEN))
    finally:
        (state / TOKEN).unlink(missing_ok=True)
        (state / PORT).unlink(missing_ok=True)


def _adjusted(port: int, token: Path, config: Config) -> Config:
    """Return a config with a page for this machine alone, which can do all that its user can."""
    web = msgspec.structs.replace(
        config.web,
        enabled=True,
        host="127.0.0.1",
        port=port,
        token=SecretRef(file=token),
        quit_button=True,
        faces=config.web.faces or paths.data_directory() / "faces",
    )
    return msgspec.structs.replace(config, web=web)


def _login_link(port: int, token: str) -> str | None:
    """Return the address of the page with a code for one login; None where it is not served."""
    page, headers = f"http://127.0.0.1:{port}/", {"Authorization": f"Bearer {token}"}
    with suppress(OSError, ValueError, HTTPException):
        request = Request(f"{page}api/code", headers=headers, method="POST")
        with urlopen(request, timeout=5) as answer:
            code = msgspec.json.decode(answer.read(1000), type=dict[str, str])["code"]
            return f"{page}#login={code}"
    return None


def _show_when_served(port: int, token: str, no_browser: bool) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while (link := _login_link(port, token)) is None and time.monotonic() < deadline:
        time.sleep(LOOK_INTERVAL_S)
    if link is not None:
        _show(link, no_browser)


def _show(link: str, no_browser: bool) -> None:
    if no_browser or not webbrowser.open(link):
        print_line(f"the page of emotiond; the link is good for one login, soon: {link}")
