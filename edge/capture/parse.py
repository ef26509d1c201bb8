"""Source arguments: the source that a command line names."""

import msgspec

from edge.capture import SourceSettings, expand_source
from edge.config_errors import format_validation_error
from edge.errors import ConfigError


def parse_source_arg(text: str) -> SourceSettings:
    """Return the settings of the source that `text` means, as `expand_source` reads it.

    A video is read as fast as possible: its faces lie apart by its own clock.

    Raises:
        ConfigError: there is no such camera number or kind of URL, or the kind needs settings.
    """
    fields = expand_source(text)
    if fields["kind"] == "video":
        fields["realtime"] = False
    try:
        settings: SourceSettings = msgspec.convert(
            fields, SourceSettings, dec_hook=lambda kind, value: kind(value)
        )
    except msgspec.ValidationError as error:
        reason = format_validation_error(str(error), fields, SourceSettings)  # type: ignore[arg-type]
        raise ConfigError(f"--source: {reason}") from error
    return settings
