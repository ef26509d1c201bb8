from edge.infer.uncertainty import UncertaintyHysteresis
from edge.types import Reason

DARK = (Reason.DARK,)
GOOD: tuple[Reason, ...] = ()


def doubt(*looks: tuple[float, tuple[Reason, ...]], dwell: float = 0.5) -> list[bool]:
    """Return whether there was doubt after each of the looks, given with their times."""
    known, doubted = UncertaintyHysteresis(dwell), []
    for now, reasons in looks:
        known.update(reasons, now)
        doubted.append(bool(known.reasons))
    return doubted


def test_doubt_arises_once_a_reason_has_lasted() -> None:
    assert doubt((0.0, DARK), (0.25, DARK), (0.5, DARK)) == [False, False, True]


def test_doubt_goes_once_nothing_has_been_wrong_for_as_long() -> None:
    looks = ((0.0, DARK), (0.5, DARK), (1.0, GOOD), (1.25, GOOD), (1.5, GOOD))
    assert doubt(*looks) == [False, True, True, True, False]


def test_a_flicker_neither_raises_doubt_nor_takes_it() -> None:
    flicker = [(tenth / 10, DARK if tenth % 2 else GOOD) for tenth in range(100)]
    assert not any(doubt(*flicker))
    assert all(doubt((-2.0, DARK), (-1.0, DARK), *flicker)[1:])


def test_without_a_dwell_time_one_look_is_enough() -> None:
    assert doubt((0.0, DARK), (0.0, GOOD), dwell=0.0) == [True, False]


def test_the_reasons_are_those_of_the_last_look_that_gave_any() -> None:
    known = UncertaintyHysteresis(0.0)
    known.update(DARK, 0.0)
    known.update((Reason.BLURRED, Reason.DARK), 1.0)
    assert known.reasons == (Reason.BLURRED, Reason.DARK)
