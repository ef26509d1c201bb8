import json
import subprocess
import sys

from edge.paths import asset


def test_every_part_is_done_between_marks_and_said_what_it_is() -> None:
    command = [sys.executable, "-m", "tools.bench.instruction_marks"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    parts = json.loads(done.stdout)
    assert [part["mark"] for part in parts] == list(range(1, len(parts) + 1))
    names = {(part["kind"], part["name"]) for part in parts}
    assert {("decode", "decode"), ("detector", "emotiond"), ("detector", "haar")} <= names
    models = {path.stem for path in asset("models").glob("*.tflite")}
    assert {name for kind, name in names if kind == "model"} == models
    assert len([kind for kind, _ in names if kind == "frame"]) == 3
    assert all(part["times"] > 0 for part in parts)
