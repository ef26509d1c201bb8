"""Inputs that `python -m tools.fuzz` found to do harm, each refused now in one line."""

import http.server
import threading
from functools import partial
from pathlib import Path

import pytest

from edge.capture.stream import StreamSettings
from edge.cli import main
from edge.config import load_config
from edge.errors import ConfigError, SourceError
from tests.faults import fault
from tests.films import cut


@fault(
    "config",
    "YAML aliases that unfold to themselves, or to millions of values",
    seen="one line, exit code 78",
    recovery="edit the config",
)
@pytest.mark.parametrize(
    "text",
    [
        "unknown: &a [*a, *a]",
        "unknown: &a {x: *a}",
        "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 30)),
    ],
)
def test_aliases_that_unfold_without_end_are_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "emotiond.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="by its aliases"):
        load_config(path)


def without_codec(path: Path) -> Path:
    """Write a video whose codec has a name that nobody gave to one."""
    path.write_bytes(cut(path, 5, "MJPG").read_bytes().replace(b"MJPG", b"ZZZZ"))
    return path


@fault(
    "files",
    "a video of a codec that is not known here",
    seen="one line with its name and what to do",
    recovery="none needed",
    lost="that video",
)
def test_a_video_without_a_known_codec_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = without_codec(tmp_path / "film.avi")
    assert main(["video", str(path)]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"emotiond: {path}: cannot be read as a video: it has no known codec")


def test_a_stream_without_a_known_codec_is_a_lost_one(tmp_path: Path) -> None:
    without_codec(tmp_path / "film.avi")
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(SourceError, match="it has no known codec"):
            StreamSettings(url=f"http://127.0.0.1:{server.server_port}/film.avi").open()
        server.shutdown()
