"""An RTSP camera: it answers requests itself; the program ffmpeg makes the RTP packets."""

import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

SDP = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n{}"


@dataclass
class RtspCamera:
    """Address of the stream, and which transports were asked for, in order."""

    address: str
    transports: list[str] = field(default_factory=list)


@contextmanager
def serve_rtsp(video: Path, skipped: int = 0, refuse_tcp: bool = False) -> Iterator[RtspCamera]:
    """Serve a video of H.264 in real time; the first `skipped` RTP packets are not sent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = RtspCamera(f"rtsp://127.0.0.1:{server.getsockname()[1]}/live")
        programs: list[subprocess.Popen[bytes]] = []

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client, _ = server.accept()
                    answer(client)

        def answer(client: socket.socket) -> None:
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            udp.bind(("127.0.0.1", 0))
            transport = ""
            with client, client.makefile("rb") as file, suppress(OSError):
                while head := b"".join(iter(file.readline, b"\r\n")).decode():
                    reply, body = "200 OK", ""
                    extra = "Session: 1\r\n"
                    if head.startswith("DESCRIBE"):
                        body = describe(video)
                        extra += "Content-Type: application/sdp\r\n"
                    elif head.startswith("SETUP"):
                        (transport,) = re.findall(r"Transport: (.*)\r", head)
                        found.transports.append("tcp" if "/TCP" in transport else "udp")
                        if refuse_tcp and "/TCP" in transport:
                            reply = "461 Unsupported Transport"
                        extra += f"Transport: {transport}\r\n"
                    sequence = re.findall(r"CSeq: (\d+)", head)[0]
                    text = f"RTSP/1.0 {reply}\r\nCSeq: {sequence}\r\n{extra}"
                    text += f"Content-Length: {len(body)}\r\n\r\n{body}"
                    client.sendall(text.encode())
                    if head.startswith("PLAY"):
                        programs.append(send(udp.getsockname()[1]))
                        threading.Thread(target=forward, args=(udp, client, transport)).start()

        def send(port: int) -> subprocess.Popen[bytes]:
            source = ["ffmpeg", "-v", "quiet", "-re", "-i", str(video), "-c", "copy"]
            target = ["-f", "rtp", f"rtp://127.0.0.1:{port}?pkt_size=1200"]
            return subprocess.Popen([*source, *target], stdin=subprocess.DEVNULL, stdout=-3)

        def forward(udp: socket.socket, client: socket.socket, transport: str) -> None:
            udp.settimeout(5)
            ports = re.findall(r"client_port=(\d+)", transport)
            with udp, suppress(OSError):
                for count in range(1 << 20):
                    packet = udp.recv(2048)
                    if count < skipped:
                        continue
                    if ports:
                        udp.sendto(packet, ("127.0.0.1", int(ports[0])))
                    else:
                        client.sendall(b"$\0" + len(packet).to_bytes(2) + packet)

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield found
        finally:
            for program in programs:
                program.kill()
                program.wait()


def describe(video: Path) -> str:
    """Return what a camera says of its stream, as ffmpeg does."""
    command = ["ffmpeg", "-v", "quiet", "-i", str(video), "-c", "copy", "-t", "0.1"]
    sdp = video.with_suffix(".sdp")
    subprocess.run([*command, "-f", "rtp", "-sdp_file", str(sdp), "rtp://127.0.0.1:9"], check=True)
    attributes = [
        line for line in sdp.read_text().splitlines() if line.startswith(("a=rtpmap", "a=fmtp"))
    ]
    return SDP.format("\r\n".join([*attributes, "a=control:track", ""]))
