"""TLS on real sockets: who is let in, what is agreed on, and what silent clients cannot do."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from exporter.admission import Policy
from exporter.loopback import ask as ask_health
from exporter.negotiation import Format
from exporter.server import Limits, Server
from exporter.tls import alternative_names
from exporter.web import Site, make_site
from exporter.webconfig import read
from tests.certificates import Authority
from tests.doubles import closed

LARGE = b"0123456789abcde\n" * (1 << 18)  # 4 MiB
PROMPT = 2.0


def fine() -> str | None:
    return None


def site(body: bytes = b"braze_up 1\n") -> Site:
    def metrics(_: Format, _gzip: bool) -> bytes:
        return body

    return make_site(metrics=metrics, healthy=fine, ready=fine, reload=fine, pages={})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    """Signs the server's certificate and those of clients."""
    made = Authority(folder)
    made.issue("server")
    return made


@pytest.fixture(scope="module")
def scraper(authority: Authority) -> tuple[Path, Path]:
    """The certificate of a client."""
    return authority.issue("scraper", "prometheus.example", "10.0.0.7", "fd00::1")


def policy(folder: Path, *lines: str) -> Policy:
    """What a web.config.file with these lines about TLS asks for."""
    path = folder / "web.yml"
    both = ("cert_file: server.pem", "key_file: server.key", *lines)
    path.write_text("tls_server_config:\n" + "".join(f"  {line}\n" for line in both))
    attempt = read(path)
    assert attempt.policy is not None, attempt.mistakes
    return attempt.policy


def demanding(folder: Path, *lines: str) -> Policy:
    """One that lets nobody in without a certificate."""
    wanted = ("client_auth_type: RequireAndVerifyClientCert", "client_ca_file: ca.pem")
    return policy(folder, *wanted, *lines)


@contextmanager
def serving(
    by: Policy | Callable[[], Policy], limits: Limits | None = None, body: bytes = b"braze_up 1\n"
) -> Iterator[Server]:
    asked = by if callable(by) else lambda: by
    server = Server(["127.0.0.1:0"], site(body), limits, asked)
    server.start()
    try:
        yield server
    finally:
        server.stop(timeout=0.2)
        assert not server.alive


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


def port_of(server: Server) -> int:
    return int(server.addresses[0].rpartition(":")[2])


def opened(server: Server, context: ssl.SSLContext) -> http.client.HTTPSConnection:
    return http.client.HTTPSConnection(
        "localhost", port_of(server), timeout=PROMPT, context=context
    )


@contextmanager
def tls(server: Server, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    """A connection of which the handshake is done, and nothing more."""
    with context.wrap_socket(connect(server), server_hostname="localhost") as client:
        yield client


def answer(connection: http.client.HTTPSConnection, path: str = "/metrics") -> Answer:
    connection.request("GET", path)
    response = connection.getresponse()
    return Answer(response.status, dict(response.headers), response.read())


def ask(server: Server, context: ssl.SSLContext, path: str = "/metrics") -> Answer:
    """The answer on a connection of its own."""
    connection = opened(server, context)
    try:
        return answer(connection, path)
    finally:
        connection.close()


def connect(server: Server, *sent: bytes) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port_of(server)), timeout=PROMPT)
    for data in sent:
        client.sendall(data)
    return client


def test_a_large_page_arrives_whole(authority: Authority, folder: Path) -> None:
    """Over a connection that is used again, at both versions of TLS."""
    with serving(policy(folder), body=LARGE) as server:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = authority.client()
            context.minimum_version = context.maximum_version = version
            connection = opened(server, context)
            assert [answer(connection).body == LARGE for _ in range(3)] == [True] * 3
            connection.close()


