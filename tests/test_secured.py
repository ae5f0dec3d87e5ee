"""TLS, client certificates and basic auth as they are used: by curl, by a Prometheus server."""

import base64
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from socket import create_connection, socket
from typing import NamedTuple, Self

import bcrypt
import pytest

from exporter.cli import main
from exporter.loopback import ask
from exporter.simulator import Server
from tests.certificates import HASH, PASSWORD, Authority
from tests.doubles import KEY, Process, eventually, simulated
from tests.machine import free_port, program
from tests.stack import Prometheus, stack, until

TLS = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"
CLIENTS = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n"
DEAR = bcrypt.hashpw(b"battery staple", bcrypt.gensalt(11)).decode()  # 150 ms
USERS = f"basic_auth_users:\n  prometheus: {HASH}\n  carol: {DEAR}\n"
HEADERS = "http_server_config:\n  headers:\n    Strict-Transport-Security: max-age=31536000\n"


class Secured(NamedTuple):
    """An exporter that runs, and what belongs to its file."""

    folder: Path
    authority: Authority
    client: tuple[Path, Path]
    port: int
    process: Process

    @property
    def words_of_curl(self) -> list[str]:
        """All that is needed to be let in."""
        cert, key = map(str, self.client)
        trust = ["--cacert", str(self.authority.file), "--cert", cert, "--key", key]
        return [*trust, "--user", f"prometheus:{PASSWORD}"]

    @property
    def words(self) -> list[str]:
        """The flags of its settings."""
        return [f"--config.file={self.folder / 'exporter.yml'}"]


@contextmanager
def secured(folder: Path, web: str, simulator: Server) -> Iterator[Secured]:
    """An exporter with this web.config.file, which serves."""
    authority = Authority(folder)
    authority.issue("server")
    port = free_port()
    (folder / "web.yml").write_text(web)
    (folder / "exporter.yml").write_text(
        f"workspaces:\n  shop:\n    endpoint: {simulator.url}\n    api_key: {KEY}\n"
        f"web:\n  listen_address: 127.0.0.1:{port}\n  config_file: web.yml\n"
    )
    (folder / "process").mkdir()
    process = Process(folder / "process", "serve", f"--config.file={folder / 'exporter.yml'}")
    made = Secured(folder, authority, authority.issue("client"), port, process)
    try:
        eventually(lambda: answers(port), "it serves", 20)
        yield made
        assert process.terminate()[0] == 0
    finally:
        process.kill()


def answers(port: int) -> bool:
    try:
        return ask("127.0.0.1", port, "/-/ready")[0] == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def braze() -> Iterator[Server]:
    with simulated() as server:
        yield server


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory, braze: Server) -> Iterator[Secured]:
    """One with all of it: TLS, certificates of clients, a user, a header."""
    folder = tmp_path_factory.mktemp("secured")
    with secured(folder, TLS + CLIENTS + USERS + HEADERS, braze) as made:
        yield made


def curl(exporter: Secured, path: str, *words: str) -> tuple[int, str]:
    """Exit code and what was answered, the status in the first line."""
    command = [program("curl", "curl"), "--silent", "--include", "--max-time", "5", *words]
    ran = subprocess.run(
        [*command, f"https://localhost:{exporter.port}{path}"], capture_output=True, text=True
    )
    return ran.returncode, ran.stdout


def test_curl_with_all_that_is_needed(everything: Secured) -> None:
    """Authority, certificate and password: the metrics, and the header that was asked for."""
    cert, key = everything.client
    trust = ("--cacert", str(everything.authority.file))
    shown = ("--cert", str(cert), "--key", str(key))
    user = ("--user", f"prometheus:{PASSWORD}")

    code, answered = curl(everything, "/metrics", *trust, *shown, *user)
    assert code == 0
    assert answered.startswith("HTTP/1.1 200")
    assert "Strict-Transport-Security: max-age=31536000" in answered
    assert "braze_segment_size{" in answered

    assert curl(everything, "/metrics", *shown, *user)[0] == 60  # its authority is not known
    assert curl(everything, "/metrics", *trust, *user)[1].startswith("HTTP/1.1 403")
    assert curl(everything, "/metrics", *trust, *shown)[1].startswith("HTTP/1.1 401")
    wrong = ("--user", "prometheus:guess")
    assert curl(everything, "/metrics", *trust, *shown, *wrong)[1].startswith("HTTP/1.1 401")
    assert curl(everything, "/-/ready", *trust)[1].startswith("HTTP/1.1 200")
    assert curl(everything, "/metrics", *trust, *shown, *user, "--tls-max", "1.1")[0] == 35


