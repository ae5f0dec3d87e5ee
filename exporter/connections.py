"""The open connections of one transport, so that a request can be cut off from outside.

A timeout of a socket bounds one read; a peer that drips its head, or a stop in the middle of a wait
for the first byte, needs somebody else to end the read. `urllib3` has no such thing, so its
connections are watched here.
"""

import contextlib
import socket
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.poolmanager import PoolManager


class OpenConnections:
    """Shuts the connection of a request that outlives its deadline, or of all of them at once.

    `monotonic` is the clock of the deadlines, in seconds. One daemon thread watches, from the first
    request until `close`.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._deadlines: dict[int, float] = {}  # by the thread that sends the request
        self._connections: weakref.WeakSet[HTTPConnection] = weakref.WeakSet()
        self._overdue: set[int] = set()
        self._watcher: threading.Thread | None = None
        self._closed = False

    def watch(self, manager: PoolManager) -> None:
        """Have every connection that `manager` makes from now on watched."""
        manager.pool_classes_by_scheme = _pool_classes(self._connections)

    @contextlib.contextmanager
    def until(self, deadline: float) -> Iterator[Callable[[], bool]]:
        """Cut the calling thread's connection at `deadline`; yields a function that tells whether
        it was cut.
        """
        thread = threading.get_ident()
        with self._changed:
            if self._watcher is None:
                self._watcher = threading.Thread(
                    target=self._run, name="braze-deadlines", daemon=True
                )
                self._watcher.start()
            self._overdue.discard(thread)
            self._deadlines[thread] = deadline
            self._changed.notify()
        try:
            yield lambda: thread in self._overdue
        finally:
            with self._changed:
                self._deadlines.pop(thread, None)

    def shut(self) -> None:
        """Cut every connection."""
        with self._changed:
            for connection in list(self._connections):
                _shut(connection)

    def close(self) -> None:
        """End the watching thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._watcher is not None:
            self._watcher.join()

    def _run(self) -> None:
        with self._changed:
            while not self._closed:
                now = self._monotonic()
                for thread, deadline in list(self._deadlines.items()):
                    if deadline <= now:
                        del self._deadlines[thread]
                        self._overdue.add(thread)
                        for connection in list(self._connections):
                            if getattr(connection, "sender", None) == thread:
                                _shut(connection)
                nearest = min(self._deadlines.values(), default=None)
                self._changed.wait(None if nearest is None else max(nearest - now, 0.0))


def _shut(connection: HTTPConnection) -> None:
    sock = connection.sock
    if sock is not None:
        # A thread blocked in a read returns at once from a socket that is shut; from one closed it
        # would not.
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


def _pool_classes(connections: weakref.WeakSet[HTTPConnection]) -> dict[str, Any]:
    class Plain(HTTPConnection):
        sender = 0

        def request(self, *args: Any, **kwargs: Any) -> None:
            self.sender = threading.get_ident()
            connections.add(self)
            super().request(*args, **kwargs)

    class Secure(HTTPSConnection):
        sender = 0

        def connect(self) -> None:
            # urllib3 connects before it sends, and a handshake can hang as well.
            self.sender = threading.get_ident()
            connections.add(self)
            super().connect()

        def request(self, *args: Any, **kwargs: Any) -> None:
            self.sender = threading.get_ident()
            connections.add(self)
            super().request(*args, **kwargs)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
