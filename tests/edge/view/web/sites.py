"""A served page, with what is shown on it and who answers its commands in a test's hands."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

from edge.offline.recognizer import EmotionRecognizer
from edge.pipeline.latest_frame import LatestFrame
from edge.service.commands import (
    Catalog,
    Command,
    CommandError,
    CommandQueue,
    CommandRequest,
    CommandResult,
)
from edge.types import AnalyzedFrame, CameraState, DaemonStatus, Image
from edge.view.settings import PrivacyBlur
from edge.view.view_context import ViewContext
from edge.view.web.server import WebServer
from edge.view.web.settings import WebSettings

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


class Clerk:
    """Answers at a desk, in the place of the main thread, and remembers what was asked.

    Attributes:
        answer: what everybody is answered; None lets them wait.
    """

    def __init__(self, desk: CommandQueue) -> None:
        self.asked: list[Command] = []
        self.answer: CommandResult | CommandError | None = CommandResult({"done": True})
        self._desk = desk
        self._closed = Event()
        self._thread = Thread(target=self._work, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        self._desk.wake()
        self._thread.join()

    def _work(self) -> None:
        while not self._closed.is_set():
            request: CommandRequest | None = self._desk.next(5.0)
            if request is not None:
                self.asked.append(request.command)
                if self.answer is not None:
                    request.answer(self.answer)


class House:
    """A running site, and all that a test needs of what stands around it."""

    def __init__(self, settings: WebSettings, blur: PrivacyBlur = PrivacyBlur.NONE) -> None:
        self.showcase = LatestFrame()
        self.desk = CommandQueue()
        self.clerk = Clerk(self.desk)
        self.recognizer = EmotionRecognizer()
        self.analysed: list[Image] = []
        catalog = Catalog({}, ("auto", "haar"), LABELS)
        context = ViewContext(self.showcase, blur, self._analyse, catalog)
        self.site = WebServer(settings, context, self.desk)
        self.cookie = ""

    def tell(self, camera: CameraState = CameraState.ONLINE) -> None:
        self.site.publish(DaemonStatus(camera, None, "shallow-int8", "haar", LABELS))

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    @property
    def port(self) -> int:
        return int(self.site.url.rpartition(":")[2])

    def ask(
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
        return self.ask("GET", path, headers=headers)

    def order(self, **fields: Any) -> Reply:
        return self.ask("POST", "/api/control", json.dumps(fields).encode())

    def enter(self) -> None:
        """Load the page, as a browser does, and keep its cookie."""
        self.cookie = self.get("/").headers["set-cookie"].partition(";")[0]

    def _analyse(self, image: Image) -> AnalyzedFrame:
        self.analysed.append(image)
        return self.recognizer.look(image)


@contextmanager
def serve(
    settings: WebSettings | None = None, blur: PrivacyBlur = PrivacyBlur.NONE
) -> Iterator[House]:
    """Serve a page, on a free port unless the settings say otherwise."""
    house = House(settings or WebSettings(port=0), blur)
    house.tell()
    house.site.start()
    try:
        yield house
    finally:
        house.site.close(10.0)
        house.clerk.close()
