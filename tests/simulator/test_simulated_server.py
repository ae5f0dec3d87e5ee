"""The simulator on a real socket: what it sends, how it misbehaves, and what it remembers."""

import gzip
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from exporter.simulator import Server, Simulator, World, serve

NOW = datetime(2026, 9, 15, 12, 20, 30, tzinfo=UTC)
LIST = "/segments/list"
AUTHORIZATION = {"Authorization": "Bearer demo"}
REQUEST = b"GET /segments/list HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer demo\r\n\r\n"
SOON = 5.0  # seconds: an upper bound for what takes milliseconds


@pytest.fixture
def braze() -> Iterator[Server]:
    with serve(Simulator(World(1, NOW), lambda: NOW)) as server:
        yield server


def connection(server: Server) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", server.port, timeout=SOON)


def get(server: Server, target: str = LIST, **headers: str) -> tuple[int, bytes]:
    with closing(connection(server)) as client:
        client.request("GET", target, headers={**AUTHORIZATION, **headers})
        with client.getresponse() as response:
            return response.status, response.read()


def raw(server: Server) -> socket.socket:
    """A connection on which the request for the list has been sent."""
    client = socket.create_connection(("127.0.0.1", server.port), timeout=SOON)
    client.sendall(REQUEST)
    return client


def test_it_answers_over_http(braze: Server) -> None:
    """What it sends is what the simulator answers, on one connection as often as asked."""
    expected = braze.simulator.respond("GET", LIST, [], AUTHORIZATION)
    with closing(connection(braze)) as client:
        for _ in range(3):
            client.request("GET", f"{LIST}?page=0", headers=AUTHORIZATION)
            with client.getresponse() as response:
                assert response.status == 200
                assert (
                    json.loads(response.read())["segments"] == json.loads(expected.body)["segments"]
                )
                assert response.getheader("Server") == "nginx"
                assert response.getheader("Date") == "Tue, 15 Sep 2026 12:20:30 GMT"
    assert braze.url == f"http://127.0.0.1:{braze.port}"


def test_it_compresses_for_who_asks_for_it(braze: Server) -> None:
    """And the length is that of what is sent."""
    _, body = get(braze, **{"Accept-Encoding": "gzip"})
    assert "segments" in json.loads(gzip.decompress(body))


def test_other_methods_are_answered_too(braze: Server) -> None:
    """With 404 and a closed connection; HEAD without a body."""
    for method, empty in (("POST", False), ("HEAD", True)):
        with closing(connection(braze)) as client:
            client.request(
                method, LIST, body=b"x" if method == "POST" else None, headers=AUTHORIZATION
            )
            with client.getresponse() as response:
                assert response.status == 404
                assert response.getheader("Connection") == "close"
                assert (response.read() == b"") == empty


def test_it_remembers_what_it_received(braze: Server) -> None:
    """Target, decoded query, headers with the key, and the moment; until told to forget."""
    get(
        braze,
        "/sessions/data_series?length=2&ending_at=2026-09-01T00%3A00%3A00%2B02:00",
        **{"User-Agent": "me/1"},
    )
    (received,) = braze.requests
    assert (received.method, received.path) == ("GET", "/sessions/data_series")
    assert received.target.endswith("%2B02:00")
    assert received.query == {"length": "2", "ending_at": "2026-09-01T00:00:00+02:00"}
    assert received.headers["authorization"] == "Bearer demo"
    assert received.headers["user-agent"] == "me/1"
    assert received.at == NOW
    assert received.concurrency == 1
    braze.forget()
    assert braze.requests == ()


def test_it_knows_how_many_requests_it_answered_at_once(braze: Server) -> None:
    """Three that hang are three; one after the other they are one."""
    for _ in range(20):
        get(braze)
    assert braze.peak_concurrency == 1
    braze.simulator.faults.add("hang")
    clients = [raw(braze) for _ in range(3)]
    wait_for(lambda: len(braze.requests) == 23)
    assert braze.peak_concurrency == 3
    assert sorted(each.concurrency for each in braze.requests[-3:]) == [1, 2, 3]
    for client in clients:
        client.close()


def wait_for(condition: Callable[[], bool]) -> None:
    """Until it holds, or fail."""
    end = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_faults_can_come_and_go_while_it_runs(braze: Server) -> None:
    """From one request to the next."""
    braze.simulator.faults.add("server-error-503-html@/segments/list")
    assert get(braze)[0] == 503
    braze.simulator.faults.clear()
    assert get(braze)[0] == 200


