"""One GET on real sockets: whatever the other side does, it ends in time, in size and at home."""

import gzip
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import pytest

from exporter.simulator import Server
from exporter.steps import computing, leave_way, take_way
from exporter.transport import BODY_CAP, Reply, Transport, TransportError
from tests.doubles import KEY, eventually, listening

pytestmark = pytest.mark.usefixtures("threads")

T = TypeVar("T")

LIST = "/segments/list"
TIMEOUT = 0.3
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GRACE = 0.4  # seconds over the timeout that a busy machine is forgiven


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever proxies and certificates the machine has are not those of the test."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@contextmanager
def transport(
    url: str, *, timeout: float = 5.0, connections: int = 1, ca_file: Path | None = None
) -> Iterator[Transport]:
    made = Transport(
        url,
        connections=connections,
        timeout=timeout,
        monotonic=time.monotonic,
        ca_file=ca_file,
    )
    try:
        yield made
    finally:
        made.close()


def get(url: str, *, timeout: float = 5.0, ca_file: Path | None = None) -> Reply:
    with transport(url, timeout=timeout, ca_file=ca_file) as made:
        return made.get(LIST, {"page": "0"}, KEY)


class Failure(NamedTuple):
    reason: str
    message: str
    seconds: float


def failure(url: str, *, timeout: float = 5.0, ca_file: Path | None = None) -> Failure:
    """How a GET fails, and after how long."""
    with transport(url, timeout=timeout, ca_file=ca_file) as made:
        begun = time.monotonic()
        with pytest.raises(TransportError) as raised:
            made.get(LIST, {"page": "0"}, KEY)
        took = time.monotonic() - begun
    assert KEY not in str(raised.value)
    return Failure(raised.value.reason, str(raised.value), took)


def says(*pieces: bytes, pause: float = 0.0) -> Callable[[socket.socket], None]:
    """A server that reads a request, sends these pieces, with a pause before each, and closes."""

    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        for piece in pieces:
            time.sleep(pause)
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_RDWR)

    return answer


def silent(_: socket.socket) -> None:
    """A server that takes connections and does nothing more."""


