"""Looks at the way to Braze piece by piece: a name, a connection, a proxy, TLS. No HTTP request.

Each has a limit of time. `doctor` takes them as an argument.
"""

import base64
import errno
import os
import re
import socket
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

_HEAD = 16 * 1024  # bytes of a proxy's answer


class Blocked(Exception):
    """A piece of the way is blocked. `cause` is a name in `causes.CAUSES`, the message what was
    seen.
    """

    def __init__(self, cause: str, detail: str) -> None:
        super().__init__(detail)
        self.cause = cause


class Proxy(NamedTuple):
    """An HTTP proxy; `login` is `user:password`, or empty."""

    host: str
    port: int
    login: str = ""

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


Addresses = tuple[tuple[Any, ...], ...]
"""What `getaddrinfo` gives."""


@dataclass(frozen=True, slots=True)
class Probes:
    """The looks; each takes at most `seconds`."""

    seconds: float = 10.0

    def resolve(self, host: str, port: int) -> Addresses:
        """The addresses of `host`. Raises Blocked.

        On a thread of its own, because the resolver can neither be interrupted nor given a limit.
        """
        answer: SimpleQueue[Addresses | Exception] = SimpleQueue()

        def look() -> None:
            try:
                answer.put(tuple(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
            except (OSError, UnicodeError) as error:
                answer.put(error)

        threading.Thread(target=look, name="resolver", daemon=True).start()
        try:
            found = answer.get(timeout=self.seconds)
        except Empty:
            raise Blocked("dns-silent", f"no answer within {self.seconds:g} s") from None
        if isinstance(found, Exception):
            silent = isinstance(found, socket.gaierror) and found.errno == socket.EAI_AGAIN
            raise Blocked("dns-silent" if silent else "host-unknown", _text(found))
        return found

    def connect(self, addresses: Addresses) -> socket.socket:
        """A connection to the first address that takes one. Raises Blocked."""
        deadline = time.monotonic() + self.seconds
        blocked = Blocked("unreachable", "the host has no address")
        for untried, (family, kind, protocol, _, address) in zip(
            range(len(addresses), 0, -1), addresses, strict=True
        ):
            left = max((deadline - time.monotonic()) / untried, 0.1)
            sock = None
            try:
                sock = socket.socket(family, kind, protocol)
                sock.settimeout(left)
                sock.connect(address)
            except TimeoutError:
                blocked = Blocked("unreachable", f"no answer within {self.seconds:g} s")
            except OSError as error:
                refused = error.errno == errno.ECONNREFUSED
                blocked = Blocked("port-closed" if refused else "unreachable", _text(error))
            else:
                return sock
            if sock is not None:
                sock.close()
        raise blocked

    def tunnel(self, sock: socket.socket, proxy: Proxy, host: str, port: int) -> None:
        """Have the proxy at the other end of `sock` connect to `host`. Raises Blocked."""
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        head = f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n"
        if proxy.login:
            token = base64.b64encode(proxy.login.encode()).decode()
            head += f"Proxy-Authorization: Basic {token}\r\n"
        answer = b""
        deadline = time.monotonic() + self.seconds
        try:
            sock.sendall(f"{head}\r\n".encode())
            while b"\r\n\r\n" not in answer and len(answer) < _HEAD:
                sock.settimeout(max(deadline - time.monotonic(), 0.01))
                piece = sock.recv(4096)
                if not piece:
                    break
                answer += piece
        except OSError as error:
            raise Blocked("proxy-odd", _text(error)) from None
        found = re.match(rb"HTTP/1\.[0-9] ([0-9]{3})\b", answer)
        if found is None:
            raise Blocked("proxy-odd", "the answer is no HTTP" if answer else "no answer")
        status = found[1].decode()
        # Without the proxy's own words, which may repeat the login.
        if status == "407":
            raise Blocked("proxy-login", f"status {status}")
        if not status.startswith("2"):
            raise Blocked("proxy-refuses", f"status {status}")

    def handshake(self, sock: socket.socket, host: str, bundle: Path | None) -> str:
        """Speak TLS on `sock`, trusting the CAs in `bundle` (None: whoever it is).

        Returns the version of TLS; closes the connection. Raises Blocked.
        """
        with sock:
            try:
                context = ssl.create_default_context(
                    cafile=str(bundle) if bundle and not bundle.is_dir() else None,
                    capath=str(bundle) if bundle and bundle.is_dir() else None,
                )
            except (OSError, ValueError) as error:
                raise Blocked("ca-file", _text(error)) from None
            if bundle is None:
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            sock.settimeout(self.seconds)
            try:
                with context.wrap_socket(sock, server_hostname=host) as secure:
                    return secure.version() or "TLS"
            except ssl.SSLCertVerificationError as error:
                raise Blocked(_distrust(error.verify_code), error.verify_message) from None
            except (OSError, ValueError) as error:
                plain = getattr(error, "reason", "") in _NO_TLS
                raise Blocked("plain-port" if plain else "tls-broken", _text(error)) from None

    def speaks_tls(self, addresses: Addresses, host: str) -> bool:
        """Whether whoever is at `addresses` speaks TLS."""
        with suppress(Blocked):
            self.handshake(self.connect(addresses), host, None)
            return True
        return False

    def listen(self, host: str, port: int) -> None:
        """See whether one could listen there. Raises OSError."""
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, _, _, _, where = min(found, key=lambda each: each[0] is not socket.AF_INET)
        socket.create_server(where[:2], family=family).close()


# What OpenSSL calls an answer that is no TLS; the names differ between its versions.
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST",
                     "PACKET_LENGTH_TOO_LONG", "UNKNOWN_PROTOCOL"})  # fmt: skip
_NOT_YET, _EXPIRED, _NAME, _ADDRESS = 9, 10, 62, 64  # X509_V_ERR_* of OpenSSL


def _distrust(code: int) -> str:
    if code in (_NOT_YET, _EXPIRED):
        return "certificate-time"
    return "wrong-name" if code in (_NAME, _ADDRESS) else "ca-unknown"


def _text(error: Exception) -> str:
    """What an error says, without its number and the file of OpenSSL that raised it."""
    if isinstance(error, ssl.SSLError) and error.reason:
        return str(error.reason).lower().replace("_", " ")
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return str(error) or type(error).__name__
