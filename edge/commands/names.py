"""Names of files that are written, one for each that was read."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path


def names_for(paths: Sequence[Path]) -> list[str]:
    """Return a name without suffix for each path; those that would be the same are numbered."""
    taken: Counter[str] = Counter()
    used: set[str] = set()
    names = []
    for path in paths:
        name = path.stem
        while name in used:
            taken[path.stem] += 1
            name = f"{path.stem}-{taken[path.stem] + 1}"
        used.add(name)
        names.append(name)
    return names