def descriptors() -> int:
    """How many files and sockets this process has open; the simulator's are among them."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


# A good answer


def test_a_get_brings_the_answer(simulator: Server) -> None:
    """Status, headers in lower case and the unpacked body, as they came."""
    reply = get(simulator.url)

    assert reply.status == 200
    assert reply.headers["x-ratelimit-limit"] == "250000"
    assert reply.headers["content-encoding"] == "gzip"
    assert len(json.loads(reply.body)["segments"]) == 12


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_every_status_is_an_answer(status: int) -> None:
    """What a status means is for the caller to say."""
    head = f"HTTP/1.1 {status} Whatever\r\nContent-Length: 2\r\n\r\nno".encode()
    with listening(says(head)) as port:
        reply = get(f"http://127.0.0.1:{port}")

    assert (reply.status, reply.body) == (status, b"no")


def test_connections_are_kept_and_used_again() -> None:
    """Ten requests take one connection, errors between them or not."""
    accepted: list[socket.socket] = []

    def answer(connection: socket.socket) -> None:
        accepted.append(connection)
        for status in (200, 200, 500, 200, 429, 200, 404, 200, 200, 200):
            connection.recv(65536)
            connection.sendall(f"HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nok".encode())

    with listening(answer) as port, transport(f"http://127.0.0.1:{port}") as made:
        replies = [made.get(LIST, {}, KEY) for _ in range(10)]

    assert [reply.body for reply in replies] == [b"ok"] * 10
    assert len(accepted) == 1


def test_as_many_connections_are_kept_as_were_asked_for(
    simulator: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """Four threads at once, again and again, stay on four connections."""
    caplog.set_level("DEBUG", "urllib3.connectionpool")
    with transport(simulator.url, connections=4) as made, ThreadPoolExecutor(4) as threads:
        replies = list(threads.map(lambda _: made.get(LIST, {}, KEY), range(40)))

    assert [reply.status for reply in replies] == [200] * 40
    assert 1 <= sum("Starting new HTTP" in line for line in caplog.messages) <= 4
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_a_connection_that_the_server_closed_meanwhile_is_made_anew() -> None:
    """An idle connection may end at any time; the next request does not notice."""
    closed = threading.Event()

    def answer(connection: socket.socket) -> None:
        says(GOOD)(connection)
        closed.set()

    with listening(answer) as port, transport(f"http://127.0.0.1:{port}") as made:
        assert made.get(LIST, {}, KEY).body == b"ok"
        assert closed.wait(5)
        assert made.get(LIST, {}, KEY).body == b"ok"


def test_no_descriptor_is_left_behind(simulator: Server) -> None:
    """A request that went well, and one that did not, give back all they took."""
    simulator.simulator.faults.add("truncated-connection:page=1")
    with transport(simulator.url) as made:
        made.get(LIST, {"page": "0"}, KEY)
        before = descriptors()
        for _ in range(20):
            made.get(LIST, {"page": "0"}, KEY)
            with pytest.raises(TransportError):
                made.get(LIST, {"page": "1"}, KEY)
            made.get(LIST, {"page": "0"}, KEY)
        eventually(lambda: descriptors() <= before, "descriptors are given back")


# The time is up


@pytest.mark.parametrize("fault", ["hang", "drip", "drip-head", "slow"])
def test_the_whole_request_ends_in_time(simulator: Server, fault: str) -> None:
    """No answer, or one that comes byte by byte, each of them in time, is cut off all the same."""
    simulator.simulator.faults.add(fault)

    reason, message, seconds = failure(simulator.url, timeout=TIMEOUT)

    assert (reason, message) == ("timeout", "no whole answer within 0.3 s")
    assert TIMEOUT - 0.01 <= seconds <= TIMEOUT + GRACE


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
@pytest.mark.parametrize("drips", [True, False])
def test_a_body_ends_in_time_however_its_end_is_marked(head: bytes, drips: bool) -> None:
    """Also where the connection ends with the body, so that a cut looks like an end."""
    pieces = (head, *[b" "] * (200 if drips else 0))

    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(0.01)
        connection.recv(1)  # until the other side leaves

    with listening(answer) as port:
        reason, _, seconds = failure(f"http://127.0.0.1:{port}", timeout=TIMEOUT)

    assert reason == "timeout"
    assert TIMEOUT - 0.01 <= seconds <= TIMEOUT + GRACE


def test_a_handshake_ends_in_time() -> None:
    """A server that takes the connection and never begins with TLS."""
    with listening(silent) as port:
        reason, _, seconds = failure(f"https://127.0.0.1:{port}", timeout=TIMEOUT)

    assert reason == "timeout"
    assert seconds <= TIMEOUT + GRACE


def test_all_addresses_of_a_host_share_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three addresses that do not answer take no longer than one."""
    with ExitStack() as open_:
        full = open_.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port = full.getsockname()[1]
        # It takes the one place that there is: others are not answered.
        open_.enter_context(socket.create_connection(("127.0.0.1", port)))
        one = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [one] * 3)

        reason, _, seconds = failure(f"http://braze.example:{port}", timeout=TIMEOUT)

    assert reason == "timeout"
    assert seconds <= TIMEOUT + GRACE


