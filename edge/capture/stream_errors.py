"""Reasons why a stream cannot be opened: FFmpeg tells OpenCV none, so the camera is asked again."""

import socket
import ssl
import urllib.error
import urllib.request
from http import HTTPStatus
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

TIMEOUT_S = 2.0
"""Seconds within which the camera must answer."""

MAX_ANSWER_BYTES = 65_536

RTSP_PORT, RTSPS_PORT = 554, 322
"""Ports where an address names none (RFC 7826, 4.2)."""

DESCRIBE = "DESCRIBE {} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n"
"""Question for what a stream holds (RFC 2326, 10.2)."""


def why_stream_failed(url: str) -> str:
    """Return why a stream could not be opened, and the remedy; neither has anything of the URL.

    Args:
        url: its address (http, https, rtsp, rtsps), with user and password.
    """
    ask = _http_answer if url.startswith("http") else _rtsp_answer
    try:
        status, media_type = ask(url)
    except OSError as error:
        return _reason_of(error.reason if isinstance(error, urllib.error.URLError) else error)
    except ValueError:
        return "answers, but not as a camera does; check `url`"
    return _reason_of_answer(status, media_type)


def _reason_of_answer(status: int, media_type: str) -> str:
    match status, media_type:
        case ((HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN), _):
            return f"asks for another user or password ({status}); check `user` and `password`"
        case HTTPStatus.NOT_FOUND, _:
            return "has no such stream (404); check the path in `url`"
        case HTTPStatus.OK, "text/html":
            return "answers with a web page; `url` must be the address of the stream itself"
        case HTTPStatus.OK, _:
            return "answers without a video that can be decoded; choose H.264 or MJPEG there"
    return f"answers with error {status}; look into the camera's own log"


def _reason_of(error: object) -> str:
    """Return why a host could not be asked."""
    match error:
        case socket.gaierror():
            return "its host is not known; check the name in `url`, and the network"
        case ConnectionRefusedError():
            return "nothing listens there; check the port in `url`, and whether the camera is on"
        case ssl.SSLCertVerificationError():
            return "its certificate is not trusted"
        case TimeoutError():
            return "does not answer; check the address in `url`, the network and the camera"
        case OSError(strerror=str(text)):
            return f"cannot be reached: {text}"
    return "cannot be opened"


def _without_user(address: SplitResult) -> str:
    return urlunsplit(address._replace(netloc=address.netloc.rpartition("@")[2]))


def _http_answer(url: str) -> tuple[int, str]:
    """Return status and media type of an answer, by basic or digest authentication."""
    address = urlsplit(url)
    plain = _without_user(address)
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    passwords.add_password(
        None, plain, unquote(address.username or ""), unquote(address.password or "")
    )
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPDigestAuthHandler(passwords),
        urllib.request.HTTPBasicAuthHandler(passwords),
    )
    try:
        with opener.open(plain, timeout=TIMEOUT_S) as answer:
            return answer.status, answer.headers.get_content_type()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, ""


def _rtsp_answer(url: str) -> tuple[int, str]:
    """Return the status of an answer, and no media type."""
    address = urlsplit(url)
    secure = address.scheme == "rtsps"
    port = address.port or (RTSPS_PORT if secure else RTSP_PORT)
    with socket.create_connection((address.hostname, port), TIMEOUT_S) as raw:
        connection = raw
        if secure:  # FFmpeg does not verify it either
            connection = ssl._create_unverified_context().wrap_socket(raw)  # nosec B323
        connection.sendall(DESCRIBE.format(_without_user(address)).encode())
        words = connection.recv(MAX_ANSWER_BYTES).split(maxsplit=2)
    if len(words) < 2 or not words[0].startswith(b"RTSP/"):
        raise ValueError("expected an answer of RTSP")
    return int(words[1]), ""
