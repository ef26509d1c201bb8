"""Work in processes of their own, which share nothing with this one."""

import multiprocessing
import signal
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from typing import TypeVar

T = TypeVar("T")


def run_in_processes(
    calls: Sequence[Callable[[], T]],
    processes: int,
    initializer: Callable[[], object] | None = None,
) -> Generator[tuple[int, Future[T]], None, None]:
    """Make calls in that many processes; yield the index of each and its outcome, once it is done.

    Calls and results are pickled. `initializer` runs first in each; ended early, all are killed.
    """
    # Not forked: the threads of OpenCV and of the runtime do not survive that.
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(processes, context, initializer=initializer)
    # Ctrl-C is for this process: in those that are started now it stays blocked.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        indices = {executor.submit(call): index for index, call in enumerate(calls)}
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    try:
        for future in as_completed(indices):
            yield indices[future], future
    except BaseException:
        for process in multiprocessing.active_children():
            process.kill()
        raise
    finally:
        executor.shutdown(cancel_futures=True)
