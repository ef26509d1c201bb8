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
from typing import NamedTuple
from urllib.request import Request, urlopen

import msgspec

from edge.commands.embedded_broker import free_port
from edge.config import Config, load_config
from edge.errors import EmotiondError, ExitCode
from edge.paths import atomic_write, data_directory, state_directory, user_config
from edge.secrets import SecretRef
from edge.service import daemon
from edge.terminal import print_line

FIRST_CONFIG = """\
# What the page of `emotiond app` changes; docs/configuration.md has every key.
source: 0
sinks: []
"""

PORT, TOKEN = "app-port", "app-token"
"""Names of the files that hold the port and the token of the page that runs."""

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
    with suppress(OSError, ValueError):
        present = Page(int((state / PORT).read_text()), (state / TOKEN).read_text())
        if present.is_served:
            present.show(options.no_browser)
            return ExitCode.OK
    try:
        if not options.config.exists():
            options.config.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(options.config, FIRST_CONFIG.encode(), private=True)
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        page = Page(_free_port(load_config(options.config).web.port), token_urlsafe(24))
        atomic_write(state / TOKEN, page.token.encode(), private=True)
        atomic_write(state / PORT, str(page.port).encode(), private=True)
    except OSError as error:
        raise EmotiondError(f"{error.filename}: cannot be written: {error.strerror}") from error
    given = (options.no_browser,)
    threading.Thread(target=page.show, args=given, name="browser", daemon=True).start()
    try:
        return daemon.run(options.config, partial(_adjusted, page.port, state / TOKEN))
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
        faces=config.web.faces or data_directory() / "faces",
    )
    return msgspec.structs.replace(config, web=web)


def _free_port(wanted: int) -> int:
    """Return the wanted port, or another where that one is in use."""
    try:
        return free_port(wanted)
    except OSError:
        return free_port()


class Page(NamedTuple):
    """The page of a daemon on this machine, and the token that it asks for."""

    port: int
    token: str

    @property
    def is_served(self) -> bool:
        """Tell whether it answers."""
        with suppress(OSError, ValueError, HTTPException):
            return b"svg" in self._ask("page.svg", "GET")
        return False

    def show(self, no_browser: bool) -> None:
        """Open it in the browser, once it is served, by a link that is good for one login."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self.is_served and time.monotonic() < deadline:
            time.sleep(LOOK_INTERVAL_S)
        try:
            code = msgspec.json.decode(self._ask("api/code", "POST"), type=dict[str, str])["code"]
        except (OSError, ValueError, HTTPException) as error:
            print_line(f"the page of emotiond does not answer: {error}")
            return
        link = f"http://127.0.0.1:{self.port}/#login={code}"
        if no_browser or not webbrowser.open(link):
            print_line(f"the page of emotiond; the link is good for one login, soon: {link}")

    def _ask(self, path: str, method: str) -> bytes:
        headers = {"Authorization": f"Bearer {self.token}"}
        url = f"http://127.0.0.1:{self.port}/{path}"
        with urlopen(Request(url, headers=headers, method=method), timeout=5) as answer:
            return bytes(answer.read(1000))
