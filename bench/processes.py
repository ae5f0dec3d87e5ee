"""Other processes: started, asked over HTTP, and what they use, as Linux counts it."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Answer:
    """Status, body as it came, and seconds from the request's first byte to the answer's last."""

    status: int
    body: bytes
    seconds: float


class Caller:
    """Asks the same thing again and again over one connection, as Prometheus does.

    Bare sockets: of the time measured, as little as can be is the caller's.
    """

    def __init__(
        self, port: int, path: str = "/metrics", gzip: bool = False, accept: str = ""
    ) -> None:
        headers = {
            "Host": f"127.0.0.1:{port}",
            "Accept": accept or "text/plain;version=0.0.4",
            "Accept-Encoding": "gzip" if gzip else "identity",
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._request = f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode()
        self._port = port
        self._sock: socket.socket | None = None
        self._room = bytearray(1 << 20)

    def ask(self) -> Answer:
        """One request. Raises OSError where no whole answer comes."""
        begun = time.perf_counter()
        if self._sock is None:
            self._sock = socket.socket()
            # Room for an answer: on loopback a packet has up to 64 kB, and where that is the whole
            # window Linux waits 40 ms before it says that there is room again.
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            self._sock.settimeout(120)
            self._sock.connect(("127.0.0.1", self._port))
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock.sendall(self._request)
        head, _, first = self._until(b"\r\n\r\n", b"").partition(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        fields = dict(
            line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line
        )
        if fields.get(b"transfer-encoding") == b"chunked":
            body = _joined(self._until(b"0\r\n\r\n", first, at_end=True))
        elif b"content-length" in fields:
            body = self._exactly(int(fields[b"content-length"]), first)
        else:  # HTTP/1.0, as of Python's own server: up to the end
            body = self._to_the_end(first)
        if fields.get(b"connection") == b"close" or head.startswith(b"HTTP/1.0"):
            self.close()
        return Answer(status, body, time.perf_counter() - begun)

    def close(self) -> None:
        """Hang up."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def _read(self) -> bytes:
        assert self._sock is not None
        size = self._sock.recv_into(self._room)
        return bytes(self._room[:size])

    def _until(self, mark: bytes, got: bytes, *, at_end: bool = False) -> bytes:
        pieces = [got]
        last = got
        while not (last.endswith(mark) if at_end else mark in last):
            piece = self._read()
            if not piece:
                raise ConnectionError("the answer ends too soon")
            pieces.append(piece)
            last = (last + piece)[-max(len(piece), 16) - 8 :]
        return b"".join(pieces)

    def _exactly(self, size: int, got: bytes) -> bytes:
        pieces, left = [got], size - len(got)
        while left > 0:
            piece = self._read()
            if not piece:
                raise ConnectionError("the answer ends too soon")
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def _to_the_end(self, got: bytes) -> bytes:
        pieces = [got]
        while piece := self._read():
            pieces.append(piece)
        return b"".join(pieces)


def _joined(chunked: bytes) -> bytes:
    pieces: list[bytes] = []
    at = 0
    while True:
        end = chunked.index(b"\r\n", at)
        size = int(chunked[at:end].split(b";")[0], 16)
        if not size:
            return b"".join(pieces)
        pieces.append(chunked[end + 2 : end + 2 + size])
        at = end + 2 + size + 2


@dataclass
class Running:
    """A server in another process."""

    process: "subprocess.Popen[bytes]"
    port: int
    log: Path
    begun: float = field(default_factory=time.monotonic)

    @property
    def cpu(self) -> float:
        """Seconds of the processors it has used, in user mode and in the kernel."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK

    @property
    def megabytes(self) -> float:
        """Resident memory."""
        return self._status("VmRSS") / 1024

    @property
    def threads(self) -> int:
        """How many there are now."""
        return self._status("Threads")

    def _status(self, name: str) -> int:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1])

    def wait_for(self, path: str, seconds: float = 120.0, every: float = 0.02) -> float:
        """Wait until `path` is answered with 200; returns the seconds since it was started."""
        while time.monotonic() < self.begun + seconds:
            try:
                with closing(Caller(self.port, path)) as caller:
                    status = caller.ask().status
                if status == 200:
                    return time.monotonic() - self.begun
            except OSError:
                pass
            if self.process.poll() is not None:
                raise SystemExit(f"a server ended: {self.log.read_text()[-2000:]}")
            time.sleep(every)
        raise SystemExit(f"a server does not answer: {self.log.read_text()[-2000:]}")


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def running(command: Sequence[str | Path], port: int, folder: Path) -> Iterator[Running]:
    """The server that `command` starts, which listens on `port` of this machine; ended after."""
    log = folder / f"log-{port}"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder)
    try:
        yield Running(process, port, log)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def load() -> str:
    """The machine's load averages over 1, 5 and 15 minutes."""
    return " ".join(f"{each:.2f}" for each in os.getloadavg())
