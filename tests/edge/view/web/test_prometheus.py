"""Numbers for Prometheus, read by its own parser."""

from prometheus_client.parser import text_string_to_metric_families

from edge.types import CameraState
from tests.edge.view.scenes import expression, scene
from tests.edge.view.web.servers import Server, serve
from tests.events import stats


def read(server: Server) -> dict[tuple[str, str], float]:
    """Return each sample by its name and the value of its first label."""
    reply = server.get("/metrics")
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in text_string_to_metric_families(reply.body.decode())
        for sample in family.samples
    }


def test_numbers_are_those_of_the_latest_report() -> None:
    with serve() as server:
        assert ("emotiond_frames_total", "") not in read(server)
        server.web.publish(stats())
        told = read(server)
        assert told["emotiond_frames_total", ""] == 1800
        assert told["emotiond_dropped_total", "frames"] == 3
        assert told["emotiond_temperature_celsius", ""] == 48.3
        assert told["emotiond_memory_bytes", ""] == 90_000_000


def test_camera_and_faces_are_those_of_this_moment() -> None:
    with serve() as server:
        server.publish_status(CameraState.PAUSED)
        server.latest.show(scene(expression(emotion="happy"), expression(emotion="happy")))
        told = read(server)
        assert told["emotiond_camera", "paused"] == 1
        assert told["emotiond_camera", "online"] == 0
        assert told["emotiond_faces_in_view", "happy"] == 2
        assert told["emotiond_faces_in_view", "sad"] == 0


def test_a_machine_without_a_thermometer_tells_no_temperature() -> None:
    with serve() as server:
        cold = stats()
        server.web.publish(
            stats(load=type(cold.load)(cpu=0.1, memory=1, temperature=None), event_latency=None)
        )
        assert not [name for name, _ in read(server) if name.endswith("celsius")]