def test_an_address_that_does_not_answer_leaves_time_for_the_next(
    simulator: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of Braze's addresses may be out of reach: the others are tried within the same time."""
    with ExitStack() as open_:
        full = open_.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        dead = full.getsockname()
        open_.enter_context(socket.create_connection(dead))
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", address)
            for address in (dead, ("127.0.0.1", simulator.port))
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

        assert get(f"http://braze.example:{simulator.port}", timeout=1).status == 200


def test_a_later_request_has_its_whole_time(simulator: Server) -> None:
    """Who watches still waits for the deadline of one before, which has long ended; the later one
    is cut off at its own.
    """
    with transport(simulator.url, timeout=TIMEOUT) as made:
        assert made.get(LIST, {"page": "0"}, KEY).status == 200
        time.sleep(TIMEOUT / 2)
        simulator.simulator.faults.add("hang")
        begun = time.monotonic()
        with pytest.raises(TransportError, match="no whole answer"):
            made.get(LIST, {"page": "0"}, KEY)
        assert TIMEOUT - 0.01 <= time.monotonic() - begun <= TIMEOUT + GRACE


def test_a_request_that_is_late_leaves_the_others_alone(simulator: Server) -> None:
    """Threads share the transport, not their fate; and the late one's next request is fine."""
    simulator.simulator.faults.add("hang:page=1")
    with (
        transport(simulator.url, timeout=TIMEOUT, connections=2) as made,
        ThreadPoolExecutor(1) as threads,
    ):
        late = threads.submit(made.get, LIST, {"page": "1"}, KEY)
        while not late.done():
            assert made.get(LIST, {"page": "0"}, KEY).status == 200
        with pytest.raises(TransportError, match="no whole answer"):
            late.result()
        assert threads.submit(made.get, LIST, {"page": "0"}, KEY).result().status == 200


# The stop


@pytest.mark.parametrize("fault", ["hang", "drip", "drip-head"])
def test_abort_ends_a_request_at_once(simulator: Server, fault: str) -> None:
    """A thread in the middle of a read does not wait for its timeout."""
    simulator.simulator.faults.add(fault)
    with transport(simulator.url, timeout=30) as made, ThreadPoolExecutor(1) as threads:
        request = threads.submit(made.get, LIST, {}, KEY)
        eventually(lambda: simulator.requests, "the request arrives")
        begun = time.monotonic()
        made.abort()
        with pytest.raises(TransportError):
            request.result(5)

        assert time.monotonic() - begun < GRACE


@pytest.mark.parametrize(
    ("scheme", "answered"),
    [
        pytest.param("http", b"", id="not one byte has come back"),
        pytest.param("https", b"", id="nor one of the handshake"),
        # A head may end with its connection, and a body does where no length was given.
        pytest.param("http", b"HTTP/1.1 200 OK\r\nX-More: follows\r\n", id="within the head"),
        pytest.param("http", b"HTTP/1.1 200 OK\r\n\r\n{", id="within the body"),
    ],
)
def test_abort_ends_an_answer_at_once_wherever_it_is(scheme: str, answered: bytes) -> None:
    """And what has come of it until then is not taken for all of it."""
    arrived = threading.Event()

    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answered)
        arrived.set()
        connection.recv(1)  # until the other side leaves

    with (
        listening(answer) as port,
        transport(f"{scheme}://127.0.0.1:{port}", timeout=30) as made,
        ThreadPoolExecutor(1) as threads,
    ):
        request = threads.submit(made.get, LIST, {}, KEY)
        assert arrived.wait(5)
        begun = time.monotonic()
        made.abort()
        with pytest.raises(TransportError):
            request.result(5)

        assert time.monotonic() - begun < GRACE


def test_after_abort_nothing_is_sent(simulator: Server) -> None:
    """Neither on a kept connection nor on a new one."""
    with transport(simulator.url) as made:
        made.get(LIST, {}, KEY)
        simulator.forget()
        made.abort()
        for _ in range(2):
            with pytest.raises(TransportError):
                made.get(LIST, {}, KEY)

    assert simulator.requests == ()


# What is no whole answer


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("connection-reset", "connection"),
        ("truncated-connection", "connection"),
        ("endless-body", "too_large"),
        ("endless-gzip", "too_large"),
        ("large-body", "too_large"),
        ("gzip-bomb", "too_large"),
        ("bad-gzip", "invalid_response"),
    ],
)
def test_each_broken_answer_has_its_reason(simulator: Server, fault: str, reason: str) -> None:
    """And it takes no time to say so, however much there would be to read."""
    simulator.simulator.faults.add(fault)

    found = failure(simulator.url, timeout=10)

    assert found.reason == reason
    assert found.message
    assert found.seconds < 3


