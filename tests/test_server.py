"""The server on real sockets: what it answers, and what no client can do to the others."""

import asyncio
import errno
import itertools
import re
import socket
import ssl
import subprocess
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.admission import Policy
from exporter.negotiation import Format
from exporter.server import Limits, ListenError, Server
from exporter.steps import give_way
from exporter.web import Body, Response, Route, Site, make_site, page, reply
from tests.doubles import closed, eventually
from tests.machine import room_for
from tests.tries import tries

SMALL = b"braze_up 1\n"
LARGE = b"0123456789abcde\n" * (1 << 20)  # 16 MiB: more than the kernel takes for a lazy reader
PROMPT = 2.0  # seconds within which a scrape must be answered, whatever the others do

GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
HEALTHY = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"
RELOAD = b"POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"


def fine() -> str | None:
    return None


def site(body: Body | Callable[[], Body] = SMALL, reload: Callable[[], str | None] = fine) -> Site:
    def metrics(_: Format, gzip: bool) -> Body:
        if gzip:
            return b"<compressed>"
        return body() if callable(body) else body

    return make_site(
        metrics=metrics,
        healthy=fine,
        ready=fine,
        reload=reload,
        pages={"/": lambda _: page("<h1>Status</h1>")},
    )


@contextmanager
def serving(site_: Site, limits: Limits | None = None) -> Iterator[Server]:
    server = Server(["127.0.0.1:0"], site_, limits)
    server.start()
    try:
        yield server
    finally:
        server.stop(timeout=0.2)
        assert not server.alive


@pytest.fixture(scope="module")
def shared() -> Iterator[Server]:
    """A server whose clients all behave, or are gone at once."""
    with serving(site(), Limits(linger_seconds=0.2)) as server:
        yield server


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def connect(server: Server, *sent: bytes, patience: float = PROMPT) -> socket.socket:
    host, _, port = server.addresses[0].rpartition(":")
    client = socket.socket()
    client.settimeout(patience)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)  # the kernel reads little ahead
    try:
        client.connect((host, int(port)))
    except OSError:
        client.close()
        raise
    for data in sent:
        client.sendall(data)
    return client


def read_answer(stream: BinaryIO, *, of_head: bool = False) -> Answer:
    status = int(stream.readline().split()[1])
    lines = iter(stream.readline, b"\r\n")
    headers = dict(line.decode().rstrip().split(": ", 1) for line in lines)
    length = 0 if of_head or status == 100 else int(headers["Content-Length"])
    return Answer(status, headers, stream.read(length))


def ask(server: Server, *sent: bytes) -> Answer:
    """The answer to what is sent, on a connection of its own."""
    with connect(server, *sent) as client, client.makefile("rb") as stream:
        return read_answer(stream)


def everything(server: Server, *sent: bytes) -> bytes:
    """All that comes back until the server closes; the client has nothing more to say."""
    with connect(server, *sent) as client:
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(1 << 16), b""))


def accepts(server: Server) -> bool:
    try:
        connect(server).close()
    except ConnectionError:
        return False
    return True


def send_until_refused(client: socket.socket) -> None:
    started = time.monotonic()
    while time.monotonic() - started < PROMPT:
        client.sendall(b"x")
        time.sleep(0.01)


def statuses(raw: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb"^HTTP/1\.1 (\d{3}) ", raw, re.MULTILINE)]


# --- what is answered -------------------------------------------------------------------------


def test_a_scrape_is_answered(shared: Server) -> None:
    answer = ask(shared, GET)
    assert (answer.status, answer.body) == (200, SMALL)
    assert answer.headers["Date"].endswith(" GMT")


def test_others_give_way_while_an_answer_is_made_and_no_longer() -> None:
    """From the request's first byte on; who sends half a request keeps nobody."""
    waited: list[float] = []

    def body() -> bytes:
        waited.append(give_way())
        return SMALL

    with serving(site(body)) as server:
        assert ask(server, GET).status == 200
        eventually(lambda: give_way() == 0, "the way is free")
        with connect(server, GET[:10]):
            eventually(lambda: give_way() == 0, "the way is free")
    assert waited[0] > 0


def test_a_server_that_has_stopped_keeps_nobody() -> None:
    with serving(site()) as server:
        assert ask(server, GET).status == 200
    assert give_way() == 0


