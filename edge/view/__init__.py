"""Views of what is analyzed: a preview window, a web page, annotated images."""

from edge.errors import ConfigError
from edge.publish import Sink
from edge.service.commands import CommandQueue
from edge.view.settings import PreviewSettings, ViewContext, WebSettings

__all__ = ["PreviewSettings", "ViewContext", "WebSettings", "open_preview", "open_web"]


def open_preview(context: ViewContext, commands: CommandQueue) -> Sink:
    """Return the preview window, not yet shown.

    Args:
        context: what it shows.
        commands: takes the commands of its keys.

    Raises:
        ConfigError: the package that draws it is not installed.
    """
    from edge.view.preview import PreviewSink

    return PreviewSink(context, commands)


def open_web(settings: WebSettings, context: ViewContext, commands: CommandQueue) -> Sink:
    """Return the web page, not yet served.

    Args:
        settings: of the server.
        context: what it shows.
        commands: takes the commands of its visitors.

    Raises:
        ConfigError: the packages that serve it are not installed, or it would be open to others.
    """
    try:
        from edge.view.web.server import WebServer
    except ImportError as error:
        raise ConfigError(
            f"the web page needs packages that are not installed ({error}); "
            "pip install 'emotiond[web]', or web.enabled: false"
        ) from error
    return WebServer(settings, context, commands)
