"""Words of the page: in a file for each language, and nowhere else."""

import json
import re
from html.parser import HTMLParser

import pytest

from edge.types import EXPRESSIONS, UNCERTAIN, CameraState, Reason
from edge.view.web import PAGE

LANGUAGES = {path.stem: json.loads(path.read_text()) for path in (PAGE / "strings").glob("*.json")}
SCRIPTS = {path.name: path.read_text() for path in sorted(PAGE.glob("*.js"))}
LOGIN = (PAGE / "login.html").read_text()
PAGES = {
    one: (PAGE / one).read_text().replace("{login}", LOGIN) for one in ("grid.html", "page.html")
}

READ = ("alt", "aria-label", "placeholder", "title")
"""Attributes of HTML that are read to somebody."""

SAME = frozenset({"emotiond", "API", "·", "0", "90", "180", "270"})
"""Texts that are the same in every language."""

COMMENT = re.compile(r"^\s*//.*$|(?<=[;{,)\]]) //.*$", re.MULTILINE)
LITERAL = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|`((?:[^`\\]|\\.)*)`")
SENTENCE = re.compile(r"(?<![\w.#-])[A-Za-z]{2,} [a-z]{2,}|^[A-Z][a-z]+$|[a-z]…")
NOT_WORDS = re.compile(
    r"(nav|body|\.bar) \S+|#\S+ .*|card gone|pill offline|Accept|Enter|Backspace"
)
"""What looks like words, and is a selector, classes, a header or a key."""


class TextCollector(HTMLParser):
    """Collects what a page says by itself, and the keys that it names."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: set[str] = set()
        self.keys: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.texts |= {str(value) for name, value in attrs if name in READ}
        self.keys |= {str(value) for name, value in attrs if name.startswith("data-t")}

    def handle_data(self, data: str) -> None:
        self.texts.add(data.strip())


def told(name: str) -> TextCollector:
    collector = TextCollector()
    collector.feed(PAGES[name])
    return collector


def test_every_language_says_the_same_things() -> None:
    assert len(LANGUAGES) >= 2
    for words in LANGUAGES.values():
        assert words.keys() == LANGUAGES["en"].keys()
        assert all(words.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_fills_in_what_the_original_does(language: str) -> None:
    for key, text in LANGUAGES["en"].items():
        wanted = set(re.findall(r"\{\w+\}", text))
        assert set(re.findall(r"\{\w+\}", LANGUAGES[language][key])) == wanted, key


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_words_of_its_own_and_names_only_keys_that_there_are(name: str) -> None:
    page = told(name)
    assert {text for text in page.texts if re.search(r"\w", text)} <= SAME
    assert page.keys <= LANGUAGES["en"].keys()


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_has_no_words_of_its_own(name: str) -> None:
    code = COMMENT.sub("", SCRIPTS[name])
    literals = ["".join(one) for one in LITERAL.findall(code)]
    words = [one for one in literals if SENTENCE.search(one) and not NOT_WORDS.fullmatch(one)]
    assert words == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_names_only_keys_that_there_are(name: str) -> None:
    keys = set(re.findall(r"\bt\(\"([^\"]+)\"", SCRIPTS[name]))
    counts = set(re.findall(r"\bcounted\(\"([^\"]+)\"", SCRIPTS[name]))
    keys |= {f"{one}.{end}" for one in counts for end in ("one", "many")}
    assert keys <= LANGUAGES["en"].keys()


def test_no_string_is_left_over() -> None:
    code = "\n".join([*SCRIPTS.values(), *PAGES.values()])
    started = tuple(re.findall(r"`([a-z.]+\.)\$\{", code))
    started += tuple(f"{one}." for one in re.findall(r"\b(?:word|counted)\(\"([a-z.]+)\"", code))
    for key in LANGUAGES["en"]:
        assert f'"{key}"' in code or key.startswith(started), key


def test_every_word_of_the_daemon_is_translated() -> None:
    words = [f"emotion.{one}" for one in (*EXPRESSIONS, UNCERTAIN)]
    words += [f"reason.{one}" for one in Reason] + [f"camera.{one}" for one in CameraState]
    assert set(words) <= LANGUAGES["en"].keys()
