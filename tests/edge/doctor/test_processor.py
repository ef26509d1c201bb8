from pathlib import Path

import pytest

from edge.doctor.processor import examine_processor
from edge.doctor.result import CheckResult, Level
from tests.edge.doctor.findings import only


def found(tmp_path: Path, line: str, machine: str) -> CheckResult:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\n{line}\nbogomips\t: 108.00\n")
    return only(examine_processor(cpuinfo, machine))


@pytest.mark.parametrize(
    ("line", "machine", "text"),
    [
        ("flags\t\t: fpu avx avx2 avx512_vnni", "x86_64", "x86_64 with avx2, avx512_vnni"),
        ("flags\t\t: fpu avx sse4_1", "x86_64", "x86_64 without avx2, models take longer"),
        ("Features\t: fp asimd crc32 asimddp", "aarch64", "aarch64 with asimddp"),
        (
            "Features\t: fp asimd crc32",
            "aarch64",
            "aarch64 without asimddp, as in a Raspberry Pi 3 and 4: ",
        ),
        ("isa\t\t: rv64imafdc", "riscv64", "riscv64 of a kind not known here"),
    ],
)
def test_the_instructions_that_models_gain_by_are_named_and_missing_ones_are_ok(
    line: str, machine: str, text: str, tmp_path: Path
) -> None:
    finding = found(tmp_path, line, machine)
    assert finding.level is Level.OK
    assert finding.text.startswith(text)


def test_a_processor_that_is_hidden_is_a_warning_as_xnnpack_then_switches_itself_off(
    tmp_path: Path,
) -> None:
    finding = only(examine_processor(tmp_path / "none", "x86_64"))
    assert finding.level is Level.WARNING
    assert "XNNPACK" in finding.text
    assert "ProcSubset=pid" in str(finding.remedy)