@pytest.mark.parametrize(("over", "fits"), [(0, True), (1, False)])
def test_a_body_may_have_8_mib_unpacked(over: int, fits: bool) -> None:
    """What counts is the size in memory, not that on the wire."""
    body = gzip.compress(b" " * (BODY_CAP + over), mtime=0)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    with listening(says(head.encode() + body)) as port:
        url = f"http://127.0.0.1:{port}"
        if fits:
            assert len(get(url).body) == BODY_CAP
        else:
            assert failure(url)[:2] == ("too_large", f"the body is over {BODY_CAP} bytes")


@pytest.mark.parametrize(
    "bytes_",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Filler: y\r\n" * 1000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a number\r\n",
    ],
)
def test_what_is_no_http_is_a_broken_connection(bytes_: bytes) -> None:
    """A peer that speaks something else, or nothing, is no Braze."""
    with listening(says(bytes_)) as port:
        assert failure(f"http://127.0.0.1:{port}").reason == "connection"


def test_nobody_listens() -> None:
    """The message says so in the words of the system, without URL and object names."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]

    assert failure(f"http://127.0.0.1:{port}")[:2] == (
        "connection",
        "ConnectionRefusedError: [Errno 111] Connection refused",
    )


def test_nobody_knows_the_host() -> None:
    """Its name is misspelled, or there is no resolver."""
    reason, message, _ = failure("https://rest.nosuch.invalid")

    assert reason == "connection"
    assert message.startswith("gaierror: ")


# At home


@pytest.mark.parametrize("fault", ["redirect", "redirect-301"])
def test_a_redirect_is_not_followed(simulator: Server, fault: str) -> None:
    """The simulator points to another name of itself: nothing arrives there."""
    simulator.simulator.faults.add(fault)

    reply = get(simulator.url)

    assert reply.status in (301, 302)
    assert reply.headers["location"] == f"http://localhost:{simulator.port}{LIST}"
    assert len(simulator.requests) == 1


def test_cookies_are_not_kept(simulator: Server) -> None:
    """Braze's load balancer may set some; a request of ours has none."""
    simulator.simulator.faults.add("set-cookie")
    with transport(simulator.url) as made:
        assert "set-cookie" in made.get(LIST, {}, KEY).headers
        made.get(LIST, {}, KEY)

    assert ["cookie" in request.headers for request in simulator.requests] == [False, False]


