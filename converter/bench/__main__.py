"""`python -m converter.bench`: does one task of `edge.bench.tasks` that needs Keras."""

import os
import sys

import msgspec

from edge.bench.tasks import NetworkTask, PlainTask, Task, decode_task


def main() -> None:
    """Do the task that standard input names, and answer in JSON."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    task = decode_task(sys.stdin.buffer.read())
    try:
        answer = _perform(task)
    except Exception as error:
        sys.exit(" ".join(str(error).split()))
    print(msgspec.json.encode(answer).decode(), flush=True)


def _perform(task: Task) -> msgspec.Struct:
    match task:
        case NetworkTask():
            from converter.bench.network import run_keras

            return run_keras(task)
        case PlainTask():
            from converter.bench.plain import run_plain

            return run_plain(task)
        case _:
            raise ValueError("only what needs Keras is done here")


if __name__ == "__main__":
    main()
