"""Authentication and request checks of the web server: who may look, command, and log in."""

import asyncio
import hashlib
import hmac
import ipaddress
import logging
import secrets
import time
from collections.abc import Callable, Collection
from http import HTTPStatus

from starlette.datastructures import Address, Headers, MutableHeaders
from starlette.requests import Request, cookie_parser
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.errors import ConfigError
from edge.service.commands import CommandError, ErrorCode
from edge.view import WebSettings
from edge.view.web.api import ApiError, read_json

MIN_TOKEN_LENGTH = 16  # characters: too many to guess over a network
MAX_LOGIN_BYTES = 4096  # bytes of a login
TOKEN_LIFETIME_S = 1.0  # after which the token is looked up anew: its file may have another
MAX_AGE_S = 7 * 86_400.0  # seconds after which a login ends by itself
CODE_AGE_S = 60.0  # seconds within which the code of a login link must be used
MAX_SESSIONS = 100  # logins at a time; one more ends the oldest
MAX_DELAY_S = 5.0  # longest time that the answer to a wrong token is held back, in seconds
MAX_ADDRESSES = 1000  # addresses whose wrong tokens are counted at a time
WARNING_INTERVAL_S = 60.0  # seconds between two warnings of wrong tokens

PUBLIC_PATHS = frozenset({"/healthz", "/api/login"})  # served to all: they tell of nobody

SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
        "media-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of every response, unless it has its own: nothing is loaded from elsewhere, and no other
page may use it."""

log = logging.getLogger(__name__)


class Sessions:
    """Open sessions: each belongs to one login with one token, and ends with it or by age."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, max_age_s: float = MAX_AGE_S
    ) -> None:
        self._clock, self._max_age_s = clock, max_age_s
        self._ends: dict[str, float] = {}

    def begin(self, token: str | None) -> str:
        """Return the secret of a new session, which belongs to a token."""
        if len(self._ends) >= MAX_SESSIONS:
            del self._ends[next(iter(self._ends))]
        secret = secrets.token_urlsafe(32)
        self._ends[_key(secret, token)] = self._clock() + self._max_age_s
        return secret

    def is_open(self, secret: str, token: str | None) -> bool:
        """Tell whether a secret is one of a session that belongs to the present token."""
        return self._clock() < self._ends.get(_key(secret, token), 0.0)

    def end(self, secret: str, token: str | None) -> None:
        """End a session, if there is one."""
        self._ends.pop(_key(secret, token), None)


def _key(secret: str, token: str | None) -> str:
    """Return a SHA-256: looking it up takes the same time however much of a secret is right."""
    return hashlib.sha256(f"{secret} {token or ''}".encode()).hexdigest()


