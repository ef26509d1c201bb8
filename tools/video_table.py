"""Table of video files as they are written: what a player shows, and what emotiond reads.

Run `python -m tools.video_table` where ffmpeg and ffprobe are installed. The tests read the same
files (tests/edge/capture/test_video_kinds.py).
"""

import re
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from edge.capture.source import iter_frames
from edge.capture.video import VideoSettings
from edge.types import Image
from tools.model_tables.markdown import table

SCENE = "testsrc2=size=320x240:rate={rate}:duration=1"
"""Scene of one second: what moves and is colored shows any error of order or color."""

H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "10")
INTERLACED = ("-flags", "+ildct+ilme")


def ffmpeg(*arguments: object) -> None:
    """Run ffmpeg, quietly."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    subprocess.run(command, check=True)


def encode(*options: str, rate: int = 25) -> Callable[[Path], None]:
    """Return what encodes the scene with these options of ffmpeg."""
    return lambda path: ffmpeg("-f", "lavfi", "-i", SCENE.format(rate=rate), *options, path)


def remux(*options: str, before: tuple[str, ...] = ()) -> Callable[[Path], None]:
    """Return what copies the packets of H.264 into a file with these options."""

    def make(path: Path) -> None:
        plain = path.with_name("plain.mp4")
        encode(*H264)(plain)
        ffmpeg(*before, "-i", plain, "-c", "copy", *options, path)

    return make


def join(path: Path) -> None:
    """Write two recordings one after the other; the times of the second begin anew."""
    one = path.with_name("one.ts")
    remux()(one)
    path.write_bytes(one.read_bytes() * 2)


def damage(path: Path) -> None:
    """Write zeros over a tenth of a file, in its middle."""
    whole = path.with_name(f"whole{path.suffix}")
    remux()(whole)
    data = bytearray(whole.read_bytes())
    middle, length = len(data) // 2, len(data) // 10
    data[middle : middle + length] = bytes(length)
    path.write_bytes(data)


def turn(degrees: int, mirrored: bool) -> Callable[[Path], None]:
    """Return what copies the packets into a file that is to be shown turned and mirrored."""

    def make(path: Path) -> None:
        plain = path.with_name("plain.mp4")
        encode(*H264)(plain)
        with av.open(str(plain)) as source, av.open(str(path), "w") as target:
            stream = source.streams.video[0]
            copy = target.add_stream_from_template(stream)
            copy.set_display_rotation(degrees, hflip=mirrored)
            for packet in source.demux(stream):
                if packet.dts is not None:
                    packet.stream = copy
                    target.mux(packet)

    return make


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file.

    Attributes:
        name: of the file.
        what: who writes such files.
        make: writes one.
    """

    name: str
    what: str
    make: Callable[[Path], None]


VARIABLE = ("-vf", "select='lt(n,10)+not(mod(n,5))'", "-fps_mode", "vfr")

KINDS = (
    Kind("plain.mp4", "H.264 with B-frames", encode(*H264)),
    Kind("raw.h264", "rpicam-vid: no times", remux("-bsf:v", "h264_mp4toannexb")),
    Kind("raw30.h264", "the same, at a rate of its own", encode(*H264, rate=30)),
    Kind("joined.ts", "recorder: parts joined", join),
    Kind("offset.mkv", "recorder: begins at 60 s", remux("-output_ts_offset", "60")),
    Kind("interlaced.mp4", "camcorder: H.264", encode(*H264, *INTERLACED, "-x264opts", "tff=1")),
    Kind("interlaced.mpg", "DVD: MPEG-2", encode("-c:v", "mpeg2video", *INTERLACED)),
    Kind(
        "tape.dv",
        "DV, anamorphic",
        encode("-vf", "scale=720:576", "-pix_fmt", "yuv420p", "-aspect", "16:9"),
    ),
    Kind("turned90.mp4", "phone upright", turn(90, mirrored=False)),
    Kind("turned180.mp4", "phone upside down", turn(180, mirrored=False)),
    Kind("turned270.mov", "phone upright the other way", turn(270, mirrored=False)),
    Kind("mirrored.mp4", "front camera", turn(0, mirrored=True)),
    Kind("mirrored90.mp4", "front camera upright", turn(90, mirrored=True)),
    Kind("wide.mp4", "anamorphic", encode("-vf", "setsar=4/3", *H264)),
    Kind("damaged.mkv", "bad sector", damage),
    Kind("damaged.ts", "bad reception", damage),
    Kind("variable.mkv", "screen recorder: variable rate", encode(*VARIABLE, *H264)),
    Kind("edited.mp4", "cut without encoding: edit list", remux(before=("-ss", "0.5"))),
    Kind("motion.avi", "webcam: MJPEG", encode("-c:v", "mjpeg", "-q:v", "4")),
    Kind("packed.avi", "MPEG-4 with B-frames", encode("-c:v", "mpeg4", "-bf", "2")),
    Kind("copied.avi", "H.264 in AVI: no times of frames", remux()),
    Kind("browser.webm", "VP8", encode("-c:v", "libvpx", "-b:v", "400k")),
    Kind(
        "fragments.mp4",
        "browser: fragments",
        remux("-movflags", "frag_keyframe+empty_moov"),
    ),
    Kind("full.mp4", "full range", encode("-vf", "format=yuvj420p", *H264[:2])),
    Kind(
        "hd.mp4",
        "colors of HD",
        encode("-vf", "scale=out_color_matrix=bt709", *H264, "-colorspace", "bt709"),
    ),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is seen of a file.

    Attributes:
        times: seconds at which each image begins, from the first one on.
        images: BGR, (height, width, 3).
    """

    times: list[float]
    images: list[Image]

    def __str__(self) -> str:
        height, width = self.images[0].shape[:2]
        return f"{len(self.images)} of {width}x{height} to {self.times[-1]:.2f} s"


def played(path: Path) -> Seen:
    """Return what ffmpeg shows of a file: upright as players do, here in square pixels too."""
    square = "scale=trunc(iw*if(sar\\,sar\\,1)+0.5):ih,setsar=1,showinfo"
    command = ["ffmpeg", "-i", str(path), "-vf", square, "-fps_mode", "passthrough"]
    command += ["-f", "image2pipe", "-c:v", "ppm", "-"]
    done = subprocess.run(command, check=True, capture_output=True)
    times = [
        float(one) for one in re.findall(r"n: *\d+ .*pts_time:([-\d.]+)", done.stderr.decode())
    ]
    images, rest = [], done.stdout
    while head := re.match(rb"P6\n(\d+) (\d+)\n255\n", rest):
        width, height = int(head[1]), int(head[2])
        end = head.end() + width * height * 3
        rgb = np.frombuffer(rest[head.end() : end], np.uint8).reshape(height, width, 3)
        images.append(rgb[..., ::-1])
        rest = rest[end:]
    return Seen([one - times[0] for one in times], images)


def read(path: Path) -> Seen:
    """Return what emotiond reads of a file."""
    frames = list(iter_frames(VideoSettings(path, realtime=False).open()))
    return Seen([frame.timestamp for frame in frames], [frame.image for frame in frames])


def main() -> None:
    """Print the table."""
    rows = [["file", "what it is", "a player shows", "emotiond reads"]]
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            path = Path(folder, kind.name)
            kind.make(path)
            rows.append([f"`{kind.name}`", kind.what, str(played(path)), str(read(path))])
    print(table(rows), end="")


if __name__ == "__main__":
    main()
