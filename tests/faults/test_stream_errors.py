"""A stream that cannot be opened says why, without anything of its address."""

import base64
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from edge.capture.stream import StreamSettings
from edge.errors import SourceError
from tests.certificates import Authority
from tests.faults import fault


class Camera(BaseHTTPRequestHandler):
    """A camera's web server: a page, a stream for those who know the password, and little else."""

    def do_GET(self) -> None:
        known = base64.b64encode(b"me:right-password").decode()
        if self.path.startswith("/private"):
            status = 200 if self.headers["Authorization"] == f"Basic {known}" else 401
        else:
            status = {"/": 200, "/broken": 503}.get(self.path.partition("?")[0], 404)
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html>no video</html>")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def camera() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Camera) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def rtsp() -> Iterator[str]:
    """A server that answers every request with the path's number, such as /401."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    request = client.recv(4096).decode()
                    status = request.split()[1].rpartition("/")[2] if request else "400"
                    answer = f"RTSP/1.0 {status} No\r\nCSeq: 1\r\n\r\n"
                    answer = "hello\r\n" if status == "none" else answer
                    client.sendall(answer.encode())

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"


def failure(url: str) -> str:
    with pytest.raises(SourceError) as caught:
        StreamSettings(url).open()
    told = str(caught.value)
    assert "hunter2" not in told
    return told


@fault(
    "camera",
    "a wrong host, port, path or password, or a web page in place of a stream",
    seen="offline; one line names which, and what to check",
    recovery="by itself, once the camera or the config is right",
)
@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/?pwd=hunter2", "no video (a web page?)"),
        ("/nothing", "has no such stream (404)"),
        ("/broken", "answers with an error (Server returned 5XX"),
        ("/private", "asks for another user or password (401)"),
    ],
)
def test_a_camera_over_http_says_why(camera: str, path: str, told: str) -> None:
    assert told in failure(f"http://{camera}{path}")


@pytest.mark.parametrize(
    ("password", "told"),
    [("right-password", "no video (a web page?)"), ("hunter2", "another user or password (401)")],
)
def test_the_password_is_tried(camera: str, password: str, told: str) -> None:
    assert told in failure(f"http://me:{password}@{camera}/private")


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("401", "asks for another user or password (401)"),
        ("404", "has no such stream (404)"),
        ("none", "answers, but with no video"),
    ],
)
def test_a_camera_over_rtsp_says_why(rtsp: str, status: str, told: str) -> None:
    assert told in failure(f"rtsp://me:hunter2@{rtsp}/{status}")


def test_a_host_that_is_not_there_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert "nothing listens there" in failure(f"rtsp://127.0.0.1:{port}/live")
    assert "its host is not known" in failure("http://nosuch.invalid/live")


def test_a_camera_that_lets_in_and_is_silent_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        with pytest.raises(SourceError, match="does not answer"):
            StreamSettings(url, lost_after_s=1).open()


def test_a_certificate_that_is_not_trusted_is_named_and_may_be_left_unchecked(
    tmp_path: Path,
) -> None:
    certificate, key = Authority(tmp_path).sign("camera")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ThreadingHTTPServer(("127.0.0.1", 0), Camera) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"https://127.0.0.1:{server.server_port}/nothing"
        assert "its certificate is not trusted" in failure(url)
        with pytest.raises(SourceError, match=r"no such stream \(404\)"):
            StreamSettings(url, verify=False).open()
        server.shutdown()
