"""A running web server; a test says what it shows and how its commands are answered."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

from edge.config import Config, parse_config
from edge.pipeline.processing import ImageAnalyzer
from edge.pipeline.worker import LatestFrame
from edge.service.commands import (
    Catalog,
    Command,
    CommandError,
    CommandQueue,
    CommandRequest,
    CommandResult,
    GetSettings,
)
from edge.service.settings import describe_settings
from edge.types import AnalyzedFrame, CameraState, DaemonStatus, Image
from edge.view import PrivacyBlur, ViewContext, WebSettings
from edge.view.web.server import WebServer

LABELS = ("angry", "happy", "sad")


@dataclass(frozen=True)
class Reply:
    """What the server answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Of an error."""
        return str(self.json["error"]["code"])


class CommandAnswerer:
    """Answers commands in the place of the main thread, and keeps them.

    Attributes:
        answer: what everybody is answered; None lets them wait.
    """

    def __init__(self, commands: CommandQueue) -> None:
        self.asked: list[Command] = []
        self.answer: CommandResult | CommandError | None = CommandResult({"done": True})
        self._commands = commands
        self._closed = Event()
        self._thread = Thread(target=self._work, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        self._commands.wake()
        self._thread.join()

    def _work(self) -> None:
        while not self._closed.is_set():
            request: CommandRequest | None = self._commands.next(5.0)
            if request is not None:
                self.asked.append(request.command)
                if isinstance(request.command, GetSettings):
                    settings = describe_settings(Config(), Path("emotiond.yaml"))
                    request.answer(CommandResult(settings))
                elif self.answer is not None:
                    request.answer(self.answer)


class Server:
    """A running web server, and what a test needs to feed and ask it."""

    def __init__(
        self,
        settings: WebSettings,
        blur: PrivacyBlur = PrivacyBlur.NONE,
        folder: Path | None = None,
    ) -> None:
        self.latest = LatestFrame()
        self.commands = CommandQueue()
        self.answerer = CommandAnswerer(self.commands)
        self.images = ImageAnalyzer(lambda: parse_config({"sinks": []}, Path("/config.yaml")))
        self.analyzed: list[Image] = []
        catalog = Catalog({}, ("auto", "haar"))
        context = ViewContext(self.latest, self.commands, blur, self._analyze, catalog)
        if folder is not None:  # what the page keeps and writes
            path = folder / "emotiond.yaml"
            path.write_text("sinks: []\n")
            context = replace(
                context,
                config_path=path,
                state=folder / "state",
                event_files=(folder / "events.jsonl",),
                options=lambda: ["--config", str(path)],
                crop=self.images.crop_largest,
            )
        self.web = WebServer(settings, context)
        self.cookie = ""

    def publish_status(self, camera: CameraState = CameraState.ONLINE) -> None:
        self.web.publish(DaemonStatus(camera, None, "shallow-int8", "haar", LABELS))

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    @property
    def port(self) -> int:
        return int(self.web.url.rpartition(":")[2])

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        anonymous: bool = False,
    ) -> Reply:
        """Ask for something, with the page's cookie unless nobody is to be known."""
        connection = self.connect()
        known = {} if anonymous or not self.cookie else {"Cookie": self.cookie}
        try:
            connection.request(method, path, body, known | (headers or {}))
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, names, response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Reply:
        return self.request("GET", path, headers=headers)

    def post_command(self, **fields: Any) -> Reply:
        return self.request("POST", "/api/control", json.dumps(fields).encode())

    def load_page(self) -> None:
        """Load the page, as a browser does, and keep its cookie."""
        self.cookie = self.get("/").headers["set-cookie"].partition(";")[0]

    def _analyze(self, image: Image) -> AnalyzedFrame:
        self.analyzed.append(image)
        return self.images.analyze(image)


@contextmanager
def serve(
    settings: WebSettings | None = None,
    blur: PrivacyBlur = PrivacyBlur.NONE,
    folder: Path | None = None,
) -> Iterator[Server]:
    """Serve a page, on a free port unless the settings say otherwise."""
    server = Server(settings or WebSettings(port=0), blur, folder)
    server.publish_status()
    server.web.prepare()
    server.web.start()
    try:
        yield server
    finally:
        server.web.close(10.0)
        server.answerer.close()