def test_clients_that_never_pause_keep_nobody_for_long() -> None:
    """Others give way anew only after a moment in which there was nothing to do."""
    waited: list[float] = []
    clients: list[socket.socket] = []

    def body() -> bytes:
        waited.append(give_way())
        if len(waited) < 5:  # the next request is there before this one is answered
            clients[len(waited) % 2].sendall(GET)
        return SMALL

    with serving(site(body)) as server, connect(server) as first, connect(server) as second:
        clients += (first, second)
        first.sendall(GET)
        eventually(lambda: len(waited) == 5, "all are answered")

    assert waited[0] > 0.005
    assert max(waited[1:]) < 0.005


@pytest.mark.parametrize("codings", [(b"gzip", b"br"), (b"br", b"gzip")])
def test_headers_reach_the_site(shared: Server, codings: tuple[bytes, bytes]) -> None:
    """Whatever their case, and all of them if there are several of one name."""
    twice = b"\r\naCCept-encoding: %b\r\nAccept-Encoding: %b\r\n\r\n" % codings
    answer = ask(shared, GET.replace(b"\r\n\r\n", twice))
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.body == b"<compressed>"


def test_a_connection_serves_many_requests(shared: Server) -> None:
    """One after the other, HEAD and errors among them."""
    with connect(shared) as client, client.makefile("rb") as stream:
        for method, path, status in (
            ("GET", "/metrics", 200),
            ("HEAD", "/metrics", 200),
            ("GET", "/nowhere", 404),
            ("DELETE", "/metrics", 405),
            ("POST", "/-/reload", 200),
            ("GET", "/metrics?x=1", 200),
        ):
            client.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert read_answer(stream, of_head=method == "HEAD").status == status


def test_pipelined_requests_are_answered_in_order(shared: Server) -> None:
    """Sent without waiting, and cut into pieces at odd places."""
    requests = GET + HEALTHY + GET.replace(b"GET", b"HEAD") + HEALTHY
    raw = everything(shared, requests[:50], requests[50:51], requests[51:])
    assert statuses(raw) == [200, 200, 200, 200]
    assert re.findall(rb"braze_up 1|^healthy", raw, re.MULTILINE) == [
        b"braze_up 1",
        b"healthy",
        b"healthy",
    ]


def test_head_has_the_length_and_no_body(shared: Server) -> None:
    raw = everything(shared, GET.replace(b"GET", b"HEAD"))
    assert f"Content-Length: {len(SMALL)}\r\n".encode() in raw
    assert raw.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /metrics HTTP/1.0\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ],
)
def test_connections_end_when_the_client_wants(shared: Server, request_: bytes) -> None:
    """HTTP/1.0, and 1.1 with Connection: close, get their answer and the end of the connection."""
    with connect(shared, request_) as client, client.makefile("rb") as stream:
        answer = read_answer(stream)
        assert (answer.body, answer.headers["Connection"]) == (SMALL, "close")
        assert stream.read() == b""


def test_a_whole_url_is_a_path(shared: Server) -> None:
    """As a client sends it that takes the server for a proxy: RFC 9112 section 3.2.2."""
    assert ask(shared, GET.replace(b"/metrics", b"http://x:1/metrics?a")).body == SMALL
    assert (
        ask(shared, GET.replace(b"/metrics", b"HTTP://x")).headers["Content-Type"][:9]
        == "text/html"
    )


@pytest.mark.parametrize(
    "request_",
    [
        RELOAD,
        RELOAD.replace(b"Content-Length: 0\r\n", b""),
        RELOAD.replace(b"Length: 0", b"Length: 3") + b"a=b",
        RELOAD.replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        + b"3\r\na=b\r\n0\r\n\r\n",
        RELOAD.replace(b"Length: 0", b"Length: 65536") + b"x" * 65536,
    ],
)
def test_request_bodies_are_thrown_away(shared: Server, request_: bytes) -> None:
    """Up to 64 KiB, of which nothing is taken for the next request."""
    assert statuses(everything(shared, request_, GET)) == [200, 200]


def test_a_client_that_waits_for_permission_to_send_gets_it(shared: Server) -> None:
    expecting = RELOAD.replace(b"Length: 0", b"Length: 3\r\nExpect: 100-continue")
    with connect(shared, expecting) as client, client.makefile("rb") as stream:
        assert read_answer(stream).status == 100
        client.sendall(b"a=b")
        assert read_answer(stream).status == 200


def test_permission_is_refused_for_what_is_too_large(shared: Server) -> None:
    """At once, without a byte of it."""
    expecting = RELOAD.replace(b"Length: 0", b"Length: 65537\r\nExpect: 100-continue")
    assert ask(shared, expecting).status == 413


