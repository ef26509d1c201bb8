"""The built-in clip as a live HTTP stream; run in a guest, with what is installed there.

Usage: stream.py FPS PORT
"""

import sys

from edge.bench.clips import LiveStream
from edge.commands.demo import CLIP

if __name__ == "__main__":
    with LiveStream(CLIP, float(sys.argv[1]), int(sys.argv[2])) as stream:
        stream.ended.wait()
