"""What tests of running threads, sockets and processes have in common: waiting, asking, ending."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from exporter.config import load
from exporter.daemon import Daemon
from exporter.simulator import Server, Simulator, World, serve

KEY = "0f6b3c52-9d1e-4c0a-8a35-7be12c4d9e60"
OTHER_KEY = "c41a7d90-2b5f-4e63-9c18-f0a3d6e85b27"


def eventually(true: Callable[[], object], what: str, seconds: float = 10.0) -> None:
    """Look until `true` is; fail after `seconds`, naming what did not come about."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.01)


@contextmanager
def no_thread_left() -> Iterator[None]:
    """All threads that were begun in here have ended soon after."""
    before = frozenset(threading.enumerate())
    yield
    eventually(
        lambda: frozenset(threading.enumerate()) <= before,
        f"the end of every thread; there are {threading.enumerate()}",
        5.0,
    )


@contextmanager
def simulated(
    *faults: str, segments: int = 12, keys: Iterable[str] = (KEY,), latency: float = 0.0
) -> Iterator[Server]:
    """A small Braze of today on a free port; `latency` is in seconds."""

    def now() -> datetime:
        return datetime.now(UTC)

    simulator = Simulator(World(7, now(), segments=segments), now, keys=keys, faults=faults)
    with serve(simulator, latency=latency) as server:
        yield server


def newest(server: Server, path: str = "") -> int:
    """How many requests for newest points, or for the list, it has got, to `path` or to any.

    History is read when there is time for it: those requests say where they end.
    """
    return sum(
        "ending_at" not in request.query and path in ("", request.path)
        for request in server.requests
    )


@contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server on a free port, whose connections `answer` gets one after the other; the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        open_: list[socket.socket] = []

        def accept() -> None:
            with suppress(OSError):  # the other side has left, or the server ends
                while True:
                    connection, _ = server.accept()
                    open_.append(connection)
                    with suppress(OSError):
                        answer(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            for connection in open_:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in open_:
                connection.close()


def closed(client: socket.socket) -> bool:
    """Whether the server closed the connection, now or within the client's patience."""
    try:
        while client.recv(1 << 20):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


class Page(NamedTuple):
    """What an HTTP server answered."""

    status: int
    text: str


def ask(url: str, method: str = "GET", seconds: float = 5.0) -> Page:
    """The answer of a server, whatever its status."""
    request = urllib.request.Request(url, method=method)
    try:
        with urllib.request.urlopen(request, timeout=seconds) as response:
            return Page(response.status, response.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return Page(error.code, error.read().decode())


def listens(url: str) -> bool:
    """Whether anybody answers there."""
    with suppress(OSError):
        return ask(url).status > 0
    return False


def samples(page: str) -> dict[str, float]:
    """The samples of a page in the text format, by name and labels as they stand there."""
    lines = (line.rpartition(" ") for line in page.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def value_of(found: Mapping[str, float], name: str, **labels: str) -> float | None:
    """One sample, whatever the order of its labels; None where there is none."""
    wanted = {f'{label}="{value}"' for label, value in labels.items()}
    for each, value in found.items():
        called, _, rest = each.partition("{")
        if called == name and set(filter(None, rest.rstrip("}").split(","))) == wanted:
            return value
    return None


class Running:
    """An exporter that runs in a thread of this process, as on a host of this name."""

    def __init__(
        self, config_file: Path, environ: Mapping[str, str] | None = None, hostname: str = "here"
    ) -> None:
        read = partial(load, config_file, {}, environ or {}, lambda: hostname)
        self.daemon = Daemon(read, revision="tested")
        self.url = ""
        self.ended: bool | None = None
        """What `run` returned: whether every thread had ended."""
        self._settings = read()
        self._thread = threading.Thread(target=self._run, name="exporter")
        self._listening = threading.Event()
        self._thread.start()
        assert self._listening.wait(5)

    def ask(self, path: str, method: str = "GET") -> Page:
        return ask(self.url + path, method)

    def samples(self) -> dict[str, float]:
        """What a scrape reads now."""
        page = self.ask("/metrics")
        assert page.status == 200
        return samples(page.text)

    def value(self, name: str, **labels: str) -> float | None:
        """One sample of the page, or None where it is not there."""
        return value_of(self.samples(), name, **labels)

    def stop(self) -> float:
        """End it; returns the seconds that took."""
        begun = time.monotonic()
        self.daemon.stop()
        self._thread.join(20)
        assert not self._thread.is_alive()
        return time.monotonic() - begun

    def _run(self) -> None:
        try:
            self.ended = self.daemon.run(self._settings, self._started)
        finally:
            self._listening.set()

    def _started(self, addresses: tuple[str, ...]) -> None:
        self.url = f"http://{addresses[0]}"
        self._listening.set()


class Process:
    """A command of the exporter in a process of its own; what it writes goes into files."""

    def __init__(self, folder: Path, *words: str, environ: Mapping[str, str] | None = None) -> None:
        self._out, self._err = folder / "stdout", folder / "stderr"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "exporter", *words],
                stdout=out,
                stderr=err,
                env=clean_environment() | dict(environ or {}),
            )

    @property
    def command_line(self) -> str:
        """What the list of processes shows of it, to everybody on the machine."""
        return Path(f"/proc/{self._process.pid}/cmdline").read_text()

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def end(self, seconds: float = 20.0) -> int:
        """The exit code, once the process ends by itself."""
        return self._process.wait(seconds)

    def terminate(self) -> tuple[int, float]:
        """Ask the process to stop; its exit code, and the seconds it took."""
        begun = time.monotonic()
        self._process.terminate()
        return self._process.wait(20), time.monotonic() - begun

    def kill(self) -> None:
        """End the process if it is still there."""
        self._process.kill()
        self._process.wait()


def clean_environment() -> dict[str, str]:
    """Our environment without what configures an exporter."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith("BRAZE_EXPORTER_")
    }
