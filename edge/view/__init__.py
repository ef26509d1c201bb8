"""What can be looked at: a window, a web page, annotated pictures."""

from edge.errors import ConfigError
from edge.publish import Sink
from edge.service.commands import CommandQueue
from edge.view.settings import ViewSettings
from edge.view.view_context import ViewContext
from edge.view.web.settings import WebSettings

__all__ = ["ViewContext", "ViewSettings", "WebSettings", "open_web", "open_window"]


def open_preview(outlook: ViewContext, desk: CommandQueue) -> Sink:
    """Return the preview window, not yet shown.

    Args:
        outlook: what it shows.
        desk: where it hands in what its keys ask for.

    Raises:
        ConfigError: the package that draws it is not installed.
    """
    from edge.view.preview.sink import PreviewSink

    return PreviewSink(outlook, desk)


def open_web(settings: WebSettings, outlook: ViewContext, desk: CommandQueue) -> Sink:
    """Return the web page, not yet served.

    Args:
        settings: of the server.
        outlook: what it shows.
        desk: where it hands in what visitors ask for.

    Raises:
        ConfigError: the packages that serve it are not installed, or it would be open to others.
    """
    try:
        from edge.view.web.server import WebServer
    except ImportError as error:
        raise ConfigError(
            f"the web page needs packages that are not installed ({error}); "
            "pip install 'emotiond[web]', or view.web: false"
        ) from error
    return WebServer(settings, outlook, desk)
