"""What stands between an exporter and Braze: TLS before the simulator, and an HTTP proxy."""

import base64
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import trustme

from exporter.simulator import Simulator


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that distrusts us hangs up: that is no error here."""


@contextmanager
def serving(
    handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None
) -> Iterator[int]:
    with _Server(("127.0.0.1", 0), handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def with_tls(simulator: Simulator, certificate: trustme.LeafCert) -> Iterator[int]:
    """The simulator behind `certificate`; the port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5.0

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = simulator.respond("GET", url.path, parse_qsl(url.query), headers)
            self.send_response_only(answer.status)
            for name, value in (*answer.headers, ("Content-Length", str(len(answer.body)))):
                self.send_header(name, value)
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(answer.body)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    with serving(Handler, context) as port:
        yield port


@contextmanager
def proxy(allows: Callable[[str], bool] = lambda _: True, login: str = "") -> Iterator[int]:
    """An HTTP proxy that connects to where it is told, if it `allows` that; the port.

    `login` is the `user:password` it wants.
    """
    token = f"Basic {base64.b64encode(login.encode()).decode()}"

    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            if login and self.headers.get("Proxy-Authorization") != token:
                self.send_error(407)
            elif not allows(self.path):
                self.send_error(403, "Not on the list")
            else:
                host, _, port = self.path.rpartition(":")
                with socket.create_connection((host, int(port)), timeout=5) as there:
                    self.send_response_only(200)
                    self.end_headers()
                    _relay(self.connection, there)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    with serving(Handler) as port:
        yield port


def _relay(one: socket.socket, other: socket.socket) -> None:
    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(65536):
                sink.sendall(piece)
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    back = threading.Thread(target=pump, args=(other, one))
    back.start()
    pump(one, other)
    back.join()
