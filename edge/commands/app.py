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
from urllib.request import urlopen

import msgspec

from edge.commands.embedded_broker import free_port
from edge.config import Config, load_config
from edge.errors import EmotiondError, ExitCode
from edge.paths import atomic_write, state_directory, user_config
from edge.secrets import SecretRef
from edge.service import daemon
from edge.terminal import print_line

FIRST_CONFIG = """\
# What the page of `emotiond app` changes; docs/configuration.md has every key.
source: 0
sinks: []
"""

LINK = "app-link"
"""Name of the file that holds the address of the page that runs, and its token."""

LOOK_INTERVAL_S = 0.2
START_TIMEOUT_S = 60.0
"""Seconds between two looks for the page, and within which it is served on a slow machine."""


def add_app_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `app`."""
    text = "the config, which the page changes; it is made if there is none; default: %(default)s"
    parser.add_argument("--config", type=Path, default=user_config(), help=text)
    text = "print the link of the page, and open no browser"
    parser.add_argument("--no-browser", action="store_true", help=text)


def app(options: argparse.Namespace) -> ExitCode:
    """Run the daemon until its page ends it; where it runs already, show that one's page."""
    state = state_directory()
    with suppress(OSError):
        link = (state / LINK).read_text()
        if _is_served(link):
            _show(link, options.no_browser)
            return ExitCode.OK
    token = state / "app-token"
    try:
        if not options.config.exists():
            options.config.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(options.config, FIRST_CONFIG.encode(), private=True)
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        secret = token_urlsafe(24)
        port = _free_port(load_config(options.config).web.port)
        link = f"http://127.0.0.1:{port}/#token={secret}"
        atomic_write(token, secret.encode(), private=True)
        atomic_write(state / LINK, link.encode(), private=True)
    except OSError as error:
        raise EmotiondError(f"{error.filename}: cannot be written: {error.strerror}") from error
    showing = partial(_show_once_served, link, options.no_browser)
    threading.Thread(target=showing, name="browser", daemon=True).start()
    try:
        return daemon.run(options.config, partial(_adjusted, port, token))
    finally:
        token.unlink(missing_ok=True)
        (state / LINK).unlink(missing_ok=True)


def _adjusted(port: int, token: Path, config: Config) -> Config:
    """Return a config with a page for this machine alone, which can end the daemon."""
    changes = {"enabled": True, "host": "127.0.0.1", "port": port, "quit_button": True}
    web = msgspec.structs.replace(config.web, token=SecretRef(file=token), **changes)
    return msgspec.structs.replace(config, web=web)


def _free_port(wanted: int) -> int:
    """Return the wanted port, or another where that one is in use."""
    try:
        return free_port(wanted)
    except OSError:
        return free_port()


def _is_served(link: str) -> bool:
    try:
        with urlopen(f"{link.partition('#')[0]}page.svg", timeout=5) as answer:
            return b"svg" in answer.read(1000)
    except (OSError, ValueError, HTTPException):
        return False


def _show_once_served(link: str, no_browser: bool) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not _is_served(link) and time.monotonic() < deadline:
        time.sleep(LOOK_INTERVAL_S)
    _show(link, no_browser)


def _show(link: str, no_browser: bool) -> None:
    if no_browser or not webbrowser.open(link):
        print_line(f"the page of emotiond, for this machine alone: {link}")
