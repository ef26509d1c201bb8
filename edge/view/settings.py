"""What can be set about what is shown."""

from enum import StrEnum

import msgspec


class PrivacyBlur(StrEnum):
    """What is hidden in every picture that is shown or leaves."""

    NONE = "none"
    FACES = "faces"
    PICTURE = "picture"


class ViewSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is shown.

    Attributes:
        window: a preview window, on this machine's own screen.
        web: the web page; pictures leave the process by it.
    """

    window: bool = False
    web: bool = False
