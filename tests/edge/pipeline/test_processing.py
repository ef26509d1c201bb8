"""Images analyzed as a running daemon is configured."""

from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from edge.config import Config, parse_config
from edge.pipeline import build as module
from edge.pipeline.build import ImageAnalyzer
from edge.types import Image


class Present:
    """The config of a daemon that changes while it runs."""

    def __init__(self) -> None:
        self.set()

    def set(self, **fields: Any) -> None:
        self.config: Config = parse_config({"sinks": [], **fields}, Path("/config.yaml"))


def test_images_are_analyzed_as_the_daemon_is_set_at_the_moment(clip: list[Image]) -> None:
    present = Present()
    images = ImageAnalyzer(lambda: present.config)
    first = images.analyze(clip[2]).expressions[0].probabilities
    present.set(classifier={"model": "deep-int8"})
    assert images.analyze(clip[2]).expressions[0].probabilities != first
    present.set()
    assert images.analyze(clip[2]).expressions[0].probabilities == first


def test_a_change_of_anything_else_loads_no_model_again(
    clip: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    present = Present()
    images = ImageAnalyzer(lambda: present.config)
    images.analyze(clip[2])
    monkeypatch.setattr(module, "open_classifier", lambda _: pytest.fail("loaded again"))
    present.set(privacy={"blur": "faces"}, web={"port": 8081})
    images.analyze(clip[2])


def test_threads_may_ask_at_once(clip: list[Image]) -> None:
    present = Present()
    images = ImageAnalyzer(lambda: present.config)
    emotions: list[str] = []

    def ask() -> None:
        emotions.extend(face.emotion for face in images.analyze(clip[2]).expressions)

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(emotions) == 4
    assert len(set(emotions)) == 1
