from collections import Counter

import pytest

from converter.data.dataset import split_by_subject


def test_all_rows_of_a_subject_are_in_one_split() -> None:
    subjects = [f"S{number % 50:03d}" for number in range(500)]
    usage = split_by_subject(subjects)
    assert len(set(zip(subjects, usage.tolist(), strict=True))) == 50


def test_about_a_fifth_of_the_subjects_is_tested() -> None:
    usage = split_by_subject([f"S{number:03d}" for number in range(100)])
    assert Counter(usage.tolist()) == {"Training": 80, "PublicTest": 20}


@pytest.mark.parametrize("count", [2, 3])
def test_few_subjects_still_fill_both_splits(count: int) -> None:
    assert set(split_by_subject(["KA", "KL", "KM"][:count]).tolist()) == {"Training", "PublicTest"}


def test_one_subject_alone_is_trained_on() -> None:
    assert split_by_subject(["KA", "KA"]).tolist() == ["Training", "Training"]


def test_the_order_of_the_rows_does_not_change_the_split() -> None:
    subjects = [f"S{number:03d}" for number in range(10)]
    assert split_by_subject(subjects[::-1]).tolist() == split_by_subject(subjects).tolist()[::-1]