def test_a_large_answer_arrives_whole() -> None:
    """Many times larger than all socket buffers."""
    with serving(site(LARGE)) as server:
        assert ask(server, GET).body == LARGE


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /metrics\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\n\r\n", 400),  # no Host
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nHost : x\r\n\r\n", 400),
        (b"GET /met rics HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 32, 400),  # TLS
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (GET[:-2] + b"A: " + b"a" * 32768 + b"\r\n\r\n", 431),
        (GET[:-2] + b"a: b\r\n" * 8192 + b"\r\n", 431),
        (b"A" * 32768, 431),
    ],
)
def test_malformed_requests_end_the_connection(
    shared: Server, request_: bytes, status: int
) -> None:
    """The client is told, and what it sent behind is not looked at."""
    raw = everything(shared, request_, GET)
    assert statuses(raw) == [status]
    assert b"Connection: close\r\n" in raw


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /metrics HTTP/1.1\r\n\r\n", 400),
        (GET[:10], 408),
        (RELOAD.replace(b"Length: 0", b"Length: 3000000"), 413),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (GET.replace(b"metrics", b"nowhere"), 404),
    ],
)
def test_the_headers_of_the_policy_are_on_every_answer(request_: bytes, status: int) -> None:
    """Those to what is no request among them."""
    policy = Policy(headers=(("X-Frame-Options", "deny"),))
    server = Server(["127.0.0.1:0"], site(), Limits(request_seconds=0.2), policy=lambda: policy)
    server.start()
    try:
        answer = ask(server, request_)
    finally:
        server.stop(timeout=0.2)
    assert (answer.status, answer.headers["X-Frame-Options"]) == (status, "deny")


@pytest.mark.parametrize(
    "lengths",
    [
        b"Content-Length: 3\r\nContent-Length: 4",
        b"Content-Length: 3, 4",
        b"Content-Length: +3",
        b"Content-Length: 3\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 3",
        b"Transfer-Encoding: chunked, identity",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding : chunked",
    ],
)
def test_no_request_hides_in_another(shared: Server, lengths: bytes) -> None:
    """One whose length can be read in two ways is refused with what follows: RFC 9112, 11.2."""
    disguised = RELOAD.replace(b"Content-Length: 0", lengths) + b"0\r\n\r\n" + GET
    found = statuses(everything(shared, disguised))
    assert len(found) == 1
    assert found[0] in (400, 501)


@pytest.mark.parametrize(
    "head",
    [
        b"A: b\rC: d",  # a bare CR, which some take for the end of a line
        b"A: b\0c",
        b"A\0: b",
        b"A: \x0bb",
        b" A: b",
        b"Content-Length : 0",
        b"Content-Length: -1",
        b"Content-Length: 0x0",
        b"Content-Length: 1_0",
        b"Content-Length: \xd9\xa0",  # a digit of another script
        b"Content-Length: " + b"9" * 5000,
        b"Transfer-Encoding: \x0bchunked",
        b"Transfer-Encoding: xchunked",
    ],
    ids=lambda head: repr(head[:30]),
)
def test_lines_that_others_read_differently_are_refused(shared: Server, head: bytes) -> None:
    """A proxy before us must not see another request than we do."""
    doubtful = b"POST /-/reload HTTP/1.1\r\n" + head + b"\r\nHost: x\r\n\r\n"
    found = statuses(everything(shared, doubtful, GET))
    assert len(found) == 1
    assert found[0] in (400, 501)


CHUNKED = RELOAD.replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")


@pytest.mark.parametrize(
    "request_",
    [
        RELOAD.replace(b"Length: 0", b"Length:\r\n 5") + b"hello",  # a folded line
        RELOAD.replace(b"Length: 0", b"Length: 5\r\nContent-Length: 5") + b"hello",
        RELOAD.replace(b"\r\n", b"\n"),
        CHUNKED + b"5;a=b;c\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"0\r\nContent-Length: 5\r\nHost: y\r\n\r\n",  # behind the body: no header
        GET[:-2] + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        GET[:-2] + b"Content_Length: 5\r\n\r\n",
    ],
    ids=lambda request: repr(request[20:60]),
)
def test_what_is_odd_but_clear_leaves_the_next_request_alone(
    shared: Server, request_: bytes
) -> None:
    """RFC 9112 lets a server read it, in one way."""
    assert statuses(everything(shared, request_, GET)) == [200, 200]


