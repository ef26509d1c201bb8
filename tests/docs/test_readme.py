"""What the documents tell a user to type works."""

import re
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from edge.types import Image
from tests.docs.pages import PAGES, USER_PAGES, blocks
from tests.films import cut

PROGRAMS = [page for page in USER_PAGES if blocks(page, "python")]


@pytest.mark.parametrize("page", PROGRAMS, ids=lambda page: page.name)
def test_a_program_in_a_document_runs_as_it_stands(
    page: Path, clip: list[Image], tmp_path: Path
) -> None:
    cv2.imwrite(str(tmp_path / "photo.jpg"), clip[2])
    cut(tmp_path / "video.mp4", 30)
    for program in blocks(page, "python"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert "'happy': " in done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_document_refers_to_is_there(page: Path) -> None:
    places = re.findall(r"\]\((?!https?:)([^)#|]+)[)#]", page.read_text())
    assert [place for place in places if not (page.parent / place).exists()] == []
