from tests.conftest import ROOT

TOOLS = ROOT / "tools"


def test_every_tool_that_can_be_started_is_listed() -> None:
    text = (TOOLS / "README.md").read_text()
    started = [
        path for path in TOOLS.rglob("*.py") if 'if __name__ == "__main__"' in path.read_text()
    ]
    assert len(started) > 10
    for path in started:
        parts = path.relative_to(ROOT).with_suffix("").parts
        module = ".".join(parts).removesuffix(".__main__")
        worker = path.stem == "tutorial_loop"  # tutorial_baseline starts it
        assert worker or f"python -m {module}" in text or f"python {'/'.join(parts)}.py" in text


def test_the_product_imports_no_tool() -> None:
    for package in ("edge", "converter"):
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text()
            assert "from tools" not in text, path
            assert "import tools" not in text, path
