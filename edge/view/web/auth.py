"""Who may look, and who may command."""

import hmac
import ipaddress
import secrets
from collections.abc import MutableMapping
from http import HTTPStatus
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.errors import ConfigError
from edge.view.web.api_error import ApiError
from edge.view.web.settings import WebSettings

SHORTEST = 16
"""Characters of a token: what a strong password has, and too many to be guessed over a network."""

OPEN = frozenset({"/", "/page.js", "/page.css", "/page.svg", "/healthz", "/api/login"})
"""What holds nothing about anybody, and is served without a token: the page asks for it."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
        "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Of every answer: the page takes nothing from elsewhere, and no other page may use it."""


class TokenAuth:
    """Tells who has the token.

    Where there is none, the server is this machine's alone: anybody here may look, and the page,
    when it is loaded, is given what it needs to command. Another site in the same browser is not.

    Args:
        token: None where there is none.

    Attributes:
        port: of the server; a browser keeps cookies by host alone.
    """

    def __init__(self, token: str | None) -> None:
        self.token = token
        self.port = 0
        self._session = secrets.token_urlsafe(32)

    @property
    def cookie(self) -> str:
        """The name of the cookie."""
        return f"emotiond-{self.port}"

    def knows(self, token: str) -> bool:
        """Tell whether that is the token."""
        return self.token is not None and _same(token, self.token)

    def admits(self, headers: Headers) -> bool:
        """Tell whether a request comes with the token, or with what it was exchanged for."""
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self.knows(token.strip()):
            return True
        cookies = cookie_parser(headers.get("cookie", ""))
        return _same(cookies.get(self.cookie, ""), self._session)

    def admit(self, response: Response) -> None:
        """Let whoever gets `response` in, for as long as this process lasts."""
        response.set_cookie(self.cookie, self._session, httponly=True, samesite="strict")

    def dismiss(self, response: Response) -> None:
        """Let whoever gets `response` in no more."""
        response.delete_cookie(self.cookie, httponly=True, samesite="strict")

    def check(self, method: str, path: str, headers: Headers) -> None:
        """Make sure that a request may be carried out.

        Raises:
            ApiError: it may not.
        """
        if self.token is None and not is_loopback(_name(headers.get("host", ""))):
            text = "expected a request to this machine's own name, found another in Host"
            raise ApiError(HTTPStatus.MISDIRECTED_REQUEST, "refused", text)
        changes = method not in {"GET", "HEAD"}
        if changes and not _same_origin(headers):
            raise ApiError(HTTPStatus.FORBIDDEN, "refused", "another site may not ask for this")
        guarded = path not in OPEN if self.token is not None else changes and path not in OPEN
        if guarded and not self.admits(headers):
            text = "expected the token, as `Authorization: Bearer TOKEN` or by the page's login"
            if self.token is None:
                text = "expected the page's own cookie; set `web.token` in the config for programs"
            raise ApiError(HTTPStatus.UNAUTHORIZED, "unauthorised", text)


class AuthMiddleware:
    """Lets in what may come in, before anything else looks at it, and marks every answer."""

    def __init__(self, app: ASGIApp, admission: TokenAuth) -> None:
        self._app = app
        self._pass = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = Headers(scope=scope)

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                _mark(message)
            await send(message)

        try:
            self._pass.check(scope["method"], scope["path"], headers)
        except ApiError as refusal:
            await refusal.response(scope, receive, marked)
        else:
            await self._app(scope, receive, marked)


def open_token_auth(settings: WebSettings) -> TokenAuth:
    """Return who may look and command, by the settings.

    Raises:
        ConfigError: others could reach the page without a token, or the token cannot be used.
    """
    token = settings.token.resolve() if settings.token else None
    if token is None and not is_loopback(settings.host):
        raise ConfigError(
            f"web.host: {settings.host} can be reached by others, which needs a `web.token`; "
            "set one, or host: 127.0.0.1"
        )
    if token is not None and (len(token) < SHORTEST or not token.isascii()):
        raise ConfigError(
            f"web.token: expected {SHORTEST} ASCII characters or more, found {len(token)}; make "
            "one by `head -c 24 /dev/urandom | base64`"
        )
    return TokenAuth(token)


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, as seen by itself alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _mark(message: MutableMapping[str, Any]) -> None:
    headers = MutableHeaders(scope=message)
    headers.update(HEADERS)
    headers.setdefault("Cache-Control", "no-store")


def _name(host: str) -> str:
    """Return a Host header without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _same_origin(headers: Headers) -> bool:
    """Tell whether a browser says that a page of ours asks; programs say nothing."""
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == headers.get("host")


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
