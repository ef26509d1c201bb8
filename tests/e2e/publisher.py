"""Publishes events through the daemon's own sink and prints the id of each once it is recorded.

Run as a program: `python -m tests.e2e.publisher PORT OUTBOX COUNT`.
"""

import sys
import time
from pathlib import Path

from edge.publish import MqttSettings, SinkContext
from tests.events import event, status


def main(port: int, outbox: Path, count: int) -> None:
    sink = MqttSettings(host="127.0.0.1", port=port, device="test").open(SinkContext(outbox))
    sink.publish(status())
    sink.start()
    for number in range(count):
        one = event(track_id=number + 1)
        sink.publish(one)
        assert sink.flush(30)
        sys.stdout.write(f"{one.id}\n")
        sys.stdout.flush()
        time.sleep(0.003)
    while sink.waiting:
        time.sleep(0.05)
    sink.close(5)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
