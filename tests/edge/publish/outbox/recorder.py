"""A process that records and acknowledges until it is killed, and says what it did."""

import subprocess
import sys
from pathlib import Path

RECORDER = """
import os, random, sys, threading
from pathlib import Path
from edge.publish.outbox import Outbox, OutboxSettings

outbox = Outbox(Path(sys.argv[1]), OutboxSettings(max_events=1_000_000))
outbox.open()
counter = int(sys.argv[2])

def say(text):
    os.write(1, text.encode())  # at once: two threads say something

def ack():
    sent = 0
    while True:
        for entry in outbox.pending(sent, 5):
            sent = entry.number
            if random.random() < 0.3:
                say(f"ack {entry.payload.decode()}\\n")
                outbox.ack([entry.number])

say("open\\n")
if len(sys.argv) > 3:
    threading.Thread(target=ack, daemon=True).start()
while True:
    batch = range(counter, counter + random.randint(1, 20))
    outbox.record([b"%d" % number for number in batch])
    counter = batch.stop
    say("".join(f"record {number}\\n" for number in batch))
"""


def run_recorder(*arguments: str | Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", RECORDER, *map(str, arguments)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    return process


def kill(process: "subprocess.Popen[str]") -> list[tuple[str, int]]:
    """Kill the process without a warning; return what it had said."""
    process.kill()
    said, _ = process.communicate()
    lines = [line.split() for line in said.splitlines(keepends=True) if line.endswith("\n")]
    return [(what, int(number)) for what, number in lines]