@pytest.mark.usefixtures("authority")
def test_plain_http_is_not_answered(folder: Path) -> None:
    """Nothing goes out unencrypted where TLS is on."""
    with serving(policy(folder)) as server:
        with connect(server, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n") as client:
            received = b"".join(iter(lambda: client.recv(1 << 16), b""))

        assert b"HTTP" not in received
        assert b"braze" not in received


def test_nothing_older_than_tls_1_2_is_spoken(authority: Authority, folder: Path) -> None:
    """By default; and with min_version nothing older than 1.3."""
    old, new = authority.client(), authority.client()
    old.set_ciphers("DEFAULT@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    new.maximum_version = ssl.TLSVersion.TLSv1_2
    with serving(policy(folder)) as server:
        with pytest.raises(ssl.SSLError):
            ask(server, old)
        assert ask(server, new).status == 200
    with serving(policy(folder, "min_version: TLS13")) as server, pytest.raises(ssl.SSLError):
        ask(server, new)


@pytest.mark.parametrize(
    "suite", ["ECDHE-ECDSA-NULL-SHA", "AECDH-AES128-SHA", "ECDHE-ECDSA-AES128-SHA"]
)
def test_weak_suites_are_refused(authority: Authority, folder: Path, suite: str) -> None:
    """Without encryption, without a certificate, or of CBC, unless it was chosen."""
    context = authority.client()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{suite}:@SECLEVEL=0")
    with serving(policy(folder)) as server, pytest.raises(ssl.SSLError):
        ask(server, context)


def test_the_suites_and_the_curve_that_were_chosen_are_used(
    authority: Authority, folder: Path
) -> None:
    """In the words of Go."""
    wanted = policy(
        folder,
        "max_version: TLS12",
        "cipher_suites: [TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256]",
        "curve_preferences: [CurveP384]",
    )
    with serving(wanted) as server:
        with tls(server, authority.client()) as client:
            assert (client.cipher() or ("",))[0] == "ECDHE-ECDSA-CHACHA20-POLY1305"
        other = authority.client()
        other.set_ecdh_curve("prime256v1")
        with pytest.raises(ssl.SSLError):
            ask(server, other)


# --- certificates of clients ------------------------------------------------------------------


def test_without_a_certificate_only_health_is_answered(
    authority: Authority, folder: Path, scraper: tuple[Path, Path]
) -> None:
    """So that probes, which have none, can ask for it. The answer says what is missing."""
    with serving(demanding(folder)) as server:
        nobody = authority.client()

        for path in ("/metrics", "/", "/-/reload", "/nowhere", "/-/healthy/", "//-/healthy"):
            refusal = ask(server, nobody, path)
            assert (refusal.status, refusal.body) == (
                403,
                b"a client certificate is needed here\n",
            ), path
        assert ask(server, nobody, "/-/healthy").status == 200
        assert ask(server, nobody, "/-/ready").status == 200
        assert ask(server, authority.client(scraper)).status == 200


def test_a_certificate_of_a_stranger_ends_the_handshake(
    authority: Authority, folder: Path, tmp_path: Path
) -> None:
    """Also where none would be needed."""
    strange = Authority(tmp_path).issue("scraper")
    optional = policy(folder, "client_auth_type: VerifyClientCertIfGiven", "client_ca_file: ca.pem")
    for by in (demanding(folder), optional):
        with serving(by) as server, pytest.raises((ssl.SSLError, ConnectionError)):
            ask(server, authority.client(strange), "/-/healthy")


def test_a_certificate_that_may_be_given_need_not(
    authority: Authority, folder: Path, scraper: tuple[Path, Path]
) -> None:
    """VerifyClientCertIfGiven lets in who shows none."""
    optional = policy(folder, "client_auth_type: VerifyClientCertIfGiven", "client_ca_file: ca.pem")
    with serving(optional) as server:
        assert ask(server, authority.client()).status == 200
        assert ask(server, authority.client(scraper)).status == 200


@pytest.mark.parametrize(
    ("allowed", "status"),
    [
        ("prometheus.example", 200),
        ("10.0.0.7", 200),
        ("FD00:0::1", 200),
        ("other.example", 403),
        ("example", 403),
        ("10.0.0.70", 403),
    ],
)
def test_client_allowed_sans(
    authority: Authority, folder: Path, scraper: tuple[Path, Path], allowed: str, status: int
) -> None:
    """One of the certificate's alternative names must be one of those; all kinds count."""
    by = demanding(folder, f"client_allowed_sans: ['{allowed}', somebody@example.com]")
    with serving(by) as server:
        assert ask(server, authority.client(scraper)).status == status


def test_all_kinds_of_alternative_names_count() -> None:
    """As ssl describes them; an IPv6 address comes in its long form."""
    kinds = (
        ("DNS", "a.example"),
        ("email", "a@example.com"),
        ("URI", "spiffe://example/a"),
        ("IP Address", "0:0:0:0:0:0:0:1\n"),
    )

    assert alternative_names({"subjectAltName": kinds}) == {
        "a.example",
        "a@example.com",
        "spiffe://example/a",
        "::1",
    }
    assert alternative_names({}) == frozenset()


@pytest.mark.usefixtures("authority")
def test_the_health_check_needs_no_certificate(folder: Path) -> None:
    """It finds out itself that TLS is spoken, and takes any certificate: it asks this machine."""
    for by in (Policy(), policy(folder), demanding(folder)):
        with serving(by) as server:
            assert ask_health("127.0.0.1", port_of(server), "/-/healthy") == (200, "healthy")


@pytest.mark.usefixtures("authority")
@pytest.mark.parametrize(("address", "hosts"), [("[::1]:0", ["::1"]), (":0", ["::1", "127.0.0.1"])])
def test_tls_is_spoken_on_every_address(folder: Path, address: str, hosts: list[str]) -> None:
    """Over IPv6, and over both at once; several addresses have one policy."""
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    by = policy(folder)
    server = Server([address, "127.0.0.1:0"], site(), policy=lambda: by)
    server.start()
    try:
        first, second = (int(each.rpartition(":")[2]) for each in server.addresses)
        for host, port in [*((host, first) for host in hosts), ("127.0.0.1", second)]:
            assert ask_health(host, port, "/-/healthy") == (200, "healthy")
            with socket.create_connection((host, port), timeout=PROMPT) as plain:
                plain.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
                assert closed(plain)
    finally:
        server.stop()


# --- certificates that change -----------------------------------------------------------------


def serial(server: Server, authority: Authority) -> object:
    with tls(server, authority.client()) as client:
        return (client.getpeercert() or {})["serialNumber"]


def test_a_new_certificate_is_used_at_once(authority: Authority, folder: Path) -> None:
    """New connections see it; one that was open gets its next answer, and learns that it ends."""
    current = [policy(folder)]
    with serving(lambda: current[0]) as server:
        before = serial(server, authority)
        connection = opened(server, authority.client())
        assert "Connection" not in answer(connection).headers

        authority.issue("server")
        current[0] = policy(folder)

        assert serial(server, authority) != before
        last = answer(connection)
        assert (last.status, last.headers["Connection"]) == (200, "close")
        connection.close()


def test_an_authority_that_is_no_longer_trusted_counts_no_more(
    authority: Authority, folder: Path, scraper: tuple[Path, Path]
) -> None:
    """Not even for a session that a client takes up again."""
    current = [demanding(folder)]
    client = authority.client(scraper)
    client.maximum_version = ssl.TLSVersion.TLSv1_2  # whose sessions are known at once

    def resumed(session: ssl.SSLSession | None) -> tuple[bytes, ssl.SSLSession | None]:
        try:
            with client.wrap_socket(
                connect(server), server_hostname="localhost", session=session
            ) as sock:
                assert sock.session_reused == (session is not None)
                sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
                return sock.recv(12), sock.session
        except (ssl.SSLError, ConnectionError):
            return b"", None

    with serving(lambda: current[0]) as server:
        _, session = resumed(None)
        assert resumed(session)[0] == b"HTTP/1.1 200"

        lines = ("client_auth_type: RequireAndVerifyClientCert", "client_ca_file: other/ca.pem")
        (folder / "other").mkdir()
        Authority(folder / "other")
        current[0] = policy(folder, *lines)

        assert resumed(session)[0] == b""


# --- clients that say nothing -----------------------------------------------------------------


def test_two_hundred_silent_clients_delay_no_scrape(authority: Authority, folder: Path) -> None:
    """Before the handshake, in its middle and after it; all are given up in time."""
    context = authority.client()
    half = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"  # the beginning of a ClientHello
    with (
        serving(policy(folder), Limits(request_seconds=1.5), LARGE) as server,
        ExitStack() as open_,
    ):
        silent = [open_.enter_context(connect(server)) for _ in range(100)]
        silent += [open_.enter_context(connect(server, half)) for _ in range(80)]
        slow = [
            open_.enter_context(context.wrap_socket(connect(server), server_hostname="localhost"))
            for _ in range(20)
        ]
        for client in slow:
            client.sendall(b"GET /metr")
        begun = time.monotonic()
        while time.monotonic() - begun < 1.0:
            asked = time.monotonic()
            assert ask(server, context).body == LARGE
            assert time.monotonic() - asked < PROMPT / 2

        assert all(closed(client) for client in (*silent, *slow))
        assert ask(server, context).status == 200


def test_clients_in_the_handshake_count_among_the_connections(
    authority: Authority, folder: Path
) -> None:
    """However many come: the oldest goes, and a scrape finds a place."""
    limits = Limits(connections=4, request_seconds=30)
    with serving(policy(folder), limits) as server, ExitStack() as open_:
        silent = [open_.enter_context(connect(server)) for _ in range(8)]

        assert ask(server, authority.client()).status == 200
        assert [closed(client) for client in silent[:4]] == [True] * 4


def test_stopping_does_not_wait_for_handshakes(authority: Authority, folder: Path) -> None:
    """Whoever has not even begun is hung up on."""
    with serving(policy(folder), Limits(request_seconds=30)) as server, connect(server) as silent:
        assert ask(server, authority.client()).status == 200
        begun = time.monotonic()
        threading.Thread(target=server.stop).start()

        assert closed(silent)
        assert time.monotonic() - begun < PROMPT