def test_netrc_does_not_replace_the_key(
    simulator: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`requests` on its own would send the password of .netrc instead."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    assert get(simulator.url).status == 200
    assert simulator.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_requests_go_through_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An http endpoint is asked for by its whole URL."""
    heard: list[bytes] = []

    def proxy(connection: socket.socket) -> None:
        for _ in range(2):
            heard.append(connection.recv(65536))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nproxied")

    with listening(proxy) as port:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
        with transport("http://rest.example.com") as made:
            replies = [
                made.get(LIST, {"page": "0"}, KEY),
                made.get("/segments/data_series", {"length": "1"}, KEY),
            ]

    assert [reply.body for reply in replies] == [b"proxied", b"proxied"]
    assert [line.partition(b"\r\n")[0] for line in heard] == [
        b"GET http://rest.example.com/segments/list?page=0 HTTP/1.1",
        b"GET http://rest.example.com/segments/data_series?length=1 HTTP/1.1",
    ]


def test_a_header_that_is_repeated_is_joined() -> None:
    """A gateway may add its own: neither of two limits is then the one to go by."""
    head = b"HTTP/1.1 200 OK\r\nX-Limit: 100\r\nContent-Length: 2\r\nx-limit: 5\r\n\r\n{}"
    with listening(says(head)) as port:
        assert get(f"http://127.0.0.1:{port}").headers["x-limit"] == "100, 5"


def test_an_answer_waits_while_a_page_is_made() -> None:
    """Reading it would keep the page from the interpreter."""
    sent = threading.Event()

    def answer(connection: socket.socket) -> None:
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")(connection)
        sent.set()

    with listening(answer) as port, ThreadPoolExecutor(1) as threads:
        take_way(60)
        reply = threads.submit(get, f"http://127.0.0.1:{port}")
        assert sent.wait(5)
        assert wait([reply], 0.1).not_done
        leave_way()
        assert reply.result(5).body == b"{}"


@pytest.mark.parametrize("begun", [b"", GOOD[:20], GOOD[:-1]], ids=["nothing", "head", "body"])
def test_while_an_answer_is_awaited_another_thread_computes(begun: bytes) -> None:
    """Nothing of it came yet, or half of its head or of its body."""
    arrived, go_on = threading.Event(), threading.Event()

    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(begun)
        arrived.set()
        go_on.wait(20)
        connection.sendall(GOOD[len(begun) :])

    with listening(answer) as port, ThreadPoolExecutor(2) as threads:
        request = threads.submit(in_turn, partial(get, f"http://127.0.0.1:{port}", timeout=30))
        assert arrived.wait(5)
        assert threads.submit(in_turn, lambda: not request.done()).result(10)
        go_on.set()
        assert request.result(5).body == b"ok"


def test_while_a_connection_is_made_another_thread_computes() -> None:
    """TLS included: this server does not say a word."""
    arrived, go_on = threading.Event(), threading.Event()

    def answer(_: socket.socket) -> None:
        arrived.set()
        go_on.wait(20)

    with listening(answer) as port, ThreadPoolExecutor(2) as threads:
        request = threads.submit(in_turn, partial(failure, f"https://127.0.0.1:{port}", timeout=15))
        assert arrived.wait(5)
        assert threads.submit(in_turn, lambda: not request.done()).result(10)
        go_on.set()


def in_turn(work: Callable[[], T]) -> T:
    """What it returns, done by this thread and no other at the same time."""
    with computing(60):
        return work()


def test_the_proxy_of_an_https_endpoint_does_not_learn_the_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is asked for a tunnel; when it refuses, nothing more is sent."""
    heard: list[bytes] = []

    def proxy(connection: socket.socket) -> None:
        heard.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")

    with listening(proxy) as port:
        monkeypatch.setenv("https_proxy", f"http://user:password@127.0.0.1:{port}")
        found = failure("https://rest.example.com")

    assert found.reason == "connection"
    assert "password" not in found.message
    assert heard[0].startswith(b"CONNECT rest.example.com:443 HTTP/1.")
    assert KEY.encode() not in b"".join(heard)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 407 not user:password\r\n\r\n", "OSError: Tunnel connection failed: 407"),
        (b"user:password is unknown here\r\n\r\n", "BadStatusLine"),
        (b"HTTP/1.1 password OK\r\n\r\n", "ValueError"),
    ],
)
def test_the_words_of_a_proxy_are_not_repeated(
    answer: bytes, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may hold the password it was sent."""
    with listening(says(answer)) as port:
        monkeypatch.setenv("https_proxy", f"http://user:password@127.0.0.1:{port}")
        found = failure("https://rest.example.com")

    assert (found.reason, found.message) == ("connection", said)


def test_a_proxy_that_hangs_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline holds for the way there as well."""
    with listening(silent) as port:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        reason, _, seconds = failure("https://rest.example.com", timeout=TIMEOUT)

    assert reason == "timeout"
    assert seconds <= TIMEOUT + GRACE


def test_no_proxy_is_honoured(simulator: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosts that the environment excepts are asked directly."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    assert get(simulator.url).status == 200


# TLS


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for 127.0.0.1 in one file, which nobody trusts."""
    folder = tmp_path_factory.mktemp("certificate")
    subject = ["-subj", "/CN=braze", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run(
        ["openssl", "req", *kind, *subject, "-keyout", "key", "-out", "cert"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    both = folder / "both.pem"
    both.write_bytes((folder / "key").read_bytes() + (folder / "cert").read_bytes())
    return both


@contextmanager
def secure(
    certificate: Path,
    answer: Callable[[socket.socket], None],
    spoil: Callable[[ssl.SSLContext], object] = lambda _: None,
) -> Iterator[int]:
    """A TLS server on a free port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    spoil(context)

    def shake_hands(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            answer(wrapped)

    with listening(shake_hands) as port:
        yield port


def test_an_untrusted_certificate_is_refused(certificate: Path) -> None:
    """And the key never leaves."""
    heard: list[bytes] = []
    with secure(certificate, lambda connection: heard.append(connection.recv(65536))) as port:
        reason, message, _ = failure(f"https://127.0.0.1:{port}")

    assert reason == "tls"
    assert "certificate verify failed" in message
    assert KEY.encode() not in b"".join(heard)


def test_a_certificate_of_another_host_is_refused(certificate: Path) -> None:
    """Trusted or not."""
    with secure(certificate, says(GOOD)) as port:
        reason, message, _ = failure(f"https://localhost:{port}", ca_file=certificate)

    assert reason == "tls"
    assert "mismatch" in message


def test_a_certificate_of_ca_file_is_trusted(certificate: Path) -> None:
    """Requests over TLS, and connections that are kept."""

    def answer(connection: socket.socket) -> None:
        for _ in range(3):
            connection.recv(65536)
            connection.sendall(GOOD)
        connection.recv(1)

    with (
        secure(certificate, answer) as port,
        transport(f"https://127.0.0.1:{port}", ca_file=certificate) as made,
    ):
        assert [made.get(LIST, {}, KEY).body for _ in range(3)] == [b"ok"] * 3


def only_tls_1_1(context: ssl.SSLContext) -> None:
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")


def only(suite: str) -> Callable[[ssl.SSLContext], None]:
    def choose(context: ssl.SSLContext) -> None:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(f"{suite}:@SECLEVEL=0")

    return choose


@pytest.mark.parametrize(
    "spoil",
    [only_tls_1_1, only("ECDHE-ECDSA-NULL-SHA"), only("AECDH-AES128-SHA")],
    ids=["TLS 1.1", "no encryption", "no certificate"],
)
def test_weak_tls_is_refused(certificate: Path, spoil: Callable[[ssl.SSLContext], object]) -> None:
    """Whatever a server may offer: nothing older than TLS 1.2, no suite that protects nothing."""
    heard: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        heard.append(connection.recv(65536))
        connection.sendall(GOOD)

    with secure(certificate, answer, spoil) as port:
        assert failure(f"https://127.0.0.1:{port}", ca_file=certificate).reason == "tls"
    assert heard == []
    with secure(certificate, answer, only("ECDHE-ECDSA-AES128-GCM-SHA256")) as port:
        assert get(f"https://127.0.0.1:{port}", ca_file=certificate).body == b"ok"


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_usual_variables_name_a_bundle(
    certificate: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `requests` and curl have it."""
    monkeypatch.setenv(name, str(certificate))
    with secure(certificate, says(GOOD)) as port:
        assert get(f"https://127.0.0.1:{port}").body == b"ok"


def test_plain_http_where_tls_was_expected_is_a_tls_failure() -> None:
    """The port of the wrong service."""
    with listening(says(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        assert failure(f"https://127.0.0.1:{port}").reason == "tls"


@pytest.mark.parametrize("how", ["the time is up", "abort"])
def test_a_request_over_tls_is_cut_off_as_well(certificate: Path, how: str) -> None:
    """The cut goes through the encryption, on a connection that was used before."""
    arrived = threading.Event()

    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(GOOD)
        connection.recv(65536)
        arrived.set()
        connection.recv(1)

    timeout = TIMEOUT if how == "the time is up" else 30
    with (
        secure(certificate, answer) as port,
        transport(f"https://127.0.0.1:{port}", timeout=timeout, ca_file=certificate) as made,
        ThreadPoolExecutor(1) as threads,
    ):
        made.get(LIST, {}, KEY)
        begun = time.monotonic()
        request = threads.submit(made.get, LIST, {}, KEY)
        assert arrived.wait(5)
        if how == "abort":
            made.abort()
        with pytest.raises(TransportError) as raised:
            request.result(5)

    assert time.monotonic() - begun < TIMEOUT + GRACE
    assert how == "abort" or raised.value.reason == "timeout"
