import json
import subprocess
import sys

from edge.paths import asset
from tests.conftest import ROOT


def test_every_part_runs_between_marks_and_is_named() -> None:
    command = [sys.executable, str(ROOT / "tools/bench/instruction_marks.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    parts = json.loads(done.stdout)
    assert [part["mark"] for part in parts] == list(range(1, len(parts) + 1))
    names = {(part["kind"], part["name"]) for part in parts}
    assert {("decode", "decode"), ("detector", "builtin"), ("detector", "haar")} <= names
    models = {path.stem for path in asset("models").glob("*.tflite")}
    assert {name for kind, name in names if kind == "model"} == models
    assert len([kind for kind, _ in names if kind == "frame"]) == 3
    assert all(part["times"] > 0 for part in parts)