@pytest.mark.parametrize(
    "body",
    [
        b"5;" + b"a" * 40_000 + b"\r\nhello\r\n0\r\n\r\n",  # an extension without end
        b"0\r\n" + b"A: b\r\n" * 8000 + b"\r\n",  # a trailer without end
        b"5;a\nhello\r\n0\r\n\r\n",
        b"5\nhello\n0\n\n",
        b"5\r\nhelloXX0\r\n\r\n",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_chunks_of_another_form_are_refused(shared: Server, body: bytes) -> None:
    """Too long, or with other line ends than the protocol has."""
    found = statuses(everything(shared, CHUNKED + body, GET))
    assert len(found) == 1
    assert found[0] in (400, 431)


@pytest.mark.parametrize("size", [b"-1", b"0x5", b"5 5", b"", b"f" * 40])
def test_broken_chunks_are_refused(shared: Server, size: bytes) -> None:
    chunked = RELOAD.replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    assert statuses(everything(shared, chunked + size + b"\r\nhello\r\n0\r\n\r\n", GET)) == [400]


@pytest.mark.parametrize(
    "request_",
    [
        RELOAD.replace(b"Length: 0", b"Length: 3000000"),
        RELOAD.replace(b"Length: 0", b"Length: 3000000\r\nExpect: 100-continue"),
        RELOAD.replace(b"Content-Length: 0", b"Transfer-Encoding: chunked") + b"2dc6c0\r\n",
        RELOAD.replace(b"POST", b"HEAD").replace(b"Length: 0", b"Length: 3000000"),
    ],
)
def test_large_bodies_are_refused_and_the_client_hears_of_it(
    shared: Server, request_: bytes
) -> None:
    """Although it is still sending: a connection reset would take the answer with it."""
    with connect(shared, request_) as client, client.makefile("rb") as stream:
        client.sendall(b"x" * 1_000_000)
        head_only = request_.startswith(b"HEAD")
        answer = read_answer(stream, of_head=head_only)
        assert (answer.status, answer.headers["Connection"]) == (413, "close")
        assert stream.read() == b""


def test_a_request_cut_short_harms_nobody(shared: Server) -> None:
    """The client goes away in the middle, politely or not."""
    for length in (1, 20, len(GET) - 1):
        everything(shared, GET[:length])
        connect(shared, GET[:length]).close()
    assert ask(shared, GET).status == 200


# What a request is made of, well and badly.
OF_REQUESTS = st.sampled_from(
    [b"GET", b"HEAD", b"POST", b"get", b"PRI", b" ", b" ", b"\t", b"/metrics", b"/", b"*", b"//",
     b"/?sort=%zz&page=-1", b"http://x/metrics", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"\r\n",
     b"\r\n", b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"Host: x", b"Host:", b"Host : x", b"5", b"-1",
     b"Content-Length: ", b"99999999999999999999", b"Transfer-Encoding: chunked", b"0\r\n\r\n",
     b"5\r\nhello\r\n", b"Expect: 100-continue", b"Connection: close", b"Connection: upgrade",
     b"Upgrade: h2c", b"Accept: ", b"Accept-Encoding: gzip", b"Authorization: Basic =", b"\x00",
     b"\xff", b"\x16\x03\x01\x02\x00\x01", b"x" * 17_000, GET, HEALTHY, RELOAD]
)  # fmt: skip


@given(
    st.binary(max_size=300)
    | st.binary(max_size=100).map(lambda junk: GET[:-2] + junk + b"\r\n\r\n")
    | st.lists(OF_REQUESTS, max_size=20).map(b"".join)
)
@example(GET * 3)
@tries(60)
def test_rubbish_harms_nobody(shared: Server, rubbish: bytes) -> None:
    """Whatever arrives is answered in HTTP, or not at all, and the next scrape works."""
    raw = everything(shared, rubbish)
    assert not raw or raw.startswith(b"HTTP/1.1 ")
    assert ask(shared, GET).body == SMALL


# --- what clients cannot do to each other -----------------------------------------------------


def test_idle_clients_do_not_keep_others_out() -> None:
    """Ten times as many as there are connections: those that have waited longest go."""
    with serving(site(), Limits(connections=8)) as server, ExitStack() as idle:
        clients = [idle.enter_context(connect(server)) for _ in range(80)]
        assert ask(server, GET).status == 200
        assert all(closed(client) for client in clients[:72])


def test_without_descriptors_new_clients_wait_and_a_line_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A line for several tries, and no traceback; who waits is answered once there are some."""
    with (
        serving(site()) as server,
        connect(server, GET, patience=30) as known,
        known.makefile("rb") as stream,
        socket.socket() as new,
    ):
        assert read_answer(stream).status == 200
        with room_for(0):
            host, _, port = server.addresses[0].rpartition(":")
            new.connect((host, int(port)))
            eventually(lambda: caplog.records, "it is said")
            time.sleep(1.5)  # asyncio tries again after one
            known.sendall(GET)
            assert read_answer(stream).status == 200
        new.settimeout(30)
        new.sendall(GET)
        assert new.recv(1) == b"H"

    [said] = caplog.records
    assert (said.levelname, said.exc_info) == ("WARNING", None)
    assert "Too many open files; raise the limit" in vars(said)["reason"]


def test_an_error_that_nobody_caught_is_told_whole(caplog: pytest.LogCaptureFixture) -> None:
    """Also one of a socket, if it is not that there are no descriptors."""
    bug = OSError(errno.EBADF, "a bug")

    def body() -> bytes:
        context = {"message": "odd", "exception": bug, "socket": None}
        asyncio.get_running_loop().call_exception_handler(context)
        return SMALL

    with serving(site(body)) as server:
        assert ask(server, GET).body == SMALL

    [said] = caplog.records
    assert said.exc_info
    assert said.exc_info[1] is bug


def test_a_client_that_gets_on_is_not_the_one_to_go() -> None:
    """At the limit the one without progress makes room, not the one that came first."""
    with (
        serving(site(LARGE), Limits(connections=2)) as server,
        connect(server, GET) as reading,
        reading.makefile("rb") as stream,
        connect(server) as idle,
    ):
        beginning = stream.read(len(LARGE) // 2)
        assert ask(server, HEALTHY).status == 200
        assert closed(idle)
        head, _, body = (beginning + stream.read(len(LARGE) // 2)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert LARGE.startswith(body)


def test_a_client_that_does_not_read_goes_before_a_newer_one() -> None:
    """An answer that stands still is no better than none asked for."""
    with (
        serving(site(LARGE), Limits(connections=2)) as server,
        connect(server, GET) as lazy,
        connect(server) as idle,
    ):
        assert lazy.recv(1) == b"H"
        idle.sendall(HEALTHY)
        assert idle.recv(1) == b"H"
        assert ask(server, HEALTHY).status == 200
        assert closed(lazy)
        idle.sendall(HEALTHY)
        with idle.makefile("rb") as stream:
            stream.readline()
            assert b"HTTP/1.1 200 OK" in b"".join(itertools.islice(stream, 12))


def test_slow_readers_delay_nobody_and_cost_little() -> None:
    """Each keeps some chunks in memory, not its answer."""
    limits = Limits()
    with serving(site(LARGE), limits) as server, ExitStack() as lazy:
        tracemalloc.start()
        lazy.callback(tracemalloc.stop)
        for _ in range(20):
            client = lazy.enter_context(connect(server, GET))
            assert client.recv(1) == b"H"
        assert ask(server, HEALTHY).status == 200
        _, peak = tracemalloc.get_traced_memory()
        assert peak < 20 * 4 * limits.chunk_bytes


def test_answers_waiting_for_slow_readers_are_bounded() -> None:
    """Each scrape may be bytes of its own, kept until sent: the slowest readers go."""
    fresh = (bytes([n]) * len(LARGE) for n in itertools.count(65))
    limits = Limits(answers_bytes=2 * len(LARGE))
    with serving(site(lambda: next(fresh)), limits) as server, ExitStack() as lazy:
        clients = []
        for _ in range(4):
            clients.append(lazy.enter_context(connect(server, GET)))
            assert clients[-1].recv(1) == b"H"
        assert all(closed(client) for client in clients[:2])
        assert len(clients[2].makefile("rb").read(len(LARGE))) == len(LARGE)


def test_a_burst_of_slow_readers_is_bounded_too() -> None:
    """Their answers are not made all at once, and not before those given up are gone."""
    size = 1_000_000
    limits = Limits(answers_bytes=4 * size, kernel_bytes=1)
    with serving(site(lambda: bytes(size)), limits) as server, ExitStack() as lazy:
        clients = [lazy.enter_context(connect(server)) for _ in range(100)]
        tracemalloc.start()
        lazy.callback(tracemalloc.stop)
        for client in clients:
            client.sendall(GET)
        assert ask(server, HEALTHY).status == 200
        _, peak = tracemalloc.get_traced_memory()
        assert peak < 15 * size


def test_pages_that_nobody_reads_are_bounded_too() -> None:
    """The status may be as large as a scrape, and is made in another thread."""
    size = 1_000_000
    limits = Limits(answers_bytes=4 * size, kernel_bytes=1, waiting=100)
    status = replace(site(), routes={"/": {"GET": Route(lambda _: large(size), blocks=True)}})
    with serving(status, limits) as server, ExitStack() as lazy:
        clients = [lazy.enter_context(connect(server)) for _ in range(50)]
        tracemalloc.start()
        lazy.callback(tracemalloc.stop)
        for client in clients:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert len(ask(server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").body) == size
        _, peak = tracemalloc.get_traced_memory()
        assert peak < 10 * size


def large(size: int) -> Response:
    return reply(HTTPStatus.OK, "text/plain", bytes(size))


def test_an_answer_that_many_read_is_there_once() -> None:
    """Readers of the same bytes cost no more than one."""
    with serving(site(LARGE), Limits(answers_bytes=len(LARGE) + 1)) as server, ExitStack() as lazy:
        clients = [lazy.enter_context(connect(server, GET)) for _ in range(4)]
        for client in clients:
            with client.makefile("rb") as stream:
                assert read_answer(stream).body == LARGE


def test_parts_that_answers_have_in_common_are_there_once() -> None:
    """A scrape's own end makes no other page of it: the two formats cost little more than one."""
    ends = itertools.count()
    limits = Limits(answers_bytes=len(LARGE) + 10)
    with (
        serving(site(lambda: (LARGE, b"%d\n" % next(ends))), limits) as server,
        ExitStack() as lazy,
    ):
        clients = [lazy.enter_context(connect(server, GET)) for _ in range(4)]
        for client in clients:
            with client.makefile("rb") as stream:
                assert read_answer(stream).body.startswith(LARGE)


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (b"",),
        (b"0123", b"4567"),  # as much as goes out at a time
        (b"01", b"23456", b"", b"789"),
        (b"0123456789",),
    ],
)
def test_parts_arrive_as_one_body(parts: tuple[bytes, ...]) -> None:
    """Wherever they are cut to go out piece by piece."""
    with serving(site(parts), Limits(chunk_bytes=4)) as server:
        assert ask(server, GET).body == b"".join(parts)


