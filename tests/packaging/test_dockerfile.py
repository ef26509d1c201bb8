"""packaging/oci/Dockerfile makes the image that packaging/oci/build makes: the two say the same."""

import json
import re
import shlex
import subprocess
import sys
from typing import Any

import pytest

from tests.conftest import ROOT

OCI = ROOT / "packaging" / "oci"
SECONDS = 1_000_000_000

TELL = """
import importlib.machinery, importlib.util, json, sys
sys.path.insert(0, "packaging")
loader = importlib.machinery.SourceFileLoader("build", "packaging/oci/build")
build = importlib.util.module_from_spec(importlib.util.spec_from_loader("build", loader))
loader.exec_module(build)
told = {"config": build.image_config([], "amd64")["config"], "python": build.PYTHON}
print(json.dumps(told | {"suite": build.SUITE, "packages": build.PACKAGES}))
"""


@pytest.fixture(scope="module")
def built() -> dict[str, Any]:
    """What `build` says of the image."""
    command = [sys.executable, "-c", TELL]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.fixture(scope="module")
def stages() -> list[list[tuple[str, str]]]:
    """The instructions of each stage."""
    text = (OCI / "Dockerfile").read_text().replace("\\\n", " ")
    found: list[list[tuple[str, str]]] = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            word, _, rest = line.partition(" ")
            if word == "FROM":
                found.append([])
            found[-1].append((word, rest.strip()))
    return found


def test_what_is_run_and_how_is_the_same(
    built: dict[str, Any], stages: list[list[tuple[str, str]]]
) -> None:
    said, config = dict(stages[-1]), built["config"]
    environment = dict(one.split("=", 1) for one in shlex.split(said["ENV"]))
    assert [f"{name}={text}" for name, text in environment.items()] == config["Env"]
    assert said["USER"] == config["User"]
    assert json.loads(said["ENTRYPOINT"]) == config["Entrypoint"]
    assert json.loads(said["CMD"]) == config["Cmd"]
    assert {said["VOLUME"]: {}} == config["Volumes"]
    assert {f"{said['EXPOSE']}/tcp": {}} == config["ExposedPorts"]
    assert said["STOPSIGNAL"] == config["StopSignal"]
    options, _, command = said["HEALTHCHECK"].partition("CMD ")
    given = {name: int(text) * SECONDS for name, text in re.findall(r"--(\S+)=(\d+)s", options)}
    health = config["Healthcheck"]
    assert ["CMD", *json.loads(command)] == health["Test"]
    assert given == {
        "interval": health["Interval"],
        "timeout": health["Timeout"],
        "start-period": health["StartPeriod"],
    }


def test_what_is_in_it_is_the_same(
    built: dict[str, Any], stages: list[list[tuple[str, str]]]
) -> None:
    first, last = stages
    assert [rest.split()[0] for word, rest in first + last if word == "FROM"] == [
        f"debian:{built['suite']}-slim"
    ] * 2
    (made,) = (rest for word, rest in first if "environment.py" in rest)
    assert f"--python {built['python']} --architecture" in made
    assert "--installer oci" in made
    (installed,) = (rest for word, rest in last if word == "RUN")
    packages = installed.partition("--no-install-recommends ")[2].partition(" &&")[0].split()
    assert sorted(packages) == sorted(built["packages"].split(","))
    copied = [rest.split()[-1] for word, rest in last if word == "COPY"]
    assert copied == ["/opt", "/config", "/data"]
    for path in ("packaging/environment.py", "config/emotiond.yaml"):
        assert (ROOT / path).is_file()
        assert f"/src/{path}" in made
