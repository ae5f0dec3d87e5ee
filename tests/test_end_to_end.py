"""Real processes: the simulator, the exporter and a Prometheus server that scrapes it."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from exporter.simulator import DEFAULT_KEY, World
from tests.machine import free_port, program

SEED = 11
SETTLE = timedelta(minutes=15)

Labels = frozenset[tuple[str, str]]


def until(true: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """Wait for `true`, looking often; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.1)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


class Prometheus:
    """A running server, asked over its HTTP API."""

    def __init__(self, url: str) -> None:
        self._url = url

    def query(self, promql: str) -> dict[Labels, float]:
        """The instant vector of `promql`, by labels other than job and instance."""
        query = urllib.parse.urlencode({"query": promql})
        with urllib.request.urlopen(f"{self._url}/api/v1/query?{query}", timeout=5) as response:
            result = json.load(response)["data"]["result"]
        return {
            frozenset(
                (name, value)
                for name, value in row["metric"].items()
                if name not in ("__name__", "job", "instance")
            ): float(row["value"][1])
            for row in result
        }


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Prometheus]]:
    """Simulator, exporter and Prometheus, up and scraping; ended afterwards."""
    folder = tmp_path_factory.mktemp("stack")
    ports = {name: free_port() for name in ("braze", "exporter", "prometheus")}
    start = datetime.now(UTC)
    world = World(SEED, start)
    tracked = next(segment for segment in world.segments if segment.tracked)
    braze = f"http://127.0.0.1:{ports['braze']}"
    exporter_url = f"http://127.0.0.1:{ports['exporter']}"
    prometheus = f"http://127.0.0.1:{ports['prometheus']}"
    settings = {
        "workspaces": {
            "shop": {
                "endpoint": braze,
                "api_key": DEFAULT_KEY,
                "apps": {app.name: app.id for app in world.apps},
                "sessions": {"workspace_total": True, "by_segment": [tracked.id]},
            }
        },
        "poll": {"segments": "1s", "sessions": "1s", "discovery": "1s"},
        "web": {"listen_address": f"127.0.0.1:{ports['exporter']}"},
    }
    # JSON is YAML.
    (folder / "exporter.yml").write_text(json.dumps(settings))
    scrape = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [
            {
                "job_name": "braze",
                "static_configs": [{"targets": [f"127.0.0.1:{ports['exporter']}"]}],
            }
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(scrape))
    run = [sys.executable, "-m", "exporter"]
    commands = (
        [
            *run,
            "simulate",
            f"--web.listen-address=127.0.0.1:{ports['braze']}",
            f"--seed={SEED}",
            f"--clock={start.isoformat()}",
        ],
        [*run, "serve", f"--config.file={folder / 'exporter.yml'}"],
        [
            program("prometheus"),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{ports['prometheus']}",
        ],
    )
    ready = (f"{braze}/segments/list", f"{exporter_url}/-/ready", f"{prometheus}/-/ready")
    processes: list[subprocess.Popen[bytes]] = []
    with (folder / "log").open("wb") as log:
        try:
            for command, url in zip(commands, ready, strict=True):
                processes.append(subprocess.Popen(command, stdout=log, stderr=log))
                if url.endswith("/-/ready"):
                    until(partial(answers, url), f"{url} answers")
            yield world, Prometheus(prometheus)
        finally:
            for process in reversed(processes):
                process.terminate()
            codes = [process.wait(timeout=15) for process in processes]
    print((folder / "log").read_text()[-4000:])
    assert codes == [0, 0, 0]


def labelled(**labels: str) -> Labels:
    return frozenset({"workspace": "shop", **labels}.items())


def sizes(world: World, now: datetime) -> dict[Labels, float]:
    """Each segment's size of today; yesterday's where a sudden 0 is not believed for six hours."""
    found = {}
    for segment in world.segments:
        yesterday, today = world.segment_points(segment.id, now, 2)
        found[labelled(segment_id=segment.id)] = float(today.value or yesterday.value)
    return found


def scopes(world: World, subject: str) -> dict[Labels, tuple[str | None, str | None]]:
    """The series of a family of sessions, each with the app and the segment it is of."""
    tracked = next(segment for segment in world.segments if segment.tracked)
    found: dict[str, dict[Labels, tuple[str | None, str | None]]] = {
        "app": {labelled(app_id=app.id): (app.id, None) for app in world.apps},
        "segment": {
            labelled(app_id=app.id, segment_id=tracked.id): (app.id, tracked.id)
            for app in world.apps
        },
        "workspace": {labelled(): (None, None)},
    }
    return found[subject]


