"""An external delegate: a small one, built here, which takes no operation and notes whom it served."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from edge.cli import main
from edge.config import load_config
from edge.doctor.checks import run_checks
from edge.errors import ConfigError, Level, ModelError
from edge.pipeline.build import SetupBuilder
from edge.tflite import (
    DelegateSettings,
    LibraryPath,
    Runtime,
    TFLiteModel,
    open_tflite,
    opened_with,
)
from tests.edge.infer.models import SHIPPED, copy_brightness

SOURCE = r"""
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As in tensorflow/lite/core/c/common.h. */
typedef struct Delegate {
  void *data;
  int (*prepare)(void *context, struct Delegate *delegate);
  void *copy_from, *copy_to, *free_handle;
  int64_t flags;
  void *builder;
} Delegate;

typedef struct { char path[4096]; int fails; } Data;

static int prepare(void *context, Delegate *delegate) {
  Data *data = delegate->data;
  FILE *file = fopen(data->path, "a");
  if (file) { fputs("prepared\n", file); fclose(file); }
  return data->fails;  /* 0: it takes nothing, and all stays where it was */
}

Delegate *tflite_plugin_create_delegate(
    char **keys, char **values, size_t count, void (*report)(const char *)) {
  Data *data = calloc(1, sizeof *data);
  for (size_t at = 0; at < count; at++) {
    if (!strcmp(keys[at], "refuse")) { report(values[at]); free(data); return NULL; }
    if (!strcmp(keys[at], "fails")) data->fails = atoi(values[at]);
    if (!strcmp(keys[at], "notes")) snprintf(data->path, sizeof data->path, "%s", values[at]);
  }
  Delegate *delegate = calloc(1, sizeof *delegate);
  delegate->data = data;
  delegate->prepare = prepare;
  return delegate;
}

