"""Pages are short, and written in the words that the project agreed on."""

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.docs.pages import PAGES, RESEARCH, USER_PAGES, prose

GENERATED = "configuration.md"
WRITTEN = [page for page in USER_PAGES if page.name != GENERATED]
DOCS = [page for page in WRITTEN if page.parent.name == "docs"]

WORDS = {
    r"[Gg]rey": "gray",
    r"[Cc]olour\w*": "color",
    r"[Cc]entre\w*": "center",
    r"[Ff]avour\w*": "favor",
    r"[Nn]eighbour\w*": "neighbor",
    r"\w+ptimis(?:e|ing|ation)\w*": "optimize",
    r"[Qq]uantis\w+": "quantize",
    r"[Nn]ormalis\w+": "normalize",
    r"[Rr]ecognis\w+": "recognize",
    r"\w*[Ll]abelled": "labeled",
    r"[Ll]icence": "license",
    r"[Ff]ilms?": "video",
    r"[Pp]rocessors?": "CPU",
    r"unauthori[z]ed": "unauthorised, the code in an answer",
}
"""Words that a page does not have, and what it says instead."""


def words(page: Path) -> int:
    return len(page.read_text().split())


def test_the_readme_has_at_most_900_words() -> None:
    assert words(ROOT / "README.md") <= 900


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_a_page_has_at_most_1500_words(page: Path) -> None:
    assert words(page) <= 1500


def test_the_pages_for_users_have_some_16000_words_together() -> None:
    assert sum(words(page) for page in DOCS) <= 16_000


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_a_sentence_has_at_most_30_words(page: Path) -> None:
    for paragraph in prose(page):
        for sentence in re.split(r"(?<=[.:!?])\s+(?=[A-Z`\"*])", paragraph):
            assert len(sentence.split()) <= 30, sentence


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_written_in_american_english_and_the_words_of_the_code(page: Path) -> None:
    text = "\n".join(prose(page))
    text = re.sub(r"`[^`]*`", "", text)
    for wrong, right in WORDS.items():
        assert re.findall(rf"\b{wrong}\b", text) == [], f"say {right}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_nothing_that_only_this_machine_has(page: Path) -> None:
    text = page.read_text()
    assert "shared/" not in text.replace("share/", "").replace("SHARED", "")
    assert "/root/" not in text


@pytest.mark.parametrize("page", RESEARCH, ids=lambda page: page.name)
def test_a_report_says_when_it_was_measured(page: Path) -> None:
    assert re.search(r"\b2026-\d\d-\d\d\b", page.read_text())


def test_every_document_that_the_repository_names_is_there() -> None:
    folders = ("edge", "converter", "tools", "config", "systemd", "tests", "models", "docs")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    files += [ROOT / name for name in ("Makefile", "pyproject.toml", "emotiond.py", "README.md")]
    missing = set()
    for path in files:
        if path.parent.name == "configs":  # of earlier versions
            continue
        if path.suffix in {".py", ".yaml", ".md", ".toml", ".conf", ".json", ".service", ""}:
            for name in re.findall(r"\bdocs/[\w/.-]+\.(?:md|json|yaml|png)\b", read(path)):
                if not (ROOT / name).exists():
                    missing.add((str(path.relative_to(ROOT)), name))
    assert missing == set()


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def headings(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", title.lower()) for title in titles)
    return {title.replace(" ", "-") for title in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_to_a_section_leads_there(page: Path) -> None:
    for place, anchor in re.findall(r"\]\(([^)#\s:]*)#([^)\s]+)\)", page.read_text()):
        target = page.parent / place if place else page
        assert anchor in headings(target), (place, anchor)


def test_every_page_is_linked_from_the_readme_or_another_page() -> None:
    linked = set()
    for page in PAGES:
        for place in re.findall(r"\]\(([^)#\s:]+\.md)", page.read_text()):
            linked.add((page.parent / place).resolve())
    pages = {page.resolve() for page in PAGES} - {ROOT / "README.md"}
    assert pages - linked == set()
