"""One connection to the simulator: reads requests, and misbehaves as each response demands."""

import math
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any

from exporter.simulator.api import Simulator
from exporter.simulator.journal import Journal
from exporter.simulator.wire import Behaviour, Response

SLOW_SECONDS = 2.0
DRIP_SECONDS = 0.05  # between two bytes
_LOOK_SECONDS = 0.1  # between two looks whether a waiting client has left
_CUT_BYTES = 64  # announced, never sent
_ENDLESS_PIECE = b" " * 65536
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER for 0 seconds: close() sends RST, not FIN


@dataclass(frozen=True, slots=True)
class Service:
    """What all connections of a server share; `latency` is in seconds."""

    simulator: Simulator
    journal: Journal
    closing: threading.Event
    latency: float
    log: Callable[[str], None] | None


class Connection(BaseHTTPRequestHandler):
    """A connection in its own thread."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, service: Service, *arguments: Any) -> None:
        self._service = service
        self._answering = False
        super().__init__(*arguments)  # which also handles the connection from first to last

    def do_GET(self) -> None:
        """Answer one request."""
        service = self._service
        received = service.journal.begin(self.command, self.path, dict(self.headers.items()))
        self._answering = True
        try:
            response = service.simulator.respond(
                received.method, received.path, received.query.items(), received.headers
            )
            if service.log is not None:
                service.log(f"{received.method} {received.target} {response.status}")
            self._send(response)
        finally:
            self._answered()

    # A body nobody reads would be taken for the next request: these end the connection.
    def do_POST(self) -> None:
        """Answer a request of any other method, and close."""
        self.close_connection = True
        self.do_GET()

    do_HEAD = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_POST  # noqa: N815 -- http.server's

    def log_message(self, *_: Any) -> None:
        """Be quiet: `http.server` would write to standard error."""

    def _answered(self) -> None:
        if self._answering:
            self._answering = False
            self._service.journal.end()

    def _send(self, response: Response) -> None:
        behaviour, wait = response.behaviour, self._service.latency
        if Behaviour.SLOW in behaviour:
            wait += SLOW_SECONDS
        if Behaviour.HANG in behaviour:
            wait = math.inf
        if not self._wait(wait):
            self.close_connection = True
        elif Behaviour.RESET in behaviour:
            self._reset()
        else:
            self._write(response)

    def _wait(self, seconds: float) -> bool:
        """Wait that long; False as soon as the server closes or the client has left."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self._service.closing.wait(min(left, _LOOK_SECONDS)) or self._client_left():
                return False
        return not self._service.closing.is_set()

    def _client_left(self) -> bool:
        try:
            return not self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.rfile.close()  # the last other holder of the descriptor
        self.connection.close()

    def _write(self, response: Response) -> None:
        behaviour = response.behaviour
        headers = list(response.headers)
        body = b"" if self.command == "HEAD" else response.body
        if Behaviour.ENDLESS not in behaviour:
            more = _CUT_BYTES if Behaviour.CUT in behaviour else 0
            headers.append(("Content-Length", str(len(response.body) + more)))
        if behaviour & (Behaviour.CUT | Behaviour.ENDLESS):
            self.close_connection = True
        if self.close_connection:
            headers.append(("Connection", "close"))
        lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
        if Behaviour.DRIP_HEAD in behaviour:
            self._drip(head)
            head = b""
        if Behaviour.DRIP_BODY in behaviour:
            self.wfile.write(head)
            self._drip(body)
        elif Behaviour.ENDLESS in behaviour:
            self.wfile.write(head + body)
            while not self._service.closing.is_set():
                self.wfile.write(_ENDLESS_PIECE)
        else:
            self._answered()  # before the client can know it and send the next request
            self.wfile.write(head + body)

    def _drip(self, data: bytes) -> None:
        for number in range(len(data)):
            if self._service.closing.wait(DRIP_SECONDS):
                self.close_connection = True
                return
            self.wfile.write(data[number : number + 1])
