"""Xml as a tree whose nodes know their lines, which ElementTree's do not."""

from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from converter.detector.annotations.place import MEND, Place, read_bytes


@dataclass(slots=True)
class Node:
    """An element: its name, where it begins, its text and what is in it."""

    tag: str
    place: Place
    text: str = ""
    children: list["Node"] = field(default_factory=list)

    def all(self, tag: str) -> list["Node"]:
        """Return the elements of that name directly in this one."""
        return [child for child in self.children if child.tag == tag]

    def find(self, tag: str) -> "Node | None":
        """Return the first of that name, or None."""
        return next(iter(self.all(tag)), None)

    def one(self, tag: str) -> "Node":
        """Return the only one of that name.

        Raises:
            DataError: there is none, or several.
        """
        found = self.all(tag)
        if len(found) != 1:
            expected = f"one <{tag}> in <{self.tag}>"
            raise self.place.error(f"expected {expected}, found {len(found) or 'none'}; {MEND}")
        return found[0]


def read_xml(path: Path) -> Node:
    """Return the outermost element of an xml file.

    A DOCTYPE is refused: entities are declared there, by which a small file grows large in memory
    or reaches for others, and no annotation needs one.

    Raises:
        DataError: it cannot be read, or is no xml; the text names the line.
    """
    parser = expat.ParserCreate()
    opened = [Node("", Place(path, 1))]

    def start(tag: str, _: dict[str, str]) -> None:
        node = Node(tag, Place(path, parser.CurrentLineNumber))
        opened[-1].children.append(node)
        opened.append(node)

    def end(_: str) -> None:
        node = opened.pop()
        node.text = node.text.strip()

    def text(piece: str) -> None:
        opened[-1].text += piece

    def refuse(*_: object) -> None:
        raise Place(path, parser.CurrentLineNumber).error("expected no DOCTYPE; take it out")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = text, refuse
    try:
        parser.Parse(read_bytes(path), True)
    except expat.ExpatError as error:
        problem = expat.ErrorString(error.code)
        raise Place(path, error.lineno).error(f"expected xml, found {problem}; {MEND}") from error
    except (LookupError, ValueError) as error:
        raise Place(path, 1).error(f"expected xml in UTF-8: {error}; convert it") from error
    return opened[0].children[0]
