"""Everything that a run produces, searched for its secrets: output, log, pages, files, processes.

Each command runs as people run it, in a process of its own at debug level, against a Braze that
repeats the key wherever it can. The key comes from a file, the environment or the settings.
"""

import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from exporter.cli import main
from exporter.client import BrazeError, Client
from exporter.limiter import Limiter
from exporter.telemetry import Telemetry
from exporter.transport import Transport
from tests.certificates import HASH, PASSWORD, Authority
from tests.doubles import Process, ask, eventually, listens
from tests.echoes import A_FEW, CASES, PLACES, SPELLINGS, echoing, told
from tests.fakes import FakeClock, size
from tests.machine import free_port

UUID = "0f6b3c52-9d1e-4c0a-8a35-7be12c4d9e60"
ODD = 'ab"1c\\d/e&f%2g+h=i<3j>\'4k~5l/6mn"opq'  # all that a key may hold
BACKFILL = "backfill --days=2 --job=braze --instance=x"


@dataclass(frozen=True)
class Case:
    """A command, where it has its key from, and whether Braze refuses everything."""

    words: str
    place: str
    key: str
    refuses: bool = False
    form: str = "logfmt"

    def __str__(self) -> str:
        key = "UUID" if self.key == UUID else "odd key"
        return f"{self.words}, {key} in {self.place}{', refused' * self.refuses}"


RUNS = (
    Case("serve", "file", UUID),
    Case("serve", "environment", ODD, form="json"),
    Case("serve", "settings", UUID, refuses=True),
    Case("once", "file", ODD),
    Case("once", "environment", UUID, form="json"),
    Case("once --textfile={}", "settings", UUID),
    Case("check", "environment", ODD),
    Case("doctor", "environment", UUID, refuses=True),
    Case("doctor --json", "file", ODD),
    Case("plan", "settings", UUID),
    Case("plan --json", "environment", ODD, refuses=True),
    Case("discover", "environment", ODD),
    Case("discover --json", "settings", UUID),
    Case("discover --yaml --no-sizes", "file", ODD),
    Case(BACKFILL + " --output={}", "file", ODD),
    Case(BACKFILL + " --output={}", "settings", UUID, refuses=True),
)


class Run:
    """A command that has run; `produced` is all that anybody can see of it, by what it was."""

    def __init__(self, folder: Path, case: Case, urls: Mapping[bool, str]) -> None:
        folder.mkdir()
        self._config, self._address = folder / "braze.yml", f"127.0.0.1:{free_port()}"
        self._workspace: dict[str, object] = {
            "endpoint": urls[case.refuses],
            "concurrency": 16,
            "apps": {"ios": "an-app"},
        }
        environ = {}
        if case.place == "file":
            (folder / "key").write_text(case.key)
            self._workspace["api_key_file"] = str(folder / "key")
        elif case.place == "environment":
            environ["BRAZE_EXPORTER_WORKSPACES__SHOP__API_KEY"] = case.key
        else:
            self._workspace["api_key"] = case.key
        self._configure({"level": "debug", "format": case.form})
        words = case.words.format(folder / "written").split()
        process = Process(folder, *words, f"--config.file={self._config}", environ=environ)
        try:
            eventually(lambda: process.command_line, "it has begun")
            self.produced = {"the list of processes": process.command_line}
            if words == ["serve"]:
                self._look(process)
            else:
                process.end(180)
        finally:
            process.kill()
        kept = {"braze.yml", "key"}
        files = (path for path in folder.rglob("*") if path.name not in kept)
        self.produced |= {path.name: path.read_text() for path in files}

    def _configure(self, log: object) -> None:
        self._config.write_text(
            json.dumps(
                {
                    "workspaces": {"shop": self._workspace},
                    "log": log,
                    "web": {"listen_address": self._address},
                }
            )
        )

    def _look(self, process: Process) -> None:
        """At every page, and at what a reload says of settings that are wrong."""
        url = f"http://{self._address}"
        eventually(lambda: listens(f"{url}/-/healthy"), "it serves", 180)
        ready = f"{url}/-/ready"
        eventually(lambda: ask(ready, seconds=60.0).status == 200, "everything was polled", 180)
        for path in ("/metrics", "/", "/status.json", "/-/ready", "/-/healthy", "/nowhere"):
            self.produced[path] = ask(url + path, seconds=60.0).text
        self._workspace["api_key_file"] = str(self._config)
        self._configure({"level": "loud"})
        self.produced["a reload"] = ask(f"{url}/-/reload", "POST", 60.0).text
        process.terminate()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[Case, Run]]:
    """All of them, some at a time."""
    folder = tmp_path_factory.mktemp("runs")
    with echoing() as braze, echoing(refuses=True) as refusing, ThreadPoolExecutor(3) as threads:
        urls = {False: braze, True: refusing}
        made = [
            threads.submit(Run, folder / str(number), case, urls)
            for number, case in enumerate(RUNS)
        ]
        yield {case: each.result() for case, each in zip(RUNS, made, strict=True)}


@pytest.mark.parametrize("case", RUNS, ids=str)
def test_nothing_that_a_run_produces_holds_the_key(runs: Mapping[Case, Run], case: Case) -> None:
    """In no spelling; no list of processes either."""
    produced = runs[case].produced

    assert {what: found for what, text in produced.items() if (found := told(text, case.key))} == {}
    assert "Traceback" not in produced["stderr"]