class WrongTokens:
    """Count of wrong tokens by address: each answer takes longer, and one line tells of them."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._warned_at = float("-inf")

    def add(self, address: str) -> float:
        """Count one more; return the seconds for which its answer is held back."""
        count = self._counts.pop(address, 0) + 1
        if len(self._counts) >= MAX_ADDRESSES:
            del self._counts[next(iter(self._counts))]
        self._counts[address] = count
        if time.monotonic() - self._warned_at >= WARNING_INTERVAL_S:
            self._warned_at = time.monotonic()
            text = "web page: wrong token from %s; %d from there so far, %d from %d addresses"
            log.warning(text, address, count, sum(self._counts.values()), len(self._counts))
        return float(min(MAX_DELAY_S, 0.1 * 2 ** min(count, 10)))


class TokenAuth:
    """Checks requests for the token, or for the cookie of a session that it was exchanged for.

    Without a token the server is for this machine alone: anybody here may look, and whoever loads
    the page gets a cookie with which it may command. Another site in the same browser does not.
    The token is looked up anew each second, so that another one ends every session of the former.
    `page` has the paths of the page's own files, which are public: the page asks for the token.

    Attributes:
        port: of the server; it names the cookie, as a browser keeps cookies by host alone.
        sessions: those that are open; a page that is replaced leaves its own to the next.

    A ConfigError: others could reach the page without a token, or the token cannot be used.
    """

    def __init__(self, settings: WebSettings, page: Collection[str] = ()) -> None:
        self._settings = settings
        self._public = PUBLIC_PATHS.union(page)
        self.needs_token = settings.token is not None
        self.port = 0
        self.sessions, self._wrong_tokens = Sessions(), WrongTokens()
        self._codes = Sessions(max_age_s=CODE_AGE_S)
        if not self.needs_token and not is_loopback(settings.host):
            text = f"web.host: {settings.host} can be reached by others, which needs a `web.token`"
            raise ConfigError(f"{text}; set one, or host: 127.0.0.1")
        self._token = self._read_token()
        self._read_at = time.monotonic()
        self.routes = [
            Route("/api/code", self._code, methods=["POST"]),
            Route("/api/login", self._login, methods=["POST"]),
            Route("/api/logout", self._logout, methods=["POST"]),
        ]

    def verify(self, token: str) -> bool:
        """Tell whether a text is the present token."""
        present = self._present_token()
        return present is not None and hmac.compare_digest(token.encode(), present.encode())

    def is_authenticated(self, headers: Headers) -> bool:
        """Tell whether a request comes with the token or the cookie of a session."""
        bearer = _bearer(headers)
        if bearer and self.verify(bearer):
            return True
        present = self._present_token()
        if self.needs_token and present is None:
            return False
        return self.sessions.is_open(self._session_of(headers), present)

    async def _code(self, _request: Request) -> Response:
        """Return a code for one login soon, such as a link has that programs may see."""
        return JSONResponse({"code": self._codes.begin(self._present_token())})

    async def _login(self, request: Request) -> Response:
        """Exchange the token, or a code, which is good once, for a cookie."""
        body = await read_json(request, dict[str, str], MAX_LOGIN_BYTES)
        present = self._present_token()
        if not body.keys() & {"token", "code"}:
            raise CommandError(ErrorCode.MALFORMED, 'expected {"token": "..."}')
        code = body.get("code", "")
        is_good = self._codes.is_open(code, present) or self.verify(body.get("token", ""))
        self._codes.end(code, present)
        if not is_good:
            await self.hold_back(request.client)
            raise ApiError(HTTPStatus.UNAUTHORIZED, "unauthorised", "that is not the token")
        response = JSONResponse({})
        self.login(response)
        return response

    async def _logout(self, request: Request) -> Response:
        """End the session of a request, and delete its cookie."""
        response = JSONResponse({})
        self.sessions.end(self._session_of(request.headers), self._present_token())
        response.delete_cookie(self._cookie, httponly=True, samesite="strict")
        return response

    async def hold_back(self, client: Address | None) -> None:
        """Count a wrong token, and wait: the more there were, the longer."""
        await asyncio.sleep(self._wrong_tokens.add(client[0] if client else "here"))

    def login(self, response: Response) -> None:
        """Begin a session, whose cookie is added to a response."""
        secret = self.sessions.begin(self._present_token())
        response.set_cookie(self._cookie, secret, httponly=True, samesite="strict")

    def check(self, method: str, path: str, headers: Headers) -> bool:
        """Tell whether a request needs to be authenticated; an ApiError tells what it lacks."""
        host = headers.get("host", "")
        name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
        if not self.needs_token and not is_loopback(name):
            text = "expected a request to this machine's own name, found another in Host"
            raise ApiError(HTTPStatus.MISDIRECTED_REQUEST, "refused", text)
        changes = method not in {"GET", "HEAD"}
        # Browsers tell the origin, programs do not.
        if changes and headers.get("origin", f"://{host}").partition("://")[2] != host:
            raise ApiError(HTTPStatus.FORBIDDEN, "refused", "another site may not ask for this")
        guarded = path not in self._public and (changes or self.needs_token)
        if guarded and not self.is_authenticated(headers):
            text = "expected the token, as `Authorization: Bearer TOKEN` or by the page's login"
            if not self.needs_token:
                text = "expected the page's own cookie; set `web.token` in the config for programs"
            raise ApiError(HTTPStatus.UNAUTHORIZED, "unauthorised", text)
        return guarded

    def protect(self, app: ASGIApp) -> ASGIApp:
        """Return an application that checks every request, and adds headers to every response.

        A response that lasts, such as the live video, ends with the session it was asked in.
        """

        async def protected(scope: Scope, receive: Receive, send: Send) -> None:
            headers, guarded, ended = Headers(scope=scope), False, False

            async def send_checked(message: Message) -> None:
                nonlocal ended
                if ended:
                    return
                if message["type"] == "http.response.start":
                    told = MutableHeaders(scope=message)
                    for name, value in SECURITY_HEADERS.items():
                        told.setdefault(name, value)
                elif guarded and message.get("more_body") and not self.is_authenticated(headers):
                    # The server now reports a disconnection, at which the response stops.
                    ended, message = True, {**message, "body": b"", "more_body": False}
                await send(message)

            try:
                guarded = self.check(scope["method"], scope["path"], headers)
            except ApiError as error:
                if _bearer(headers) and error.status is HTTPStatus.UNAUTHORIZED:
                    await self.hold_back(scope.get("client"))
                await error.response(scope, receive, send_checked)
            else:
                await app(scope, receive, send_checked)

        return protected

    @property
    def _cookie(self) -> str:
        return f"emotiond-{self.port}"

    def _session_of(self, headers: Headers) -> str:
        return cookie_parser(headers.get("cookie", "")).get(self._cookie, "")

    def _present_token(self) -> str | None:
        """Return the token as it is now; None where there is none or it cannot be used."""
        if self.needs_token and time.monotonic() - self._read_at >= TOKEN_LIFETIME_S:
            self._read_at = time.monotonic()
            try:
                self._token = self._read_token()
            except ConfigError as error:
                log.error("%s; nobody can log in until it is mended", error)
                self._token = None
        return self._token

    def _read_token(self) -> str | None:
        if self._settings.token is None:
            return None
        token = self._settings.token.resolve()
        if len(token) < MIN_TOKEN_LENGTH or not token.isascii():
            raise ConfigError(
                f"web.token: expected {MIN_TOKEN_LENGTH} ASCII characters or more, "
                f"found {len(token)}; make one by `head -c 24 /dev/urandom | base64`"
            )
        return token


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, as seen by itself alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _bearer(headers: Headers) -> str:
    """Return the token of a request, empty where it has none."""
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""
