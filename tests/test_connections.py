"""A request is cut off on the connection that it uses, and on no other."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from exporter.connections import Handle, OpenConnections
from tests.doubles import eventually

pytestmark = pytest.mark.usefixtures("threads")

LONG, SHORT = 60.0, 0.05  # seconds that a request may take


@pytest.fixture
def watched() -> Iterator[OpenConnections]:
    watched = OpenConnections(time.monotonic)
    yield watched
    watched.close()


@pytest.fixture
def other() -> Iterator[ThreadPoolExecutor]:
    """A thread that had the connection before."""
    with ThreadPoolExecutor(1) as thread:
        yield thread


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection: ours, and Braze's."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(5)
        yield ours, theirs


def test_a_connection_that_was_given_back_is_cut_off_for_its_next_user(
    watched: OpenConnections, other: ThreadPoolExecutor, ends: tuple[socket.socket, socket.socket]
) -> None:
    """urllib3 gives it back with the last byte; the request before ends later, perhaps after the
    connection was closed by the next answer.
    """
    ours, theirs = ends
    handle = Handle(ours.dup())
    before = watched.until(time.monotonic() + LONG)
    other.submit(before.__enter__).result()
    other.submit(watched.use, handle).result()

    with watched.until(time.monotonic() + SHORT):
        watched.use(handle)
        watched.drop(handle)
        other.submit(before.__exit__).result()
        assert theirs.recv(1) == b""  # within its time

    assert handle.sock.fileno() == -1


def test_who_gave_a_connection_back_cuts_off_nobody(
    watched: OpenConnections, other: ThreadPoolExecutor, ends: tuple[socket.socket, socket.socket]
) -> None:
    """Its time may be over while it still unpacks what it read."""
    ours, theirs = ends
    handle = Handle(ours.dup())
    before = watched.until(time.monotonic() + SHORT)
    other.submit(before.__enter__).result()
    other.submit(watched.use, handle).result()

    with watched.until(time.monotonic() + LONG) as request:
        watched.use(handle)
        eventually(lambda: before.late, "its time is over")
        ours.sendall(b"x")
        assert theirs.recv(1) == b"x"
        assert not request.cut_off
        other.submit(before.__exit__).result()
    watched.drop(handle)


def test_a_machine_without_room_for_a_thread_is_asked_again(
    watched: OpenConnections,
    ends: tuple[socket.socket, socket.socket],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The request fails, and the next one is watched."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    ours, theirs = ends
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError), watched.until(time.monotonic() + SHORT):
            pass  # pragma: no cover - it does not begin

    handle = Handle(ours.dup())
    with watched.until(time.monotonic() + SHORT):
        watched.use(handle)
        assert theirs.recv(1) == b""
    watched.drop(handle)
