"""The simulator on a socket, with a record of what it received."""

import contextlib
import functools
import socket
import sys
import threading
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from exporter.simulator.api import Simulator
from exporter.simulator.connection import Connection, Service
from exporter.simulator.journal import Journal, Received

_CLOSING_SECONDS = 5.0
_POLL_SECONDS = 0.02  # how soon `close` is noticed


class Server:
    """A running simulator, as `serve` starts it. Closes on leaving `with`."""

    def __init__(self, simulator: Simulator, http: "_HTTPServer", journal: Journal) -> None:
        self.simulator = simulator
        self._http = http
        self._journal = journal
        self._thread = threading.Thread(
            target=http.serve_forever, args=(_POLL_SECONDS,), name="simulator", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """The port it listens on, also when 0 was asked for."""
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        """Its base URL, without a slash at the end: what an exporter takes as its endpoint."""
        host = str(self._http.server_address[0])
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def requests(self) -> tuple[Received, ...]:
        """What it received, oldest first; of very many only the last."""
        return self._journal.requests

    @property
    def peak_concurrency(self) -> int:
        """The most requests that were being answered at the same time."""
        return self._journal.peak

    def forget(self) -> None:
        """Start a new record of requests and of the peak."""
        self._journal.forget()

    def close(self) -> None:
        """Stop listening and end every connection, whatever it waits for; repeating is fine."""
        if self._thread.is_alive():
            self._http.shutdown()
            self._thread.join()
        self._http.server_close()
        self._http.end_connections()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def serve(
    simulator: Simulator,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    latency: float = 0.0,
    log: Callable[[str], None] | None = None,
) -> Server:
    """Start serving in threads of its own; port 0 takes a free one.

    Every answer takes `latency` seconds (the real Braze takes 0.25 to 0.9). `log` gets a line for
    each request, without its headers.

    Raises OSError when it cannot listen there.
    """
    journal = Journal(simulator.clock)
    closing = threading.Event()
    service = Service(simulator, journal, closing, latency, log)
    return Server(simulator, _HTTPServer((host, port), service), journal)


class _HTTPServer(ThreadingHTTPServer):
    """A thread for each connection, and the means to end them all."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], service: Service) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self._closing = service.closing
        self._connections: set[Any] = set()
        self._changed = threading.Condition()
        super().__init__(address, functools.partial(Connection, service))

    def server_bind(self) -> None:
        """Listen without looking up the host's name, which can take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Hand a new connection to its thread."""
        with self._changed:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection that is over."""
        super().shutdown_request(request)
        with self._changed:
            self._connections.discard(request)
            self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report a bug, as http.server does; that a client went away is none."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def end_connections(self) -> None:
        """End every connection and wait until each has."""
        self._closing.set()
        with self._changed:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._connections, _CLOSING_SECONDS)
