import importlib
import pkgutil

import pytest

import tests.faults
from tests.faults import collect_faults, fault
from tools.fault_table import PAGE, fault_page


def test_the_page_says_what_the_tests_say() -> None:
    page = PAGE.read_text()
    assert page == fault_page(page), "run `python -m tools.fault_table`"


def test_every_module_of_faults_has_a_row_on_the_page() -> None:
    names = [one.name for one in pkgutil.iter_modules(tests.faults.__path__)]
    modules = {f"tests.faults.{name}" for name in names if name.startswith("test_")}
    assert modules == {row.test for row in collect_faults()}


def test_a_row_belongs_to_a_test_that_pytest_runs() -> None:
    for row in collect_faults():
        module = importlib.import_module(row.test)
        lines = {
            one.__code__.co_firstlineno
            for name, one in vars(module).items()
            if name.startswith("test_")
        }
        assert row.line in lines, row.what


def test_a_part_that_the_page_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="expected one of camera, "):
        fault("weather", "rains", seen="", recovery="")
