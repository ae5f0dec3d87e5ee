"""The sockets of one transport's requests, so that a request can be cut off from outside.

A timeout of a socket bounds one read; a peer that drips its answer, or a stop in the middle of a
wait for the first byte, needs somebody else to end the read. `urllib3` has no such thing, so its
connections are watched here.
"""

import contextlib
import http.client
import io
import math
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.poolmanager import PoolManager

from exporter.steps import give_way, waiting


@dataclass(slots=True, eq=False)
class Handle:
    """A second handle on a connection's socket: the first one is closed early, or handed on to TLS,
    while a request still reads. It is closed once the connection is and no request holds it.
    """

    sock: socket.socket
    request: "_Request | None" = None
    over: bool = False

    def close_unheld(self) -> None:
        """Close it if its connection is closed and no request holds it."""
        if self.over and self.request is None:
            self.sock.close()


class _Request:
    """A request under way, for as long as the context lasts. `cut_off` says that it was ended from
    outside, `late` that this was because its time was up.
    """

    __slots__ = ("_handle", "_watched", "cut_off", "deadline", "late")

    def __init__(self, watched: "OpenConnections", deadline: float) -> None:
        self._watched = watched
        self.deadline = deadline
        self.cut_off = self.late = False
        self._handle: Handle | None = None

    def __enter__(self) -> Self:
        self._watched.begin(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._watched.end()

    def hold(self, handle: Handle | None) -> None:
        """Let go of the handle that was held, and hold another one or none."""
        if self._handle is not None:
            self._handle.request = None
            self._handle.close_unheld()
        self._handle = handle
        if handle is not None:
            if handle.request is not None:  # it has its answer, and has given the connection back
                handle.request._handle = None
            handle.request = self

    def cut(self) -> None:
        self.cut_off = True
        if self._handle is not None:
            # A thread blocked in a read returns at once from a socket that is shut; from one that
            # is closed it would not.
            with contextlib.suppress(OSError):
                self._handle.sock.shutdown(socket.SHUT_RDWR)


class OpenConnections:
    """Cuts off a request that outlives its deadline, or all of them at once; safe for threads.

    `monotonic` is the clock of the deadlines, in seconds. One daemon thread watches, from the first
    request until `close`.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        # One that its holder may take again: the garbage collector closes connections anywhere.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._requests: dict[int, _Request] = {}  # by the thread that sends
        self._watcher: threading.Thread | None = None
        self._looks_at = math.inf  # when the watcher looks again by itself
        self._shut = False
        self._closed = False

    def watch(self, manager: PoolManager) -> None:
        """Have every connection that `manager` makes from now on watched."""
        manager.pool_classes_by_scheme = _pool_classes(self)

    def until(self, deadline: float) -> _Request:
        """What the calling thread sends in this context is cut off at `deadline`."""
        return _Request(self, deadline)

    def begin(self, request: _Request) -> None:
        """Watch the calling thread's request."""
        with self._lock:
            if self._watcher is None:
                watcher = threading.Thread(target=self._run, name="braze-deadlines", daemon=True)
                watcher.start()
                self._watcher = watcher
            self._requests[threading.get_ident()] = request
            # It is not woken for each request: most deadlines come after the one it waits for.
            if request.deadline < self._looks_at:
                self._looks_at = request.deadline
                self._changed.notify()

    def end(self) -> None:
        """It is over."""
        with self._lock:
            self._requests.pop(threading.get_ident()).hold(None)

    def shut(self) -> None:
        """Cut off every request, and let no other begin."""
        with self._lock:
            self._shut = True
            for request in self._requests.values():
                request.cut()

    def close(self) -> None:
        """End the watching thread."""
        with self._lock:
            self._closed = True
            self._changed.notify()
        if self._watcher is not None:
            self._watcher.join()

    def use(self, handle: Handle) -> float:
        """Have the calling thread's request hold this; returns the seconds it has left.

        Raises OSError where there are none.
        """
        with self._lock:
            request = self._requests[threading.get_ident()]
            left = request.deadline - self._monotonic()
            if self._shut or request.late or left <= 0:
                raise TimeoutError("cut off")
            request.hold(handle)
            return left

    def drop(self, handle: Handle) -> None:
        """Its connection is closed."""
        with self._lock:
            handle.over = True
            handle.close_unheld()

    def connect(self, connection: HTTPConnection) -> tuple[socket.socket, Handle]:
        """A socket to where `connection` leads, and what it is cut off by.

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
                    handle = Handle(sock.dup())
                    opened.callback(self.drop, handle)
                    left = self.use(handle)
                    sock.settimeout(left / untried)
                    sock.connect(address)
                    sock.settimeout(left)
                    opened.pop_all()  # it stays open: all went well
                    return sock, handle
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


class _Incoming(io.RawIOBase):
    """What comes from a socket; while it does not, other threads compute."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def readinto(self, room: Any) -> int | None:
        with waiting():
            return self._raw.readinto(room)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fp: io.BufferedReader = io.BufferedReader(_Incoming(self.fp.detach()))

    def begin(self) -> None:
        """Wait for the first bytes of an answer, and then until no page is being made: answers that
        come at the same time would all be read before it.
        """
        self.fp.peek(1)
        give_way()
        super().begin()


def _pool_classes(watched: OpenConnections) -> dict[str, Any]:
    class Plain(HTTPConnection):
        response_class = _Response
        _handle: Handle | None = None

        def _new_conn(self) -> socket.socket:
            sock, self._handle = watched.connect(self)
            return sock

        def connect(self) -> None:
            with waiting():
                super().connect()

        def request(self, *args: Any, **kwargs: Any) -> None:
            if self._handle is not None:  # a kept one
                watched.use(self._handle)
            super().request(*args, **kwargs)

        def close(self) -> None:
            super().close()
            if self._handle is not None:
                watched.drop(self._handle)
                self._handle = None

    class Secure(Plain, HTTPSConnection):
        pass

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
