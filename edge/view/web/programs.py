"""Subcommands of emotiond that the page starts, each in a process that makes way for the daemon."""

import asyncio
import os
import resource
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from http import HTTPStatus
from pathlib import Path

from edge.errors import EmotiondError
from edge.view.web.api import ApiError

MAX_LINE_BYTES = 16_000_000
"""Bytes of one line that a program prints: the drawing in a report is one."""

MAX_FILE_BYTES = 1_000_000_000
"""Bytes of a file that it writes: more than an hour of an annotated copy."""

REPORT_POLICY = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
    )
}
"""Headers of a report, whose styles lie in itself; it runs and loads nothing."""

RUN_TIMEOUT_S = 120.0  # seconds that checks, or a report, may take


class Programs:
    """Runs one subcommand at a time, and has what it prints as a whole."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def run(self, *arguments: str, or_printed: bool = False) -> bytes:
        """Return what a subcommand prints; `or_printed`: also of one that fails."""
        if self._turn.locked():
            text = "checks or a report are being made already; ask again later"
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "busy", text)
        printed: list[bytes] = []
        try:
            async with self._turn, aclosing(run_program(*arguments)) as lines:
                async for line in lines:
                    printed.append(line)
        except EmotiondError:
            if not printed or not or_printed:
                raise
        return b"".join(printed)


async def run_program(
    *arguments: str, timeout_s: float = RUN_TIMEOUT_S
) -> AsyncGenerator[bytes, None]:
    """Run `emotiond` with arguments; yield each line that it prints.

    It is ended with the iterator. An EmotiondError says why it failed, in its own words.
    """
    with tempfile.TemporaryFile() as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "edge", *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            limit=MAX_LINE_BYTES,
            start_new_session=True,  # Ctrl-C is for the daemon, which ends it
        )
        assert process.stdout is not None
        try:
            _make_way(process.pid)
            async with asyncio.timeout(timeout_s):
                async for line in process.stdout:
                    yield line
                await process.wait()
        except TimeoutError:
            raise EmotiondError(f"it took longer than {timeout_s:.0f} s, and was ended") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip().rpartition("\n")[2]
            said = said.removeprefix("emotiond: ")
            raise EmotiondError(said or "the process that did it was ended; is memory short?")


def _make_way(pid: int) -> None:
    """Give a process the lowest priority; where memory is short, it is the first to go."""
    with suppress(OSError):  # what a sandbox does not allow
        os.setpriority(os.PRIO_PROCESS, pid, 19)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (MAX_FILE_BYTES, MAX_FILE_BYTES))
    with suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text("1000", encoding="ascii")
