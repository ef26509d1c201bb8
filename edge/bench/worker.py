"""`python -m edge.bench.worker`: does one task, read from standard input, and answers in JSON."""

import cv2
import msgspec

from edge.bench.model_bench import run_network
from edge.bench.pipeline_bench import run_pass
from edge.bench.reference import run_reference
from edge.bench.worker_protocol import NetworkTask, PassTask, PlainTask, ReferenceTask, Task, serve


def main() -> None:
    """Do the task."""
    cv2.setNumThreads(1)  # as the daemon does
    serve(_perform)


def _perform(task: Task) -> msgspec.Struct:
    match task:
        case NetworkTask():
            return run_network(task)
        case PassTask():
            return run_pass(task)
        case ReferenceTask():
            return run_reference()
        case PlainTask():
            raise ValueError("the plain loop is run by converter.bench")


if __name__ == "__main__":
    main()
