"""emotiond's installation in a guest, by its own installer."""

from tests.system.guest import CHECKOUT, PATIENCE, SUPPLIES, Completed, Guest, run

WITHOUT_NETWORK = f"PIP_NO_INDEX=1 PIP_FIND_LINKS={SUPPLIES}"

PARTS = "edge converter models config systemd pyproject.toml constraints.txt README.md LICENSE"
"""Of a checkout, what is installed from."""

NOT_OURS = (
    *("/srv", "/tmp", "/root"),  # what the tests put there
    *("/var/log", "/var/cache", "/var/tmp", "/var/lib/systemd"),  # what systemd writes at any time
    *("/etc/mosquitto", "/var/lib/mosquitto"),  # the broker's
)


def install(guest: Guest, checkout: str = CHECKOUT) -> Completed:
    """Run the installer of a checkout."""
    command = f"{WITHOUT_NETWORK} {checkout}/systemd/install"
    return guest.execute(command, "", 3 * PATIENCE * guest.slowness)


def copy_checkout(guest: Guest, version: str) -> str:
    """Make a checkout that has another version, and return where it is."""
    place = f"/root/{version}"
    run(guest, f"mkdir -p {place} && cd {CHECKOUT} && cp -r {PARTS} {place}")
    line = f'__version__ = "{version}"'
    run(guest, f"sed -i 's/^__version__ = .*/{line}/' {place}/edge/__init__.py")
    return place


def release(guest: Guest) -> str:
    """Return where the release in use is."""
    return run(guest, "readlink -f /opt/emotiond/current").strip()


def files(guest: Guest) -> frozenset[str]:
    """Return every file and folder of a guest that a program could have left there."""
    prune = " -o ".join(f"-path {path}" for path in NOT_OURS)
    # Python leaves compiled code beside any file that it runs.
    command = rf"find / -xdev \( {prune} -o -name __pycache__ \) -prune -o -print"
    return frozenset(run(guest, command).splitlines())
