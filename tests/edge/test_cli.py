import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import converter.cli
import edge
from edge.cli import COMMANDS, main
from tests.conftest import ROOT
from tests.edge.infer.models import copy_model


def test_the_shipped_config_is_sound(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    assert "sound; it uses the model shallow-int8" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("detektor: {}", "detektor: unknown key; did you mean detector?"),
        ("classifier: {model: gone.tflite}", "gone.tflite: no such model"),
        ("classifier: {model: mine/shallow-int8}", "mine/shallow-int8: no such model"),
        (f"classifier: {{model: {'n' * 5000}}}", "no such model"),
    ],
)
def test_a_config_that_cannot_work_is_one_line_and_exit_code_78(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    config = tmp_path / "bad.yaml"
    config.write_text(text)
    assert main(["check", "--config", str(config)]) == 78
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_damaged_model_is_exit_code_78(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = copy_model(tmp_path, sha256="0" * 64)
    config = tmp_path / "config.yaml"
    config.write_text(f"classifier: {{model: {model.name}}}")
    assert main(["check", "--config", str(config)]) == 78
    assert "expected sha256 0000" in capsys.readouterr().err


def test_a_wrong_command_line_is_exit_code_2() -> None:
    with pytest.raises(SystemExit) as caught:
        main(["watch-me"])
    assert caught.value.code == 2


def test_a_value_may_begin_with_a_dash_and_a_digit_and_an_option_is_no_value(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["check", "--config", "-1..1.yaml"]) == 78
    assert "-1..1.yaml: cannot be read" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["check", "--config", "-h"])
    assert "expected one argument" in capsys.readouterr().err


def test_nothing_but_the_command_line_itself_changes_the_environment() -> None:
    """While threads run, whoever looks a host name up may read what is being changed."""
    changes = re.compile(r"environ\.(setdefault|update|pop)|environ\[[^]]+\] *=[^=]|putenv")
    found = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "edge").rglob("*.py")
        if changes.search(path.read_text())
    }
    assert found == {"edge/cli.py"}


def modules_after(*arguments: str) -> set[str]:
    """Return what a process has imported once `emotiond` with these arguments has ended."""
    program = (
        "import contextlib, sys\n"
        "from edge.cli import main\n"
        "with contextlib.suppress(SystemExit): main()\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_version_and_help_import_next_to_nothing(option: str) -> None:
    modules = modules_after(option)
    assert len([name for name in modules if name.split(".")[0] == "edge"]) <= 25
    assert not {"numpy", "cv2", "paho", "msgspec", "yaml"} & modules
    assert not [name for name in modules if name.startswith(("edge.commands", "edge.doctor"))]


def test_of_the_subcommands_only_the_one_that_runs_is_imported() -> None:
    modules = modules_after("check", "--help")
    commands = {name for name in modules if name.startswith("edge.commands.")}
    assert commands == {"edge.commands.daemon", "edge.commands.common"}
    assert not [name for name in modules if name.startswith("edge.doctor")]


def test_help_names_every_subcommand_and_no_module_is_left_over(
    capsys: pytest.CaptureFixture[str],
) -> None:
    helpers = {"__init__", "common", "embedded_broker"}
    modules = {path.stem for path in (ROOT / "edge" / "commands").glob("*.py")} - helpers
    assert {module for module, _ in COMMANDS.values()} == modules
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines if line and line[0] in COMMANDS] == list(COMMANDS)


@pytest.mark.parametrize(
    ("program", "name", "command"),
    [(main, "emotiond", "watch"), (converter.cli.main, "emotiond-convert", "quantize")],
)
def test_each_program_prints_its_version_and_its_help_where_no_subcommand_is_named(
    program: Callable[[list[str]], int],
    name: str,
    command: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as caught:
        program(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"{name} {edge.__version__}\n"
    assert program([]) == 2
    assert f"    {command} " in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_subcommand_has_help_that_begins_with_its_line_of_the_table(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert COMMANDS[command][1] in capsys.readouterr().out


def test_the_daemon_never_loads_tensorflow_keras_or_the_converter() -> None:
    program = (
        "import sys, pkgutil, importlib, edge\n"
        "for found in pkgutil.walk_packages(edge.__path__, 'edge.'):\n"
        "    if not found.name.endswith('__main__'): importlib.import_module(found.name)\n"
        "print(sorted({'tensorflow', 'keras', 'converter'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"  # pygame greets before


def test_a_config_is_sound_though_its_credentials_are_for_the_service_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "emotiond.yaml"
    config.write_text("sinks: [{kind: mqtt, user: edge, password: {credential: mqtt-password}}]")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert main(["check", "--config", str(config)]) == 0
    config.write_text("sinks: [{kind: mqtt, user: edge, password: {file: mqtt-password}}]")
    assert main(["check", "--config", str(config)]) == 78


@pytest.mark.parametrize(
    ("web", "reason"),
    [
        ("host: 0.0.0.0", "token"),
        ("token: {env: NO_SUCH_VARIABLE}", "NO_SUCH_VARIABLE"),
        ("port: 99999", "port"),
    ],
)
def test_a_page_that_cannot_be_served_as_it_is_set_is_exit_code_78(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], web: str, reason: str
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"web: {{enabled: true, {web}}}")
    assert main(["check", "--config", str(path)]) == 78
    assert reason in capsys.readouterr().err


def test_check_says_which_file_or_address_cannot_be_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.yaml"
    (tmp_path / "token").write_text("of a page that nobody serves\n")
    (tmp_path / "token").chmod(0o600)
    for text, reason in (
        ("source: gone.mp4", "gone.mp4: cannot be read as a video: No such file"),
        ("source: {kind: images, path: gone}", "gone: "),
        (
            "web: {enabled: true, host: 192.0.2.1, token: {file: token}}",
            "cannot be at 192.0.2.1",
        ),
    ):
        path.write_text(text)
        assert main(["check", "--config", str(path)]) != 0
        assert reason in capsys.readouterr().err


def test_check_names_a_port_in_use_which_may_be_that_of_its_own_daemon(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "config.yaml"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        path.write_text(f"web: {{enabled: true, port: {taken.getsockname()[1]}}}")
        assert main(["check", "--config", str(path)]) == 0
    assert "Address already in use" in caplog.text