def complete(world: World, subject: str, unit: str, now: datetime) -> dict[Labels, float]:
    """The sessions of the newest bucket that ended `SETTLE` ago or earlier."""
    length = timedelta(days=1) if unit == "day" else timedelta(hours=1)
    found = {}
    for labels, (app, segment) in scopes(world, subject).items():
        points = world.session_points("day" if unit == "day" else "hour", app, segment, now, 4)
        found[labels] = float(
            next(p.value for p in reversed(points) if p.start + length + SETTLE <= now)
        )
    return found


def filling(world: World, subject: str, unit: str, now: datetime) -> dict[Labels, float]:
    """The sessions so far of the bucket that fills at `now`."""
    return {
        labels: float(
            world.session_points("day" if unit == "day" else "hour", app, segment, now, 1)[0].value
        )
        for labels, (app, segment) in scopes(world, subject).items()
    }


def same(query: Callable[[], dict[Labels, float]], truth: Callable[[datetime], object]) -> bool:
    """Whether Prometheus says the truth, looked at while the truth stood still."""
    before = truth(datetime.now(UTC))
    said = query()
    return said == before == truth(datetime.now(UTC))


def test_segment_sizes(stack: tuple[World, Prometheus]) -> None:
    """Prometheus knows every segment's size of today."""
    world, prometheus = stack
    until(
        lambda: same(lambda: prometheus.query("braze_segment_size"), lambda now: sizes(world, now)),
        "the sizes are the simulator's",
    )


@pytest.mark.parametrize(("unit", "word"), [("day", "daily"), ("hour", "hourly")])
@pytest.mark.parametrize("subject", ["app", "segment", "workspace"])
def test_complete_sessions(
    stack: tuple[World, Prometheus], subject: str, unit: str, word: str
) -> None:
    """Prometheus knows the sessions of the newest day and hour that are over."""
    world, prometheus = stack
    until(
        lambda: same(
            lambda: prometheus.query(f"braze_{subject}_sessions_{word}"),
            lambda now: complete(world, subject, unit, now),
        ),
        "the sessions are the simulator's",
    )


@pytest.mark.parametrize(("unit", "word"), [("day", "daily"), ("hour", "hourly")])
@pytest.mark.parametrize("subject", ["app", "segment", "workspace"])
def test_current_sessions(
    stack: tuple[World, Prometheus], subject: str, unit: str, word: str
) -> None:
    """The bucket that fills stands apart, at most a few seconds behind, and says when it began."""
    world, prometheus = stack
    family = f"braze_{subject}_sessions_{word}_current"

    def right() -> bool:
        now = datetime.now(UTC)
        least = filling(world, subject, unit, now - timedelta(seconds=10))
        said = prometheus.query(family)
        most = filling(world, subject, unit, datetime.now(UTC))
        return said.keys() == most.keys() and all(
            least[labels] <= value <= most[labels] for labels, value in said.items()
        )

    until(right, "the current sessions are the simulator's")
    starts = {
        point.start.timestamp()
        for app, segment in scopes(world, subject).values()
        for point in world.session_points(
            "day" if unit == "day" else "hour", app, segment, datetime.now(UTC), 2
        )
    }

    assert set(prometheus.query(f"{family}_timestamp_seconds").values()) <= starts


def test_names_join_by_the_info_metric(stack: tuple[World, Prometheus]) -> None:
    """Quotes, backslashes and other scripts in a segment's name survive the whole way."""
    world, prometheus = stack
    joined = (
        "braze_segment_size * on (workspace, segment_id) group_left (segment_name)"
        " braze_segment_info"
    )
    names = {segment.name for segment in world.segments}
    until(
        lambda: {dict(labels)["segment_name"] for labels in prometheus.query(joined)} == names,
        "every name is joined",
    )


def test_prometheus_scrapes_openmetrics_without_a_complaint(
    stack: tuple[World, Prometheus],
) -> None:
    """The target is up, and nothing it said was dropped."""
    _, prometheus = stack

    until(lambda: list(prometheus.query("braze_up").values()) == [1], "it was scraped")

    assert list(prometheus.query("up").values()) == [1]
    failed = prometheus.query("sum(braze_exporter_api_request_failures_total)")
    assert list(failed.values()) == [0]
