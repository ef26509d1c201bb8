import random
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from edge.errors import EmotiondError
from edge.publish.outbox_store import SystemClock
from tests.edge.publish.outbox.outboxes import (
    Opener,
    mounted,
    payloads,
)
from tests.edge.publish.outbox.recorder import kill, run_recorder


def test_what_was_recorded_survives_a_kill_at_any_moment(path: Path, opened: Opener) -> None:
    recorded: list[int] = []
    acknowledged: set[int] = set()
    counter = 1
    for _ in range(6):
        process = run_recorder(path, str(counter), "ack")
        threading.Event().wait(random.uniform(0, 0.15))
        said = kill(process)
        recorded += [number for what, number in said if what == "record"]
        acknowledged |= {number for what, number in said if what == "ack"}
        outbox = opened(SystemClock(), max_events=1_000_000)
        there = [int(payload) for payload in payloads(outbox)]
        outbox.close()
        assert there == sorted(set(there))
        assert set(recorded) - acknowledged <= set(there)
        counter = max([counter, *there]) + 1
    assert recorded


def test_what_was_recorded_survives_a_power_cut_right_after(
    path: Path, tmp_path: Path, opened: Opener
) -> None:
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("mkfs.ext4 is not installed")
    disk, cut = tmp_path / "before", tmp_path / "after"
    disk.write_bytes(bytes(32 * 2**20))
    subprocess.run(["mkfs.ext4", "-q", disk], check=True)
    disks = path.parent.parent
    with mounted(disks, "-o", "loop", str(disk)):
        outbox = opened()
        for number in range(10):
            outbox.record([b"%d" % number])
        shutil.copyfile(disk, cut)  # what lies in the system's memory only does not lie there
        outbox.close()
    with mounted(disks, "-o", "loop", str(cut)):
        outbox = opened()
        assert payloads(outbox) == [b"%d" % number for number in range(10)]
        outbox.close()


def test_a_second_process_is_refused_with_the_reason(path: Path, opened: Opener) -> None:
    process = run_recorder(path, "1")
    try:
        with pytest.raises(
            EmotiondError, match="another emotiond uses this device's outbox"
        ) as caught:
            opened()
        assert "\n" not in str(caught.value)
        assert caught.value.exit_code == 1
    finally:
        said = kill(process)
    assert len(opened(SystemClock(), max_events=1_000_000)) >= len(said)