void tflite_plugin_destroy_delegate(Delegate *delegate) {
  if (delegate) { free(delegate->data); free(delegate); }
}
"""

CROP = np.random.default_rng(0).integers(0, 255, (1, 48, 48, 1), dtype=np.uint8)


def compiled(folder: Path, name: str, source: str) -> Path:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler to build a delegate with")
    path = folder / name
    command = [compiler, "-shared", "-fPIC", "-x", "c", "-", "-o", str(path)]
    subprocess.run(command, input=source.encode(), check=True)
    return path


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("delegate"), "libnone.so", SOURCE)


def settings(library: Path | str, **options: str | int | float) -> DelegateSettings:
    return DelegateSettings(LibraryPath(library), options)


def write(folder: Path, library: Path | str, **options: Any) -> Path:
    path = folder / "config.yaml"
    runtime = {"delegate": str(library), "options": options}
    path.write_bytes(
        msgspec.json.encode({"sinks": [], "state_dir": str(folder / "state"), "runtime": runtime})
    )
    return path


def test_a_model_that_is_opened_with_a_delegate_gives_it_its_graph_and_the_answers_stay(
    library: Path, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    plain = TFLiteModel(SHIPPED, Runtime.LITERT).invoke(CROP)
    with opened_with(settings(library, notes=str(notes))):
        network = TFLiteModel(SHIPPED, Runtime.LITERT)
    assert notes.read_text() == "prepared\n"
    for ours, theirs in zip(network.invoke(CROP), plain, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    TFLiteModel(SHIPPED, Runtime.LITERT).invoke(CROP)
    assert notes.read_text() == "prepared\n", "outside the block there is none"


def test_every_network_of_a_daemon_runs_on_the_delegate_of_its_config(
    library: Path, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    SetupBuilder(load_config(write(tmp_path, library, notes=str(notes))))
    # Detector, refiner and classifier, and first the last of them in a process of its own.
    assert notes.read_text().count("prepared") == 4


def test_a_model_of_ones_own_is_tried_with_the_delegate(library: Path, tmp_path: Path) -> None:
    notes, path = tmp_path / "notes", write(tmp_path, library)
    config = msgspec.json.decode(path.read_bytes())
    config["classifier"] = {"model": str(copy_brightness(tmp_path))}
    config["runtime"]["options"] = {"notes": str(notes)}
    path.write_bytes(msgspec.json.encode(config))
    SetupBuilder(load_config(path))
    assert notes.read_text().count("prepared") == 4  # and once in a process of its own


@pytest.mark.parametrize(
    ("name", "source"),
    [("absent.so", None), ("text.so", "text"), ("other.so", "int other(void) { return 1; }")],
)
def test_what_is_no_delegate_is_named_with_the_remedy(
    tmp_path: Path, name: str, source: str | None
) -> None:
    path = tmp_path / name
    if source == "text":
        path.write_text("no library")
    elif source is not None:
        path = compiled(tmp_path, name, source)
    with pytest.raises(ConfigError) as caught:
        settings(path).load(Runtime.LITERT)
    text = str(caught.value)
    assert text.startswith("runtime.delegate: expected a TFLite delegate for this machine")
    assert name in text
    assert text.endswith("or set it to null")
    assert "\n" not in text


def test_a_delegate_that_refuses_is_quoted(library: Path) -> None:
    with pytest.raises(ConfigError, match=r"libnone\.so refuses: no device at usb:0; or set it"):
        settings(library, refuse="no device\nat usb:0").load(Runtime.LITERT)


def test_a_refusal_is_told_alone_and_no_other_runtime_is_tried(library: Path) -> None:
    with opened_with(settings(library, refuse="no device")), pytest.raises(ConfigError) as caught:
        open_tflite(SHIPPED)
    assert str(caught.value).endswith("refuses: no device; or set it to null")
    assert "runtime.delegate: " in str(caught.value)


def test_a_library_that_crashes_is_an_error_and_no_end_of_the_daemon(tmp_path: Path) -> None:
    source = """
    void *tflite_plugin_create_delegate(void) { return (void *)(long)*(volatile int *)0; }
    void tflite_plugin_destroy_delegate(void *delegate) {}
    """
    path = compiled(tmp_path, "libcrash.so", source)
    with pytest.raises(ModelError, match="litert with its delegate ends with SIGSEGV"):
        SetupBuilder(load_config(write(tmp_path, path)))


def test_a_delegate_that_cannot_take_a_model_is_named_with_it(library: Path) -> None:
    with opened_with(settings(library, fails=1)), pytest.raises(ModelError) as caught:
        TFLiteModel(SHIPPED, Runtime.LITERT)
    assert f"{SHIPPED.name}: is not a model that litert with {library} can run" in str(caught.value)


def test_check_ends_with_78_and_one_line(
    library: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--config", str(write(tmp_path, library, refuse="no device"))]) == 78
    assert capfd.readouterr().err.count("\n") == 1
    assert main(["check", "--config", str(write(tmp_path, library))]) == 0


def test_doctor_tells_whether_the_delegate_can_be_loaded(library: Path, tmp_path: Path) -> None:
    def result(**options: str) -> tuple[Level, str]:
        checks = run_checks(write(tmp_path, library, **options))
        return next((one.level, one.text) for one in checks if one.subject == "delegate")

    assert result() == (Level.OK, f"{library} runs the model")
    level, text = result(refuse="no device")
    assert level is Level.FAILURE
    assert "refuses: no device" in text


def test_doctor_looks_at_the_rest_without_a_delegate_that_refuses(
    library: Path, tmp_path: Path
) -> None:
    checks = list(run_checks(write(tmp_path, library, refuse="no device")))
    levels = {one.subject: one.level for one in checks}
    assert (levels["model"], levels["detector"]) == (Level.OK, Level.OK)


def test_no_other_detector_takes_the_place_of_one_that_a_delegate_refuses(
    library: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ConfigError, match="no device"):
        SetupBuilder(load_config(write(tmp_path, library, refuse="no device")))
    assert "best at hand" not in caplog.text


def test_a_bare_name_is_left_to_the_linker_and_a_path_is_of_the_configs_folder(
    tmp_path: Path,
) -> None:
    bare = load_config(write(tmp_path, "libedgetpu.so.1")).runtime.delegate
    assert str(bare) == "libedgetpu.so.1"
    path = load_config(write(tmp_path, "lib/libmine.so")).runtime.delegate
    assert path == LibraryPath(tmp_path / "lib" / "libmine.so")
