"""Does in a virtual machine what the tests say; run there, by the Python of Debian.

Usage: agent.py PORT

Each line read from the port is a request, each line written an answer, both JSON. The first line
written after a boot is null.
"""

import json
import subprocess
import sys
from typing import Any


def serve(port: str) -> None:
    """Answer requests, one after the other, for ever."""
    with open(port, "r+b", buffering=0) as line:
        subprocess.run(["systemctl", "is-system-running", "--wait"], check=False)
        _say(line, None)
        rest = b""
        while True:
            rest += line.read(65536) or b""
            while b"\n" in rest:
                request, _, rest = rest.partition(b"\n")
                _say(line, _answer(json.loads(request)))


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    try:
        done = subprocess.run(
            ["bash", "-c", request["command"]],
            input=request["stdin"],
            capture_output=True,
            text=True,
            timeout=request["timeout"],
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"number": request["number"], "timed_out": True}
    answer = {"returncode": done.returncode, "stdout": done.stdout, "stderr": done.stderr}
    return {"number": request["number"], "timed_out": False, **answer}


def _say(line: Any, what: Any) -> None:
    data = json.dumps(what).encode() + b"\n"
    while data:
        data = data[line.write(data) :]


if __name__ == "__main__":
    serve(sys.argv[1])
