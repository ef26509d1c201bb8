"""Authentication and request checks of the web server: who may look, and who may command."""

import hmac
import ipaddress
import secrets
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.errors import ConfigError
from edge.view import WebSettings
from edge.view.web.api import ApiError

MIN_TOKEN_LENGTH = 16
"""Characters of a token: as many as a strong password has, too many to guess over a network."""

PUBLIC_PATHS = frozenset({"/", "/page.js", "/page.css", "/page.svg", "/healthz", "/api/login"})
"""Paths that hold nothing about anybody, and are served without a token: the page asks for it."""

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
        "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of every response: the page loads nothing from elsewhere; no other page may use it."""


class TokenAuth:
    """Checks requests for the token, or for the cookie that it was exchanged for.

    Without a token the server is for this machine alone: anybody here may look, and the page gets a
    cookie with which it may command. Another site in the same browser does not.

    Attributes:
        token: the secret; None where there is none.
        port: of the server; it names the cookie, as a browser keeps cookies by host alone.

    Raises:
        ConfigError: others could reach the page without a token, or the token cannot be used.
    """

    def __init__(self, settings: WebSettings) -> None:
        self.token = settings.token.resolve() if settings.token else None
        if self.token is None and not is_loopback(settings.host):
            raise ConfigError(
                f"web.host: {settings.host} can be reached by others, which needs a `web.token`; "
                "set one, or host: 127.0.0.1"
            )
        if self.token is not None and not (
            len(self.token) >= MIN_TOKEN_LENGTH and self.token.isascii()
        ):
            raise ConfigError(
                f"web.token: expected {MIN_TOKEN_LENGTH} ASCII characters or more, "
                f"found {len(self.token)}; make one by `head -c 24 /dev/urandom | base64`"
            )
        self.port = 0
        self._session = secrets.token_urlsafe(32)

    @property
    def cookie(self) -> str:
        """Name of the cookie."""
        return f"emotiond-{self.port}"

    def verify(self, token: str) -> bool:
        """Tell whether a text is the token."""
        return self.token is not None and _same(token, self.token)

    def is_authenticated(self, headers: Headers) -> bool:
        """Tell whether a request comes with the token or the cookie."""
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self.verify(token.strip()):
            return True
        cookies = cookie_parser(headers.get("cookie", ""))
        return _same(cookies.get(self.cookie, ""), self._session)

    def login(self, response: Response) -> None:
        """Add the cookie to a response; it is valid as long as this process lasts."""
        response.set_cookie(self.cookie, self._session, httponly=True, samesite="strict")

    def logout(self, response: Response) -> None:
        """Delete the cookie by a response."""
        response.delete_cookie(self.cookie, httponly=True, samesite="strict")

    def check(self, method: str, path: str, headers: Headers) -> None:
        """Check that a request may be carried out.

        Raises:
            ApiError: it may not.
        """
        if self.token is None and not is_loopback(_host_name(headers.get("host", ""))):
            text = "expected a request to this machine's own name, found another in Host"
            raise ApiError(HTTPStatus.MISDIRECTED_REQUEST, "refused", text)
        changes = method not in {"GET", "HEAD"}
        if changes and not _same_origin(headers):
            raise ApiError(HTTPStatus.FORBIDDEN, "refused", "another site may not ask for this")
        guarded = path not in PUBLIC_PATHS and (changes or self.token is not None)
        if guarded and not self.is_authenticated(headers):
            text = "expected the token, as `Authorization: Bearer TOKEN` or by the page's login"
            if self.token is None:
                text = "expected the page's own cookie; set `web.token` in the config for programs"
            raise ApiError(HTTPStatus.UNAUTHORIZED, "unauthorised", text)

    def protect(self, app: ASGIApp) -> ASGIApp:
        """Return an application that checks every request, and adds headers to every response."""

        async def protected(scope: Scope, receive: Receive, send: Send) -> None:
            async def send_with_headers(message: Message) -> None:
                if message["type"] == "http.response.start":
                    response_headers = MutableHeaders(scope=message)
                    response_headers.update(SECURITY_HEADERS)
                    response_headers.setdefault("Cache-Control", "no-store")
                await send(message)

            try:
                self.check(scope["method"], scope["path"], Headers(scope=scope))
            except ApiError as error:
                await error.response(scope, receive, send_with_headers)
            else:
                await app(scope, receive, send_with_headers)

        return protected


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, as seen by itself alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _host_name(host: str) -> str:
    """Return the value of a Host header without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _same_origin(headers: Headers) -> bool:
    """Tell whether a browser says that our own page asks; programs say nothing."""
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == headers.get("host")


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