def test_an_answer_that_was_read_costs_nothing() -> None:
    """Who has got all of it is not hung up on for the sake of others."""
    fresh = (bytes([n]) * 100_000 for n in itertools.count(65))
    limits = Limits(answers_bytes=100_000)
    with (
        serving(site(lambda: next(fresh)), limits) as server,
        connect(server) as client,
        client.makefile("rb") as stream,
    ):
        for _ in range(2):
            client.sendall(GET)
            assert len(read_answer(stream).body) == 100_000
            assert len(ask(server, GET).body) == 100_000


def test_one_answer_may_be_larger_than_all_are_to_be() -> None:
    """The bound is for the many: a single scrape is answered whatever its size."""
    with serving(site(LARGE), Limits(answers_bytes=1)) as server:
        assert ask(server, GET).body == LARGE


def test_a_request_sent_too_slowly_is_given_up() -> None:
    """The time is for the whole request: a byte now and then does not prolong it."""
    with (
        serving(site(), Limits(request_seconds=0.2)) as server,
        connect(server, GET[:10]) as client,
    ):
        started = time.monotonic()
        client.settimeout(0.05)
        raw = b""
        for byte in itertools.cycle(b"x"):
            try:
                raw = client.recv(1 << 16)
                break
            except TimeoutError:
                client.send(bytes([byte]))
        assert statuses(raw) == [408]
        assert time.monotonic() - started < PROMPT


