"""Probes of the way: each ends in time, and says what blocks it."""

import socket
import time
from collections.abc import Callable

import pytest

from exporter.probes import Blocked, Probes, Proxy
from tests.doubles import listening

QUICK = Probes(seconds=0.3)


def cause_of(call: Callable[[], object]) -> str:
    """What blocks it; fails where that is not told within a second."""
    begun = time.monotonic()
    with pytest.raises(Blocked) as blocked:
        call()
    assert time.monotonic() - begun < 1
    return blocked.value.cause


def test_a_name_that_cannot_be_one_is_unknown() -> None:
    """Without asking any resolver."""
    assert cause_of(lambda: QUICK.resolve("a" * 64 + ".invalid", 443)) == "host-unknown"


def test_the_next_address_is_tried() -> None:
    """A host of two addresses, of which the first takes no connection."""
    with listening(lambda _: None) as port, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        addresses = QUICK.resolve("127.0.0.1", closed.getsockname()[1])
        sock = QUICK.connect(addresses + QUICK.resolve("127.0.0.1", port))

        assert sock.getpeername()[1] == port
        sock.close()
        assert cause_of(lambda: QUICK.connect(addresses)) == "port-closed"


@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 200"])
def test_a_proxy_that_never_ends_its_answer_is_left(says: bytes) -> None:
    """Its silence is no tunnel."""
    with (
        listening(lambda one: one.sendall(says)) as port,
        socket.create_connection(("127.0.0.1", port)) as sock,
    ):
        proxy = Proxy("127.0.0.1", port)
        assert cause_of(lambda: QUICK.tunnel(sock, proxy, "braze.example", 443)) == "proxy-odd"


def test_a_proxy_that_drips_is_left_too() -> None:
    """The limit is for the whole answer."""

    def drip(one: socket.socket) -> None:
        for _ in range(40):
            one.sendall(b"x")
            time.sleep(0.05)

    with listening(drip) as port, socket.create_connection(("127.0.0.1", port)) as sock:
        proxy = Proxy("127.0.0.1", port)
        assert cause_of(lambda: QUICK.tunnel(sock, proxy, "braze.example", 443)) == "proxy-odd"


def test_a_silent_host_gets_no_endless_handshake() -> None:
    """It takes the connection and says nothing."""
    with listening(lambda _: None) as port:
        addresses = QUICK.resolve("127.0.0.1", port)

        assert (
            cause_of(lambda: QUICK.handshake(QUICK.connect(addresses), "braze.example", None))
            == "tls-broken"
        )
        assert not QUICK.speaks_tls(addresses, "braze.example")


def test_the_password_of_a_proxy_is_not_in_its_name() -> None:
    """Which findings repeat."""
    assert str(Proxy("proxy.example", 3128, "user:secret")) == "proxy.example:3128"
