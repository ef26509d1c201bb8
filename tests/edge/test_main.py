import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.mark.parametrize(("view", "package"), [("web", "starlette"), ("preview", "pygame")])
def test_a_view_whose_package_is_missing_is_one_line_and_exit_code_78(
    tmp_path: Path, view: str, package: str
) -> None:
    hide = f"import sys; sys.modules['{package}'] = None; from edge.cli import main; "
    (tmp_path / "config.yaml").write_text(f"{view}: {{enabled: true}}")
    done = subprocess.run(
        [sys.executable, "-c", hide + "sys.exit(main(['check', '--config', 'config.yaml']))"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 78
    assert f"or {view}.enabled: false" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_package_that_cannot_be_imported_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "cv2.py").write_text("raise ImportError('libGL.so.1: cannot open shared object')")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-m", "edge", "doctor"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 78
    assert "a package cannot be imported: libGL.so.1" in done.stderr
    assert "pip install 'opencv-python-headless<5'" in done.stderr
    assert "Traceback" not in done.stderr
