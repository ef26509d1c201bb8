"""What tests of trainings share."""

from collections.abc import Iterator

import pytest

from tests.converter.small import eagerly


@pytest.fixture(scope="module")
def eager() -> Iterator[None]:
    """Let TensorFlow run operations one by one."""
    with eagerly():
        yield


@pytest.fixture(scope="module")
def small_network() -> Iterator[None]:
    """Let recipes of `tiny` train two layers: every kind of layer and of step is among them."""
    import keras

    from converter import models

    def small(classes: int) -> models.Model:
        faces, x = models._entry()
        for _ in range(2):
            x = keras.layers.MaxPooling2D()(models._convolution(x, 8))
        return models._with_heads("tiny", faces, x, classes, dropout=0.1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(models.NETWORKS, "tiny", small)
        yield


@pytest.fixture(scope="module")
def short_face_head() -> Iterator[int]:
    """Let the output `face` of a training learn for one epoch; yield how many it takes otherwise.

    Each training ends with it, and it would be the most part of one of a few steps.
    """
    from converter.train import face_head

    epochs = face_head.EPOCHS
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(face_head, "EPOCHS", 1)
        yield epochs


@pytest.fixture(scope="module")
def small_detector() -> Iterator[None]:
    """Let detectors have one convolution a grid, and nothing that joins the grids."""
    import keras

    from converter import models
    from converter.detector import train
    from tests.converter.detector import light_detector

    def small(height: int, width: int) -> models.Model:
        picture = keras.Input((height, width, 3), name="picture")
        x = keras.layers.Rescaling(1 / 255)(picture)
        for name in ("half", "quarter"):
            x = models._halved(x, 8, name)
        grids = []
        for name in ("fine", "middle", "coarse"):
            x = models._halved(x, 16, name)
            grids.append(x)
        return keras.Model(picture, models._outputs(grids), name="detector")

    with pytest.MonkeyPatch.context() as patch:
        for module in (models, train, light_detector):
            patch.setattr(module, "detector", small)
        yield


@pytest.fixture
def killed_in_last_epoch(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Trainings end in the midst of their last epoch, as far as they can tell, until undone."""
    from converter.train import loop

    class Kill(loop.Checkpoint):
        """Kills the process."""

        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            if self._batches.epoch == self.params["epochs"] - 1 and batch == 1:
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop, "Checkpoint", Kill)
        yield patch
