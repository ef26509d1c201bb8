"""Web page: its server, its API, and the files of the page with its words."""

from functools import cache
from pathlib import Path

import msgspec

PAGE = Path(__file__).with_name("page")


@cache
def languages() -> dict[str, dict[str, str]]:
    """Return what the page calls each expression and reason, by the name of a language."""
    return {
        path.stem: {
            key.partition(".")[2]: text
            for key, text in msgspec.json.decode(path.read_bytes()).items()
            if key.startswith(("emotion.", "reason."))
        }
        for path in sorted((PAGE / "strings").iterdir())
    }
