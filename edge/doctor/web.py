"""The web page: what serves it, to whom, and whether its port is free."""

import http.client
import importlib.util
from collections.abc import Iterator
from contextlib import closing

from edge.doctor.result import CheckResult, Level
from edge.errors import ConfigError, EmotiondError
from edge.view.settings import WebSettings

SUBJECT = "web page"

PACKAGES = ("starlette", "uvicorn", "httptools", "PIL", "prometheus_client")
"""What serving it imports."""

ANSWER_SECONDS = 3.0


def examine_web(settings: WebSettings) -> Iterator[CheckResult]:
    """Say whether the page can be served as it is set."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        text = f"is not installed: {', '.join(missing)}"
        remedy = "pip install 'emotiond[web]', or set `view.web: false`"
        yield CheckResult(Level.FAILURE, SUBJECT, text, remedy)
        return
    yield _examine_token(settings)
    yield _examine_port(settings)


def _examine_token(settings: WebSettings) -> CheckResult:
    from edge.view.web.auth import open_token_auth

    try:
        admission = open_token_auth(settings)
    except ConfigError as error:
        return CheckResult(Level.FAILURE, SUBJECT, str(error), "correct `web`, or what it names")
    asked = (
        "asks for its token" if admission.token else "is for this machine alone, without a token"
    )
    return CheckResult(Level.OK, SUBJECT, asked)


def _examine_port(settings: WebSettings) -> CheckResult:
    from edge.view.web.server import listen

    place = f"{settings.host}:{settings.port}"
    try:
        listen(settings).close()
    except EmotiondError as error:
        if _is_ours(settings):
            return CheckResult(Level.OK, SUBJECT, f"is served at {place} at this moment")
        return CheckResult(Level.FAILURE, SUBJECT, str(error), "`ss -ltnp` tells what uses it")
    return CheckResult(Level.OK, SUBJECT, f"{place} is free")


def _is_ours(settings: WebSettings) -> bool:
    """Tell whether a daemon answers there, such as the one that runs with this very config."""
    connection = http.client.HTTPConnection("127.0.0.1", settings.port, timeout=ANSWER_SECONDS)
    with closing(connection):
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().read().startswith(b'{"status":')
        except (OSError, http.client.HTTPException):
            return False
