"""The documents: which there are, and what is in them."""

import re
import shlex
from pathlib import Path

from tests.conftest import ROOT

USER_PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
RESEARCH = sorted((ROOT / "docs" / "research").glob("*.md"))
PAGES = [*USER_PAGES, *RESEARCH]


def blocks(page: Path, language: str) -> list[str]:
    """Return the blocks of code in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)


def shell_lines(page: Path) -> list[str]:
    """Return the commands of a page, one a line, without comments."""
    text = "\n".join(blocks(page, "sh")).replace("\\\n", " ")
    lines = (" ".join(line.split()) for line in text.splitlines())
    return [line for line in (re.sub(r"\s#.*", "", line) for line in lines) if line]


def programs(line: str) -> list[list[str]]:
    """Return the words of each program that a line of shell runs, without what is redirected."""
    words = shlex.split(re.sub(r"[<>]\s*\S+", "", line))
    found: list[list[str]] = [[]]
    for word in words:
        if word in {"|", "&&", "&", ";"}:
            found.append([])
        elif found[-1] or "=" not in word:  # what is before a program sets its environment
            found[-1].append(word)
    return [words for words in found if words]


def prose(page: Path) -> list[str]:
    """Return the paragraphs and list items of a page, without code, tables and headings."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"<!-- .*? -->.*?<!-- end of .*? -->", "", text, flags=re.DOTALL)
    text = re.sub(r"^(\||#|    |!\[).*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"^\s*(?:[-*]|\d+\.) ", "\n", text, flags=re.MULTILINE)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip()]
