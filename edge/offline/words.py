"""Text that comes from elsewhere, as a document may hold it."""

import re
from html import escape

NO_TEXT = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold (w3.org/TR/xml, 2.2), such as the bytes of a file name that is no UTF-8."""


def words(text: str) -> str:
    """Return any text as SVG and HTML hold it."""
    return escape(NO_TEXT.sub("\ufffd", text))
