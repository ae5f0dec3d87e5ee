"""Simulator, exporter, Prometheus and Alertmanager as real processes that know one another."""

import http.server
import json
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from exporter.simulator import DEFAULT_KEY, World
from exporter.simulator.pulse import EVENTS, KPIS
from tests.doubles import ask, listens
from tests.machine import free_port, program

WORKSPACE = "shop"

Labels = frozenset[tuple[str, str]]


def until(true: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    """Look for `true` ten times a second; fail after `seconds`, naming what did not come about."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.1)


class Stack:
    """Processes in a folder, which all end with it; each must then have ended well."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "log"
        self._processes: list[subprocess.Popen[bytes]] = []

    def write(self, name: str, settings: object) -> Path:
        """A settings file; JSON is YAML."""
        path = self._folder / name
        path.write_text(json.dumps(settings))
        return path

    def start(self, command: Sequence[str], ready: str) -> None:
        """Run a command, and wait until something answers at `ready`."""
        with self._log.open("ab") as log:
            self._processes.append(subprocess.Popen(command, stdout=log, stderr=log))
        # A Prometheus that is not ready yet answers with 503.
        until(lambda: listens(ready) and ask(ready).status != 503, f"an answer of {ready}")

    def simulator(self, seed: int, start: datetime) -> str:
        """A simulated Braze with its story; its URL."""
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        self.start(
            _exporter(
                "simulate",
                f"--web.listen-address=127.0.0.1:{port}",
                f"--seed={seed}",
                f"--clock={start.isoformat()}",
            ),
            url,
        )
        return url

    def exporter(self, braze: str, world: World, by_segment: Sequence[str] = ()) -> str:
        """An exporter that watches all of `world`, each second; its address."""
        address = f"127.0.0.1:{free_port()}"
        settings = {
            "workspaces": {
                WORKSPACE: {
                    "endpoint": braze,
                    "api_key": DEFAULT_KEY,
                    "apps": {app.name: app.id for app in world.apps},
                    "sessions": {"workspace_total": True, "by_segment": list(by_segment)},
                    "kpi": {"metrics": list(KPIS)},
                    "events": {"names": list(EVENTS)[:1]},
                    "requests_per_hour": 250_000,
                }
            },
            "poll": dict.fromkeys(("segments", "sessions", "kpi", "events", "discovery"), "1s"),
            "web": {"listen_address": address},
        }
        config = self.write("exporter.yml", settings)
        self.start(_exporter("serve", f"--config.file={config}"), f"http://{address}/-/healthy")
        return address

    def prometheus(self, target: str, **more: object) -> "Prometheus":
        """A Prometheus with an empty store that scrapes `target` each second."""
        scrapes = [{"job_name": "braze", "static_configs": [{"targets": [target]}]}]
        return self.prometheus_on(self._folder / "data", scrape_configs=scrapes, **more)

    def prometheus_on(self, data: Path, **settings: object) -> "Prometheus":
        """A Prometheus that keeps its data in that folder, where there may be some already."""
        port = free_port()
        often = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        config = self.write("prometheus.yml", {"global": often, **settings})
        self.start(
            [
                program("prometheus"),
                f"--config.file={config}",
                f"--storage.tsdb.path={data}",
                "--storage.tsdb.retention.time=1000d",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            f"http://127.0.0.1:{port}/-/ready",
        )
        return Prometheus(f"http://127.0.0.1:{port}")

    def alertmanager(self, webhook: str) -> str:
        """An Alertmanager that sends everything to `webhook` at once; its address."""
        address = f"127.0.0.1:{free_port()}"
        settings = {
            "route": {
                "receiver": "webhook",
                "group_by": ["..."],
                "group_wait": "0s",
                "group_interval": "1s",
            },
            "receivers": [{"name": "webhook", "webhook_configs": [{"url": webhook}]}],
        }
        config = self.write("alertmanager.yml", settings)
        self.start(
            [
                program("prometheus-alertmanager"),
                f"--config.file={config}",
                f"--storage.path={self._folder / 'alertmanager'}",
                f"--web.listen-address={address}",
                "--cluster.listen-address=",
            ],
            f"http://{address}/-/ready",
        )
        return address

    def end(self) -> None:
        """Ask all to stop, the last one first; each must end with 0."""
        for process in reversed(self._processes):
            process.terminate()
        codes = [process.wait(timeout=15) for process in self._processes]
        print(self._log.read_text()[-4000:])
        assert codes == [0] * len(codes)


@contextmanager
def stack(folder: Path) -> Iterator[Stack]:
    """A stack in `folder`, ended afterwards."""
    made = Stack(folder)
    try:
        yield made
    finally:
        made.end()


class Prometheus:
    """A running server, asked over its HTTP API."""

    def __init__(self, url: str) -> None:
        self.url = url

    def query(self, promql: str, moment: float | None = None) -> dict[Labels, float]:
        """The instant vector of `promql`, at an epoch second or now, by labels other than job and
        instance.
        """
        when = {} if moment is None else {"time": f"{moment}"}
        rows = self._ask("query", query=promql, **when)
        return {_labels(row): float(row["value"][1]) for row in rows}

    def series(
        self, promql: str, start: int, end: int, step: int
    ) -> dict[Labels, dict[int, float]]:
        """The values of `promql` from `start` to `end` (epoch seconds, `end` included), by labels
        and moment.
        """
        rows = self._ask(
            "query_range", query=promql, start=f"{start}", end=f"{end}", step=f"{step}"
        )
        return {
            _labels(row): {int(moment): float(value) for moment, value in row["values"]}
            for row in rows
        }

    def _ask(self, what: str, **query: str) -> list[Any]:
        url = f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=60) as response:
            result: list[Any] = json.load(response)["data"]["result"]
        return result


def _labels(row: Mapping[str, Any]) -> Labels:
    known = row["metric"].items()
    return frozenset(pair for pair in known if pair[0] not in ("__name__", "job", "instance"))


class Webhook:
    """Receives what an Alertmanager sends."""

    def __init__(self) -> None:
        self.alerts: list[Mapping[str, Any]] = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.alerts += json.loads(body)["alerts"]
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Write nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _exporter(*words: str) -> list[str]:
    return [sys.executable, "-m", "exporter", *words]
