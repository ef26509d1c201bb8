import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="training needs the extra `convert`")


def _step(shape: tuple[int, ...], rate: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Return a gradient and the step that Muon takes along it."""
    from converter.train.loop import Muon

    rng = np.random.default_rng(0)
    gradient = rng.normal(size=shape).astype(np.float32)
    kernel = keras.Variable(np.zeros(shape, np.float32))
    Muon(rate, momentum=0.9, nesterov=True).apply([gradient], [kernel])
    return gradient, keras.ops.convert_to_numpy(kernel)


@pytest.mark.parametrize("shape", [(3, 3, 8, 16), (3, 3, 4, 64)])
def test_a_kernels_step_is_as_long_in_every_direction(shape: tuple[int, ...]) -> None:
    gradient, step = _step(shape)
    values = np.linalg.svd(step.reshape(-1, shape[3]), compute_uv=False)
    assert values.max() < 2.5 * values.min()
    assert (gradient * step).sum() < 0


def test_what_is_no_kernel_takes_a_step_of_plain_momentum() -> None:
    gradient, step = _step((5,))
    assert step == pytest.approx(-0.1 * (1 + 0.9) * gradient, rel=1e-5)


def test_the_first_layers_kernels_take_a_step_of_plain_momentum() -> None:
    gradient, step = _step((3, 3, 1, 8))
    assert step == pytest.approx(-0.1 * (1 + 0.9) * gradient, rel=1e-5)
