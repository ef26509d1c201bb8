"""`python -m converter.bench`: does one task of `edge.bench.worker_protocol` that needs Keras."""

import os

import msgspec

from edge.bench.worker_protocol import NetworkTask, PlainTask, Task, serve


def main() -> None:
    """Do the task that standard input names, and answer in JSON."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    serve(_perform)


def _perform(task: Task) -> msgspec.Struct:
    match task:
        case NetworkTask():
            from converter.keras_bench import run_keras

            return run_keras(task)
        case PlainTask():
            from tools.bench.tutorial_baseline import run_plain

            return run_plain(task)
        case _:
            raise ValueError("only what needs Keras is done here")


if __name__ == "__main__":
    main()
