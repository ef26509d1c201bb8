"""Users and passwords inside addresses, which no log may show."""

import re


def redact_url(text: str) -> str:
    """Return `text` without what stands between `//` and the last `@`.

    Greedy on purpose: a password may itself hold `/`, `#` or `@`.
    """
    return re.sub(r"//.*@", "//", text)