def test_the_runs_have_met_the_key(runs: Mapping[Case, Run]) -> None:
    """Else nothing was proved: who shows what Braze said was told the key, and left it out."""
    for case, run in runs.items():
        everything = "".join(run.produced.values())
        shows = case.words not in ("check", "plan")

        assert ("key not shown" in everything or "the key is in it" in everything) == shows, case
    served = runs[RUNS[0]].produced
    for what in ("/metrics", "/", "/status.json", "stderr"):
        assert "not shown" in served[what], what
    assert "log.level" in served["a reload"]


@pytest.mark.parametrize("key", [UUID, ODD], ids=["UUID", "odd key"])
def test_no_failure_tells_the_key_wherever_braze_repeats_it(key: str) -> None:
    """Every place of an answer with every spelling."""
    clock = FakeClock(time.time())
    observer = Telemetry(process=False).of("shop", {"/segments/data_series"})
    with echoing(CASES) as url:
        http = Transport(url, connections=1, timeout=5.0, monotonic=time.monotonic)
        client = Client(
            http,
            Limiter(
                250_000,
                0.1,
                now=clock.now,
                monotonic=clock.monotonic,
                pause=clock.pause,
                throttled=observer.throttled,
            ),
            observer,
            key=lambda: key,
            zone=ZoneInfo("UTC"),
            now=clock.now,
            monotonic=clock.monotonic,
            pause=clock.pause,
            chance=lambda: 0.0,
        )
        wrong = {}
        for number, case in enumerate(CASES):
            with pytest.raises(BrazeError) as raised:
                client.data_series(size(f"case-{number}"), 14)
            if told(f"{raised.value!s} {raised.value!r}", key) or raised.value.__cause__:
                wrong[case] = str(raised.value)
        http.close()

    assert wrong == {}


PROXY_PASSWORD = "s3cr3t-of-the-proxy"


@pytest.mark.parametrize("command", ["once", "doctor"])
@pytest.mark.parametrize("endpoint", ["https://rest.example.com", "http://rest.example.com"])
def test_a_proxy_that_repeats_what_it_is_sent_gets_no_secret_shown(
    tmp_path: Path, command: str, endpoint: str
) -> None:
    """Its password stands in the environment. Of a plain endpoint it learns the key as well."""
    workspace = {"endpoint": endpoint, "api_key": UUID, "allow_http": True}
    config = tmp_path / "braze.yml"
    config.write_text(json.dumps({"workspaces": {"shop": workspace}, "log": {"level": "debug"}}))
    with echoing(refuses=True) as url:
        login = url.replace("://", f"://alice:{PROXY_PASSWORD}@")
        environ = {"http_proxy": login, "https_proxy": login, "no_proxy": ""}
        process = Process(tmp_path, command, f"--config.file={config}", environ=environ)
        try:
            assert process.end(180) == 1
        finally:
            process.kill()
    produced = process.out + process.err

    assert "407" in produced or "key not shown" in produced
    assert told(produced, UUID) == []
    assert told(produced, PROXY_PASSWORD) == []


USERS, TLS = "basic_auth_users:\n", "tls_server_config:\n"
WEB_CONFIGS = {
    "a password where its hash belongs": USERS + "  alice: {password}\n",
    "a hash in a list": USERS + "  - alice: {hash}\n",
    "a hash that was cut": USERS + "  alice: {hash}!\n",
    "users twice": USERS + "  alice: {hash}\n  alice: {hash}\n",
    "a key in place of its file": TLS + "  cert_file: server.pem\n  key_file: '{key}'\n",
    "a key as a certificate": TLS + "  cert_file: server.key\n  key_file: server.pem\n",
    "no YAML": "basic_auth_users: {{alice: {hash}\n{key}\n",
}


@pytest.mark.parametrize("wrong", WEB_CONFIGS)
def test_what_is_wrong_with_a_web_config_file_is_told_without_its_secrets(
    tmp_path: Path, wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither passwords, nor their hashes, nor the private key, whichever the mistake."""
    Authority(tmp_path).issue("server")
    key = "".join((tmp_path / "server.key").read_text().splitlines()[1:-1])
    web = tmp_path / "web.yml"
    web.write_text(WEB_CONFIGS[wrong].format(password=PASSWORD, hash=HASH, key=key))
    config = tmp_path / "braze.yml"
    shop = {"endpoint": "http://127.0.0.1:1", "api_key": UUID}
    config.write_text(json.dumps({"workspaces": {"shop": shop}}))

    for command in ("check", "serve"):
        assert main([command, f"--config.file={config}", f"--web.config.file={web}"]) == 2
    said = "".join(capsys.readouterr())

    assert "web.yml" in said
    for secret in (PASSWORD, HASH, key, UUID):
        assert told(said, secret) == []


def test_the_search_finds_what_it_is_for() -> None:
    """Each spelling in each answer: else the other tests would prove nothing."""
    for key in (UUID, ODD):
        for place, spelling in A_FEW:
            answer = PLACES[place](SPELLINGS[spelling](key)).decode()
            assert spelling in told(answer, key)
            assert not told(answer, key[::-1])
