import pytest

from tests.system.guest import Guest, run
from tests.system.service import Service

UNITS = ("emotiond.service", "emotiond@door.service")


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_counts_an_exposure_of_1_5_at_most(
    guest: Guest, service: Service, unit: str
) -> None:
    run(guest, f"systemd-analyze security --no-pager --threshold=15 {unit}")


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_finds_nothing_wrong_with_an_installed_unit(
    guest: Guest, service: Service, unit: str
) -> None:
    done = guest.execute(f"systemd-analyze verify --man=no {unit}", "", 60 * guest.slowness)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_daemon_sees_what_the_fast_kernels_need(guest: Guest, service: Service) -> None:
    enter = f"nsenter --target {service.pid} --mount"
    assert "flags" in run(guest, f"{enter} grep -m1 flags /proc/cpuinfo")