def test_a_body_sent_too_slowly_is_given_up() -> None:
    unfinished = RELOAD.replace(b"Length: 0", b"Length: 9") + b"a"
    with serving(site(), Limits(request_seconds=0.1)) as server:
        assert ask(server, unfinished).status == 408


@pytest.mark.parametrize("sent", [b"", GET])
def test_silent_clients_are_left(sent: bytes) -> None:
    """Without a word: new ones after the time for a request, answered ones after the idle time."""
    limits = Limits(request_seconds=0.1, idle_seconds=0.1)
    with serving(site(), limits) as server, connect(server, sent) as client:
        assert statuses(client.makefile("rb").read()) == [200] * bool(sent)


def test_a_reader_that_stops_is_given_up() -> None:
    """The time is for the whole answer; what is left of it is not sent."""
    with serving(site(LARGE), Limits(write_seconds=0.2)) as server, connect(server, GET) as client:
        assert client.recv(1) == b"H"
        time.sleep(0.4)
        assert closed(client)


def test_pipelined_requests_delay_nobody() -> None:
    """Hundreds of requests in one go are not all answered before another client's only one."""
    answered = 0
    begun, other_sent = threading.Event(), threading.Event()
    answered_before = []

    def healthy() -> str | None:
        nonlocal answered
        answered += 1
        begun.set()
        return None if other_sent.wait(10) else "the other client never came"

    def metrics(_: Format, __: bool) -> bytes:
        answered_before.append(answered)
        return SMALL

    shared_by_two = make_site(metrics=metrics, healthy=healthy, ready=fine, reload=fine, pages={})
    with serving(shared_by_two) as server, connect(server, HEALTHY * 100) as greedy:
        assert begun.wait(PROMPT)
        with connect(server, GET) as other, other.makefile("rb") as stream:
            other_sent.set()
            assert read_answer(stream).status == 200
        with greedy.makefile("rb") as stream:
            assert [read_answer(stream).status for _ in range(100)] == [200] * 100
    assert answered_before[0] < 20


