"""The sockets of one transport's requests, so that a request can be cut off from outside.

A timeout of a socket bounds one read; a peer that drips its answer, or a stop in the middle of a
wait for the first byte, needs somebody else to end the read. `urllib3` has no such thing, so its
connections are watched here.
"""

import contextlib
import math
import os
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.poolmanager import PoolManager
from urllib3.response import HTTPResponse
from urllib3.util import wait_for_read

from exporter.steps import give_way


@dataclass(slots=True)
class _Request:
    """A request under way. `sock` is a second handle on its socket: the first one is closed early,
    or handed on to TLS, while the request still reads.
    """

    deadline: float
    late: bool = False
    sock: socket.socket | None = None

    def hold(self, sock: socket.socket | None) -> None:
        """Let go of the socket that was held, and hold another one or none."""
        if self.sock is not None:
            self.sock.close()
        # By its number: what urllib3 puts on top for TLS through a TLS proxy is no socket.
        self.sock = sock and socket.socket(fileno=os.dup(sock.fileno()))

    def cut(self) -> None:
        if self.sock is not None:
            # A thread blocked in a read returns at once from a socket that is shut; from one that
            # is closed it would not.
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)


class OpenConnections:
    """Cuts off a request that outlives its deadline, or all of them at once; safe for threads.

    `monotonic` is the clock of the deadlines, in seconds. One daemon thread watches, from the first
    request until `close`.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._requests: dict[int, _Request] = {}  # by the thread that sends
        self._watcher: threading.Thread | None = None
        self._looks_at = math.inf  # when the watcher looks again by itself
        self._shut = False
        self._closed = False

    def watch(self, manager: PoolManager) -> None:
        """Have every connection that `manager` makes from now on watched."""
        manager.pool_classes_by_scheme = _pool_classes(self)

    @contextlib.contextmanager
    def until(self, deadline: float) -> Iterator[Callable[[], bool]]:
        """Cut off what the calling thread sends in here at `deadline`; yields a function that tells
        whether that was done.
        """
        thread, request = threading.get_ident(), _Request(deadline)
        with self._changed:
            if self._watcher is None:
                self._watcher = threading.Thread(
                    target=self._run, name="braze-deadlines", daemon=True
                )
                self._watcher.start()
            self._requests[thread] = request
            # It is not woken for each request: most deadlines come after the one it waits for.
            if deadline < self._looks_at:
                self._looks_at = deadline
                self._changed.notify()
        try:
            yield lambda: request.late
        finally:
            with self._changed:
                del self._requests[thread]
                request.hold(None)

    def shut(self) -> None:
        """Cut off every request, and let no other begin."""
        with self._changed:
            self._shut = True
            for request in self._requests.values():
                request.cut()

    def close(self) -> None:
        """End the watching thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._watcher is not None:
            self._watcher.join()

    def use(self, sock: socket.socket) -> float:
        """Watch `sock` for the calling thread; returns the seconds it has left.

        Raises OSError where there are none.
        """
        with self._changed:
            request = self._requests[threading.get_ident()]
            left = request.deadline - self._monotonic()
            if self._shut or request.late or left <= 0:
                raise TimeoutError("cut off")
            request.hold(sock)
            return left

    def connect(self, connection: HTTPConnection) -> socket.socket:
        """A socket to where `connection` leads.

        urllib3 would give each of the host's addresses the whole time; here they share what is
        left. Raises what urllib3 raises.
        """
        host, failure = connection.host, OSError("the host has no address")
        try:
            found = socket.getaddrinfo(host.strip("[]"), connection.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise NameResolutionError(host, connection, socket.gaierror(*error.args)) from error
        for untried, (family, kind, protocol, _, address) in zip(
            range(len(found), 0, -1), found, strict=True
        ):
            try:
                with contextlib.ExitStack() as opened:
                    sock = opened.enter_context(socket.socket(family, kind, protocol))
                    for option in connection.socket_options or ():
                        sock.setsockopt(*option)
                    left = self.use(sock)
                    sock.settimeout(left / untried)
                    sock.connect(address)
                    sock.settimeout(left)
                    opened.pop_all()  # it stays open: all went well
                    return sock
            except OSError as error:
                failure = error
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(connection, "no connection in time") from failure
        raise NewConnectionError(connection, str(failure)) from failure

    def _run(self) -> None:
        with self._changed:
            while not self._closed:
                now = self._monotonic()
                on_time = [each for each in self._requests.values() if not each.late]
                for request in on_time:
                    if request.deadline <= now:
                        request.late = True
                        request.cut()
                nearest = min((r.deadline for r in on_time if not r.late), default=math.inf)
                self._looks_at = nearest
                self._changed.wait(None if nearest == math.inf else nearest - now)


def _answered(connection: HTTPConnection) -> None:
    """Wait for the first bytes of an answer, and then until no page is being made: answers that
    come at the same time would all be read before it.
    """
    sock, seconds = connection.sock, connection.timeout
    if sock is not None and seconds and not wait_for_read(sock, seconds):
        raise TimeoutError("timed out")
    give_way()


def _pool_classes(watched: OpenConnections) -> dict[str, Any]:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return watched.connect(self)

        def request(self, *args: Any, **kwargs: Any) -> None:
            if self.sock is not None:  # a kept one
                watched.use(self.sock)
            super().request(*args, **kwargs)

        # http.client returns a response of its own, urllib3 one of another class.
        def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as urllib3 has it
            _answered(self)
            return super().getresponse()

    class Secure(Plain, HTTPSConnection):
        pass

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
