"""openapi.yaml: sound in itself, and as the server is, whatever it is asked."""

import json
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from edge.secrets import SecretRef
from edge.types import CameraState
from edge.view import PrivacyBlur, WebSettings
from edge.view.web import PAGE
from edge.view.web.routes import OPENAPI
from tests.edge.view.scenes import expression, scene
from tests.edge.view.web.servers import Server, serve

TOKEN = "correct-horse-battery"

document = yaml.safe_load(OPENAPI.read_bytes())
api = schemathesis.openapi.from_dict(document)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("web")
    path = folder / "token"
    path.write_text(TOKEN)
    slow = pytest.MonkeyPatch()
    slow.setattr("edge.view.web.auth.MAX_DELAY_S", 0.0)  # hundreds of wrong tokens
    settings = WebSettings(port=0, token=SecretRef(file=path), faces=folder / "faces")
    with serve(settings, folder=folder) as server:
        server.latest.show(scene(expression()))
        yield server
    slow.undo()


def test_every_place_is_described_and_the_reverse(server: Server) -> None:
    described = {
        (path, method.upper()) for path, one in document["paths"].items() for method in one
    }
    kinds = (r"/\w+\.js", "/{script}.js"), (r"/strings/\w+\.json", "/strings/{language}.json")

    def place(path: str) -> str:  # files of a kind are described together
        return next((one for kind, one in kinds if re.fullmatch(kind, path)), path)

    served = {
        (place(route.path), method)
        for route in server.web.app.routes
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert described == served


@pytest.mark.parametrize(("field", "values"), [("blur", PrivacyBlur), ("camera", CameraState)])
def test_every_state_that_there_is_is_described(field: str, values: type[StrEnum]) -> None:
    described = document["components"]["schemas"]["state"]["properties"][field]["enum"]
    assert set(described) - {None} == set(values)


def test_the_page_has_a_sentence_for_every_way_to_hide_faces() -> None:
    words = json.loads((PAGE / "strings/en.json").read_text())
    assert {key for key in words if key.startswith("blur.")} == {
        f"blur.{one}" for one in PrivacyBlur
    }


def test_the_document_is_served_whole(server: Server) -> None:
    assert server.get("/openapi.json", Authorization=f"Bearer {TOKEN}").json == document


SLOW = ["watch", "listen", "check", "getReport", "addVideo"]
"""Operations without an end, or with a process of their own each."""


@(api.exclude(operation_id=SLOW).parametrize())
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_whatever_it_is_asked_it_answers_as_described(
    server: Server, case: schemathesis.Case[Any]
) -> None:
    # Which bytes are an image, and which names are models, no schema can say.
    excluded: list[Any] = [positive_data_acceptance, negative_data_rejection]
    case.call_and_validate(
        base_url=f"http://127.0.0.1:{server.port}",
        headers={"Authorization": f"Bearer {TOKEN}"},
        excluded_checks=excluded,
    )
