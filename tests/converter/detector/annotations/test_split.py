from converter.detector.annotations.split import by_name
from converter.detector.photographs import Split


def test_about_a_tenth_of_the_names_is_for_the_test() -> None:
    tested = sum(by_name(f"{number}.jpg") is Split.TEST for number in range(2000))
    assert 160 < tested < 240


def test_the_split_of_a_name_never_changes() -> None:
    tested = [number for number in range(50) if by_name(f"{number}.jpg") is Split.TEST]
    assert tested == [26, 34, 36, 38]
