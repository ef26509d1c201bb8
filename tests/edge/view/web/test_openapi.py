"""openapi.yaml: sound in itself, and as the server is, whatever it is asked."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from edge.secrets import SecretRef
from edge.view import WebSettings
from edge.view.web.routes import OPENAPI
from tests.edge.view.scenes import expression, scene
from tests.edge.view.web.servers import Server, serve

TOKEN = "correct-horse-battery"

document = yaml.safe_load(OPENAPI.read_bytes())
api = schemathesis.openapi.from_dict(document)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    path = tmp_path_factory.mktemp("web") / "token"
    path.write_text(TOKEN)
    slow = pytest.MonkeyPatch()
    slow.setattr("edge.view.web.sessions.MAX_DELAY_S", 0.0)  # hundreds of wrong tokens
    with serve(WebSettings(port=0, token=SecretRef(file=path))) as server:
        server.latest.show(scene(expression()))
        yield server
    slow.undo()


def test_every_place_is_described_and_the_reverse(server: Server) -> None:
    described = {
        (path, method.upper()) for path, one in document["paths"].items() for method in one
    }
    served = {
        (route.path, method)
        for route in server.web.app.routes
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert described == served


def test_the_document_is_served_whole(server: Server) -> None:
    assert server.get("/openapi.json", Authorization=f"Bearer {TOKEN}").json == document


@(api.exclude(path=["/stream.mjpg", "/events"]).parametrize())
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
    # Which bytes are a picture, and which names are models, no schema can publish_status.
    excluded: list[Any] = [positive_data_acceptance, negative_data_rejection]
    case.call_and_validate(
        base_url=f"http://127.0.0.1:{server.port}",
        headers={"Authorization": f"Bearer {TOKEN}"},
        excluded_checks=excluded,
    )
