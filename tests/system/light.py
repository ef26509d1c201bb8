"""A guest in a container: booted in a second, at native speed, with the kernel of its host."""

import subprocess
import time
from pathlib import Path

from tests.brokers import wait_until
from tests.system.guest import CHECKOUT, SUPPLIES, Completed

BOOT = r"""
set -e
mount -t tmpfs -o size=3g,mode=755 tmpfs "$2"
mkdir "$2"/upper "$2"/work "$2"/root
mount -t overlay -o lowerdir="$1",upperdir="$2"/upper,workdir="$2"/work overlay "$2"/root
place="$2/root"
shift 2
end=133
while [ $end = 133 ]; do  # how systemd-nspawn asks to be started again, after a reboot
  end=0
  systemd-nspawn --quiet --boot --register=no --keep-unit --private-network --link-journal=no \
    --console=pipe --directory="$place" "$@" || end=$?
done
exit $end
"""
"""In a mount namespace of its own, so that what was written is gone with the last process."""

ENVIRONMENT = ("PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8")


class LightGuest:
    """A guest under systemd-nspawn.

    Args:
        root: its root file system, which stays as it is.
        checkout: the project.
        supplies: what it has no network to fetch.
        directory: an empty one.
    """

    slowness = 1.0
    has_cameras = False

    def __init__(self, root: Path, checkout: Path, supplies: Path, directory: Path) -> None:
        self._console = directory / "console.log"
        place = directory / "place"
        place.mkdir()
        machine = f"--machine=guest-{time.monotonic_ns()}"
        binds = (f"--bind-ro={checkout}:{CHECKOUT}", f"--bind-ro={supplies}:{SUPPLIES}")
        command = ["unshare", "--mount", "--propagation=private", "bash", "-c", BOOT, "boot"]
        with self._console.open("w") as console:
            self._process = subprocess.Popen(
                [*command, str(root), str(place), machine, "--hostname=guest", *binds],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
        self._first = 0
        self._wait_for_boot()

    def execute(self, command: str, stdin: str, timeout: float) -> Completed:
        """Run a line of bash in all namespaces of the guest."""
        enter = ["nsenter", f"--target={self._first}", "--all", "env", "-i", *ENVIRONMENT]
        done = subprocess.run(
            [*enter, "bash", "-c", command],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Completed(done.returncode, done.stdout, done.stderr)

    def reboot(self) -> None:
        """Restart all but the kernel."""
        before = self._first
        self.execute("systemctl reboot", "", 30)
        wait_until(lambda: _first_process(self._process.pid) not in (None, before))
        self._wait_for_boot()

    def close(self) -> None:
        """End the first process, and with it all others."""
        if (first := _first_process(self._process.pid)) is not None:
            subprocess.run(["kill", "-KILL", str(first)], check=False)
        self._process.terminate()
        self._process.wait()

    def _wait_for_boot(self) -> None:
        try:
            wait_until(lambda: _first_process(self._process.pid), 30)
            self._first = _first_process(self._process.pid) or 0
            wait_until(self._is_up, 30)
        except AssertionError as error:
            raise AssertionError(f"it does not boot: {self._console.read_text()}") from error

    def _is_up(self) -> bool:
        state = self.execute("systemctl is-system-running --wait", "", 60).stdout.strip()
        return state in ("running", "degraded")


def _first_process(ancestor: int) -> int | None:
    """Return the descendant that is process 1 of a namespace of its own, if there is one."""
    for child in _children(ancestor):
        if _is_first(child):
            return child
        if (found := _first_process(child)) is not None:
            return found
    return None


def _children(parent: int) -> list[int]:
    done = subprocess.run(
        ["pgrep", "--parent", str(parent)], capture_output=True, text=True, check=False
    )
    return [int(line) for line in done.stdout.split()]


def _is_first(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    numbers = status.partition("NSpid:")[2].partition("\n")[0].split()
    return len(numbers) > 1 and numbers[-1] == "1"