def test_a_client_that_does_not_hang_up_is_hung_up_on() -> None:
    """After its last answer it has a moment to do so itself."""
    with (
        serving(site(), Limits(linger_seconds=0.1)) as server,
        connect(server, b"?\r\n\r\n") as client,
    ):
        assert statuses(client.makefile("rb").read()) == [400]
        with pytest.raises(ConnectionError):
            send_until_refused(client)


# --- reload -----------------------------------------------------------------------------------


class Reload:
    """A reload that goes on until released."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.released = threading.Event()

    def __call__(self) -> str | None:
        self.begun.set()
        return None if self.released.wait(10) else "never released"


def test_a_reload_keeps_nobody_waiting() -> None:
    """While it runs scrapes go on; two more may wait their turn, others are told to come back."""
    reload = Reload()
    limits = Limits(waiting=2)
    with serving(site(reload=reload), limits) as server, ThreadPoolExecutor(8) as clients:
        first = clients.submit(ask, server, RELOAD)
        assert reload.begun.wait(PROMPT)
        others = [clients.submit(ask, server, RELOAD) for _ in range(5)]
        while sum(other.done() for other in others) < 3:
            assert ask(server, GET).body == SMALL
        reload.released.set()
        codes = sorted(each.result().status for each in (first, *others))
        assert codes == [200, 200, 200, 503, 503, 503]


def test_a_client_waiting_for_us_is_not_stalled() -> None:
    """At the limit of connections a reload's client stays, however long the reload takes."""
    reload = Reload()
    with (
        serving(site(reload=reload), Limits(connections=3)) as server,
        connect(server, RELOAD) as client,
        client.makefile("rb") as stream,
        ExitStack() as idle,
    ):
        assert reload.begun.wait(PROMPT)
        for _ in range(9):
            idle.enter_context(connect(server))
        assert ask(server, HEALTHY).status == 200
        reload.released.set()
        assert read_answer(stream).status == 200


def test_stopping_waits_for_a_reload() -> None:
    """Which is answered, and with it the end of the connection announced."""
    reload = Reload()
    with serving(site(reload=reload)) as server, ThreadPoolExecutor(2) as others:
        reloading = others.submit(ask, server, RELOAD)
        assert reload.begun.wait(PROMPT)
        stopping = others.submit(server.stop, timeout=10)
        while accepts(server):
            pass
        reload.released.set()
        assert reloading.result().headers["Connection"] == "close"
        stopping.result()


def test_stopping_does_not_wait_for_ever_for_a_reload() -> None:
    """One that takes too long goes on, but its client is not told."""
    reload = Reload()
    with serving(site(reload=reload)) as server, connect(server, RELOAD) as client:
        assert reload.begun.wait(PROMPT)
        started = time.monotonic()
        server.stop(timeout=0.1)
        assert time.monotonic() - started < PROMPT
        assert client.recv(1) == b""
        reload.released.set()


# --- start and stop ---------------------------------------------------------------------------


def test_stopped_is_stopped() -> None:
    """Nothing listens, idle clients are let go at once, and stopping again does nothing."""
    server = Server(["127.0.0.1:0"], site())
    assert not server.alive
    server.stop()
    server.start()
    assert server.alive
    with connect(server, GET) as idle:
        assert idle.recv(1) == b"H"
        started = time.monotonic()
        server.stop(timeout=10)
        assert time.monotonic() - started < PROMPT
        assert closed(idle)
    assert not server.alive
    assert not accepts(server)
    server.stop()