def test_slow_answers_after_two_seconds(braze: Server) -> None:
    """And then as ever."""
    braze.simulator.faults.add("slow")
    begin = time.monotonic()
    assert get(braze)[0] == 200
    assert 2.0 <= time.monotonic() - begin < 2.0 + SOON


def test_every_answer_can_take_its_time() -> None:
    """As with the real one, so that concurrency matters."""
    with serve(Simulator(World(1, NOW), lambda: NOW), latency=0.2) as server:
        begin = time.monotonic()
        assert get(server)[0] == 200
        assert time.monotonic() - begin >= 0.2


@pytest.mark.parametrize("fault", ["drip", "drip-head"])
def test_drip_sends_byte_by_byte(braze: Server, fault: str) -> None:
    """The head, or the body after a head that comes at once."""
    braze.simulator.faults.add(fault)
    with closing(raw(braze)) as client:
        pieces = [client.recv(65536) for _ in range(4)]
    assert (b"\r\n\r\n" in pieces[0]) == (fault == "drip")
    assert all(0 < len(piece) < 50 for piece in pieces[1:])  # 1, unless this process was held up


def test_a_truncated_connection_announces_more_than_it_sends(braze: Server) -> None:
    """So a client that counts is not satisfied."""
    braze.simulator.faults.add("truncated-connection")
    with pytest.raises(http.client.IncompleteRead):
        get(braze)


def test_a_reset_connection_is_an_error_of_the_connection(braze: Server) -> None:
    """Not an end of the stream: RST, not FIN."""
    braze.simulator.faults.add("connection-reset")
    with closing(raw(braze)) as client, pytest.raises(ConnectionResetError):
        client.recv(1)


def test_an_endless_body_goes_on(braze: Server) -> None:
    """For longer than anybody should read, and uncompressed even for who asked for gzip."""
    braze.simulator.faults.add("endless-body")
    with closing(connection(braze)) as client:
        client.request("GET", LIST, headers={**AUTHORIZATION, "Accept-Encoding": "gzip"})
        with client.getresponse() as response:
            assert response.getheader("Content-Encoding") == "identity"
            assert len(response.read(4 * 2**20)) == 4 * 2**20


@pytest.mark.parametrize(
    "fault", ["hang", "slow", "drip", "drip-head", "endless-body", "large-body"]
)
def test_closing_ends_every_wait_at_once(fault: str) -> None:
    """Whatever it is doing to whomever; and an idle connection as well."""
    threads = set(threading.enumerate())
    with (
        serve(Simulator(World(1, NOW), lambda: NOW)) as server,
        closing(connection(server)) as idle,
    ):
        idle.request("GET", LIST, headers=AUTHORIZATION)
        idle.getresponse().read()
        server.simulator.faults.add(fault)
        with closing(raw(server)):  # which never reads
            wait_for(lambda: len(server.requests) == 2)
            begin = time.monotonic()
            server.close()
            assert time.monotonic() - begin < 1.5
        wait_for(lambda: set(threading.enumerate()) <= threads)
        with pytest.raises(ConnectionRefusedError):
            raw(server)
        server.close()  # once more is fine


def test_a_client_that_leaves_is_not_waited_for(braze: Server) -> None:
    """A hanging request ends when its client gives up."""
    braze.simulator.faults.add("hang*1")
    with closing(raw(braze)):
        wait_for(lambda: len(braze.requests) == 1)
    wait_for(lambda: (get(braze), braze.requests[-1].concurrency)[1] == 1)


def test_it_is_quiet_and_its_log_has_no_key(capfd: pytest.CaptureFixture[str]) -> None:
    """A line a request for who wants it, and nothing on the terminal."""
    lines: list[str] = []
    with serve(Simulator(World(1, NOW), lambda: NOW), log=lines.append) as server:
        get(server, "/sessions/data_series?length=1")
        with closing(socket.create_connection(("127.0.0.1", server.port), timeout=SOON)) as client:
            client.sendall(b"nonsense\r\n\r\n")
            assert b"400" in client.recv(65536)
    assert lines == ["GET /sessions/data_series?length=1 200"]
    assert capfd.readouterr() == ("", "")


def test_it_listens_where_it_is_told() -> None:
    """On a port of its own choice or on a given one, which must be free."""
    simulator = Simulator(World(1, NOW), lambda: NOW)
    with serve(simulator) as first:
        with pytest.raises(OSError, match="in use"):
            serve(simulator, port=first.port)
        port = first.port
    with serve(simulator, port=port) as second:
        assert second.port == port