def test_a_reload_needs_the_password_too(everything: Secured) -> None:
    """Only health is for everybody."""
    cert, key = everything.client
    words = ("--cacert", str(everything.authority.file), "--cert", str(cert), "--key", str(key))
    post = ("--request", "POST")

    assert curl(everything, "/-/reload", *words, *post)[1].startswith("HTTP/1.1 401")
    user = ("--user", f"prometheus:{PASSWORD}")
    assert curl(everything, "/-/reload", *words, *post, *user)[1].startswith("HTTP/1.1 200")


def test_the_health_check_needs_nothing(
    everything: Secured, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither certificate nor password nor the file: also in an image that gets flags only."""
    assert main(["healthcheck", *everything.words]) == 0
    assert capsys.readouterr().out == "healthy\n"
    assert main(["healthcheck", f"--web.listen-address=127.0.0.1:{everything.port}"]) == 0


@pytest.fixture(scope="module")
def prometheus(
    everything: Secured, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """A server that scrapes it each second, with what docs/web-config.md tells it to have."""
    cert, key = everything.client
    scrape = {
        "job_name": "braze",
        "scheme": "https",
        "tls_config": {
            "ca_file": str(everything.authority.file),
            "cert_file": str(cert),
            "key_file": str(key),
        },
        "basic_auth": {"username": "prometheus", "password": PASSWORD},
        "static_configs": [{"targets": [f"localhost:{everything.port}"]}],
    }
    folder = tmp_path_factory.mktemp("prometheus")
    with stack(folder) as processes:
        server = processes.prometheus_on(folder / "data", scrape_configs=[scrape])
        until(lambda: [*server.query("up").values()] == [1.0], "the first scrape")
        yield server


def test_prometheus_scrapes_it(prometheus: Prometheus) -> None:
    """With certificate and password."""
    until(lambda: prometheus.query("braze_segment_size"), "sizes")


class Load:
    """Scrapes without a pause, each client in its own way, until it ends; keeps what failed."""

    def __init__(self, exporter: Secured, clients: int) -> None:
        self.failures: list[str] = []
        self.answers = 0
        self.longest = 0.0  # seconds from a request to the end of its answer
        self.serials: set[object] = set()
        self._exporter = exporter
        self._end = threading.Event()
        self._threads = [
            threading.Thread(target=self._scrape, args=(number % 2 == 0,))
            for number in range(clients)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(10)

    def _scrape(self, keep: bool) -> None:
        """On one connection for as long as it lasts, or on a new one each time."""
        context = self._exporter.authority.client(self._exporter.client)
        connection = HTTPSConnection("localhost", self._exporter.port, timeout=5, context=context)
        header = {"Authorization": "Basic cHJvbWV0aGV1czpjb3JyZWN0IGhvcnNl"}
        while not self._end.wait(0.01):
            begun = time.monotonic()
            try:
                connection.request("GET", "/metrics", headers=header)
                self.serials.add((connection.sock.getpeercert() or {}).get("serialNumber"))
                response = connection.getresponse()
                body = response.read()
                if response.status != 200 or b"braze_segment_size{" not in body:
                    self.failures.append(f"{response.status}")
                self.answers += 1
                self.longest = max(self.longest, time.monotonic() - begun)
            except (OSError, HTTPException) as error:
                self.failures.append(repr(error))
            if not keep:
                connection.close()
        connection.close()


def test_a_certificate_is_replaced_without_a_failed_scrape(
    everything: Secured, prometheus: Prometheus
) -> None:
    """Under load, five times; broken versions in between do no harm."""
    with Load(everything, clients=4) as load:
        for expected in range(2, 7):
            everything.authority.issue("server")
            until(lambda: len(load.serials) >= expected, "the new certificate", 10)  # noqa: B023
            if expected == 4:
                (everything.folder / "server.key").write_text("broken")
                until(lambda: "stays as it was" in everything.process.err, "word of it", 10)
        time.sleep(1.5)  # for Prometheus to scrape once more

    assert load.failures == []
    assert load.answers > 20
    assert min(prometheus.query("min_over_time(up[1m])").values()) == 1


def test_a_broken_file_shows_until_it_is_mended(
    everything: Secured, prometheus: Prometheus
) -> None:
    """In the log with its place, and in the metric that BrazeReloadFailed watches."""
    good = "braze_exporter_config_last_reload_successful"
    read = "braze_exporter_config_last_reload_success_timestamp_seconds"
    moment = prometheus.query(read)
    web = everything.folder / "web.yml"
    content = web.read_text()
    web.write_text(content + "rate_limit: {}\n")

    until(lambda: [*prometheus.query(good).values()] == [0.0], "0 where it is broken")
    place = f"{web}:12:1: rate_limit: is not supported"
    assert place in everything.process.err
    answered = curl(everything, "/-/reload", *everything.words_of_curl, "--request", "POST")[1]
    assert answered.startswith("HTTP/1.1 500")
    assert place in answered

    web.write_text(content)
    until(lambda: [*prometheus.query(good).values()] == [1.0], "1 where it is mended")
    assert prometheus.query(read) == moment  # the settings themselves were not read


def test_silent_and_slow_clients_fail_no_scrape_over_tls(
    everything: Secured, prometheus: Prometheus
) -> None:
    """Two hundred that say nothing, and one whose head comes a byte at a time, for six seconds."""
    context = everything.authority.client(everything.client)

    def slow() -> socket:
        return context.wrap_socket(opened(everything.port), server_hostname="localhost")

    begun = time.monotonic()
    with disturbing(everything.port, slow):
        time.sleep(6)  # more than the five seconds that a head or a handshake may take
    window = f"{time.monotonic() - begun:.0f}s"

    assert min(prometheus.query(f"min_over_time(up[{window}])").values()) == 1
    assert min(prometheus.query(f"count_over_time(up[{window}])").values()) >= 4
    longest = prometheus.query(f"max_over_time(scrape_duration_seconds[{window}])")
    assert max(longest.values()) < 0.5


def test_silent_and_slow_clients_fail_no_scrape_over_http(braze: Server, tmp_path: Path) -> None:
    """The same without TLS."""
    with (
        secured(tmp_path, HEADERS, braze) as exporter,
        disturbing(exporter.port, lambda: opened(exporter.port)),
    ):
        deadline = time.monotonic() + 6
        while (now := time.monotonic()) < deadline:
            assert ask("127.0.0.1", exporter.port, "/metrics")[0] == 200
            assert time.monotonic() - now < 0.5
            time.sleep(0.1)


def opened(port: int) -> socket:
    return create_connection(("127.0.0.1", port), timeout=5)


@contextmanager
def disturbing(port: int, slow: Callable[[], socket]) -> Iterator[None]:
    """200 clients that say nothing, and one, made by `slow`, that sends a byte now and then and
    comes again whenever it is hung up on.
    """
    end, returns = threading.Event(), []

    def drip() -> None:
        while not end.is_set():
            with slow() as client, suppress(OSError):
                client.settimeout(0.1)
                answered = b"nothing yet"
                while answered and not end.is_set():
                    client.sendall(b"G")
                    with suppress(TimeoutError):
                        answered = client.recv(1000)
            returns.append(1)

    with ExitStack() as open_:
        for _ in range(200):
            open_.enter_context(opened(port))
        thread = threading.Thread(target=drip)
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join(10)
    assert len(returns) > 1, "it was never hung up on"


def test_guesses_keep_no_scrape_waiting(everything: Secured) -> None:
    """Twenty guess at a password that takes 150 ms to check, and some learn to come later."""
    assert curl(everything, "/metrics", *everything.words_of_curl)[1].startswith("HTTP/1.1 200")
    context = everything.authority.client(everything.client)
    end, statuses = threading.Event(), []

    def guess(number: int) -> None:
        word = base64.b64encode(f"carol:guess {number}".encode()).decode()
        connection = HTTPSConnection("localhost", everything.port, timeout=20, context=context)
        while not end.is_set():
            connection.request("GET", "/metrics", headers={"Authorization": f"Basic {word}"})
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
            end.wait(0.05)
        connection.close()

    guessing = [threading.Thread(target=guess, args=(number,)) for number in range(20)]
    for thread in guessing:
        thread.start()
    try:
        with Load(everything, clients=2) as load:
            time.sleep(2)
    finally:
        end.set()
        for thread in guessing:
            thread.join(20)

    assert load.failures == []
    assert load.answers > 10
    assert load.longest < 2.0
    assert set(statuses) == {401, 503}