def test_a_client_that_just_arrived_is_let_go() -> None:
    """One that connects at the moment of stopping leaves nothing open: warnings are errors here."""
    for _ in range(30):
        with serving(site()) as server, ExitStack() as clients:
            for _ in range(5):
                clients.enter_context(connect(server))


def test_an_answer_begun_is_finished() -> None:
    """Stopping waits for a reader that reads."""
    with (
        serving(site(LARGE), Limits(linger_seconds=0.1)) as server,
        connect(server, GET) as client,
        client.makefile("rb") as stream,
        ThreadPoolExecutor(1) as other,
    ):
        assert stream.peek(1)
        stopping = other.submit(server.stop, timeout=10)
        assert read_answer(stream).body == LARGE
        assert stream.read() == b""
        stopping.result()


def test_an_answer_nobody_reads_is_cut() -> None:
    """Stopping does not wait for a reader that does not read."""
    with serving(site(LARGE)) as server, connect(server, GET) as client:
        assert client.recv(1) == b"H"
        server.stop(timeout=0.1)
        assert not server.alive
        assert closed(client)


def test_all_interfaces_are_both_families() -> None:
    """`:port` is reached over IPv4, and over IPv6 where the machine has it."""
    server = Server([":0"], site())
    server.start()
    try:
        port = int(server.addresses[0].rpartition(":")[2])
        families = ("127.0.0.1", "::1") if socket.has_dualstack_ipv6() else ("127.0.0.1",)
        for host in families:
            socket.create_connection((host, port), timeout=PROMPT).close()
    finally:
        server.stop()


def test_many_addresses_are_served() -> None:
    """By number and by name; the bound ones are told."""
    server = Server(["127.0.0.1:0", "localhost:0"], site())
    server.start()
    try:
        assert len(set(server.addresses)) == 2
        assert all(re.fullmatch(r"127\.0\.0\.1:[1-9]\d+", each) for each in server.addresses)
    finally:
        server.stop()


def test_an_address_in_use_is_told_before_anything_starts(shared: Server) -> None:
    """Which address, why, what to do; and the other addresses are given back."""
    (taken,) = shared.addresses
    with pytest.raises(ListenError) as told:
        Server(["127.0.0.1:0", taken], site()).start()
    assert str(told.value) == (
        f"cannot listen on {taken}: Address already in use; "
        "stop what uses it, perhaps another exporter, or choose another port"
    )


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("10068", "write it as HOST:PORT, [IPv6]:PORT or :PORT"),
        ("localhost", "write it as"),
        ("localhost:http", "write it as"),
        ("127.0.0.1:65536", "write it as"),
        ("::1:10068", "write it as"),
        ("http://localhost:10068", "write it as"),
        ("", "write it as"),
        ("host.invalid:10068", "no such host; check its spelling"),
        (f"{'a' * 70}.invalid:10068", "no such host"),
        ("192.0.2.1:10068", "Cannot assign requested address; choose an address of this machine"),
    ],
)
def test_addresses_that_cannot_be_listened_on(address: str, message: str) -> None:
    """The message names the address and the way out."""
    with pytest.raises(ListenError, match=re.escape(f"cannot listen on {address}: ")) as told:
        Server([address], site()).start()
    assert message in str(told.value)


# --- TLS --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for localhost in one file."""
    folder = tmp_path_factory.mktemp("tls")
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", "key", "-out", "cert"]
    subprocess.run(
        ["openssl", "req", *kind, *subject, *files], cwd=folder, check=True, capture_output=True
    )
    both = folder / "both.pem"
    both.write_bytes((folder / "key").read_bytes() + (folder / "cert").read_bytes())
    return both


def test_tls_clients_that_say_nothing_keep_nobody_waiting(certificate: Path) -> None:
    """A handshake that does not happen delays no scrape, and is given up in time."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=str(certificate))
    server = Server(
        ["127.0.0.1:0"], site(LARGE), Limits(request_seconds=0.3), lambda: Policy(tls=context)
    )
    server.start()
    try:
        with connect(server) as silent, connect(server, GET) as plain:
            with (
                trusting.wrap_socket(connect(server), server_hostname="localhost") as client,
                client.makefile("rb") as stream,
            ):
                client.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
                assert read_answer(stream).body == LARGE
                assert stream.read() == b""
            assert closed(silent)
            assert closed(plain)
    finally:
        server.stop()
