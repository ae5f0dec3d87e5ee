"""One workspace at work against the simulator: polls, threads, lines of log, and its end."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from exporter.config import Settings, load
from exporter.families import DISCOVERY, SEGMENTS, SESSIONS
from exporter.model import Unit
from exporter.negotiation import Format
from exporter.poller import Poller, endpoints, key_of
from exporter.remedies import remedy
from exporter.secretfile import ApiKey, KeyFileError
from exporter.simulator import Server
from exporter.snapshot import Store
from exporter.telemetry import Telemetry
from tests.doubles import KEY, eventually, samples, simulated, value_of

LIST, SIZES, COUNTS = "/segments/list", "/segments/data_series", "/sessions/data_series"
APPS = {"ios": "5d1f3c0e-9a47-4b62-8c1d-2e7f60b4a911"}


class Bench:
    """A poller with its store and telemetry, and calls of it on threads of their own."""

    def __init__(self, settings: Settings, key: ApiKey | None = None) -> None:
        workspace = settings.workspaces["shop"]
        self.store = Store(time.time)
        self.telemetry = Telemetry(process=False)
        self.poller = Poller(
            "shop",
            workspace,
            settings.poll,
            key or key_of("shop", workspace),
            self.store,
            self.telemetry,
        )
        self.store.expect([self.poller.watch])
        self._threads = ThreadPoolExecutor(8)

    def poll(self, *collectors: str) -> tuple[str, ...]:
        """Poll each collector; returns what the last one selected."""
        selected: tuple[str, ...] = ()
        for collector in collectors:
            selected = self.poller.poll(collector)
        return selected

    def begin(self, collector: str) -> Future[tuple[str, ...]]:
        """Poll on another thread."""
        return self._threads.submit(self.poller.poll, collector)

    def samples(self) -> dict[str, float]:
        page = self.store.snapshot().pages[Format.TEXT].plain.decode()
        return samples(page) | samples(self.telemetry.render(Format.TEXT).decode())

    def value(self, name: str, **labels: str) -> float | None:
        return value_of(self.samples(), name, **labels)

    def end(self) -> None:
        self.poller.stop()
        self.poller.join()
        self._threads.shutdown()


Make = Callable[..., Bench]


@pytest.fixture
def make(simulator: Server, tmp_path: Path) -> Iterator[Make]:
    """Makes a poller of the simulator; its settings are those of a workspace, and of `poll`."""
    made: list[Bench] = []

    def bench(
        *, poll: dict[str, str] | None = None, key: ApiKey | None = None, **changes: object
    ) -> Bench:
        workspace = {"endpoint": simulator.url, "api_key": KEY, **changes}
        path = tmp_path / "exporter.yml"
        path.write_text(json.dumps({"workspaces": {"shop": workspace}, "poll": poll or {}}))
        made.append(Bench(load(path, {}, {}), key))
        return made[-1]

    yield bench
    for each in made:
        each.end()


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, object]]]:
    """What was logged since it was last asked for: message, level and what was added."""
    caplog.set_level("INFO", "exporter")

    def read() -> list[dict[str, object]]:
        known = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
        found = [
            {"level": record.levelname, "msg": record.getMessage()}
            | {key: value for key, value in vars(record).items() if key not in known}
            for record in caplog.records
        ]
        caplog.clear()
        return found

    return read


Lines = Callable[[], list[dict[str, object]]]


def messages(lines: list[dict[str, object]]) -> list[object]:
    return [line["msg"] for line in lines]


# From the settings


def test_a_watch_is_what_the_settings_say(make: Make) -> None:
    """Apps by their id, times in seconds, and the collectors that have something to do."""
    watch = make(
        apps=APPS,
        segments={"ids": ["s1"], "zero_after": "3h"},
        sessions={"units": ["hour"], "workspace_total": True, "by_segment": ["s2"]},
        poll={"sessions": "2m", "settle": "10m", "keep": "1d"},
    ).poller.watch

    assert watch.apps == {APPS["ios"]: "ios"}
    assert (watch.ids, watch.discover, watch.limit) == (("s1",), False, 2000)
    assert (watch.units, watch.workspace_total, watch.by_segment) == ((Unit.HOUR,), True, ("s2",))
    assert (watch.zero_after, watch.settle, watch.keep) == (10_800, 600, 86_400)
    assert watch.intervals == {DISCOVERY: 3600, SEGMENTS: 1800, SESSIONS: 120}


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({}, {LIST, SIZES}),
        ({"apps": APPS}, {LIST, SIZES, COUNTS}),
        ({"apps": APPS, "segments": {"discover": False}}, {COUNTS}),
        ({"segments": {"discover": False}, "sessions": {"by_segment": ["s1"]}}, {LIST, COUNTS}),
    ],
)
def test_only_endpoints_that_are_asked_have_counters(
    make: Make, changes: dict[str, object], asked: set[str]
) -> None:
    """Known before the first request."""
    bench = make(**changes)

    assert endpoints(bench.poller.watch) == asked
    counted = {
        name.split('endpoint="')[1].split('"')[0]
        for name in bench.samples()
        if name.startswith("braze_exporter_api_requests_total")
    }
    assert counted == asked


def test_a_key_file_is_read_again_when_it_changes(
    make: Make, simulator: Server, tmp_path: Path
) -> None:
    """Without a reload: the next request has the new key."""
    path = tmp_path / "key"
    path.write_text("not-the-key\n")
    bench = make(api_key=None, api_key_file=str(path))
    bench.poll(DISCOVERY)
    assert bench.value("braze_up", workspace="shop") == 0

    path.write_text(f"{KEY}\n")
    bench.poll(DISCOVERY)
    assert bench.value("braze_up", workspace="shop") == 1
    assert [request.headers["authorization"] for request in simulator.requests] == [
        "Bearer not-the-key",
        f"Bearer {KEY}",
    ]


def test_a_key_file_that_is_gone_is_reported_and_the_old_key_stays(
    make: Make, tmp_path: Path, lines: Lines
) -> None:
    """A secret that is being rotated may be missing for a moment; it is said once."""
    path = tmp_path / "key"
    path.write_text(KEY)
    bench = make(api_key=None, api_key_file=str(path))
    path.unlink()
    bench.poll(DISCOVERY, DISCOVERY)

    assert bench.value("braze_up", workspace="shop") == 1
    assert [line for line in lines() if line["level"] == "WARNING"] == [
        {
            "level": "WARNING",
            "msg": "the API key stays as it was",
            "workspace": "shop",
            "reason": "cannot be read: it does not exist",
        }
    ]


def test_without_a_key_there_is_no_poller(tmp_path: Path, make: Make) -> None:
    """Whoever reloads must learn of it before anything is changed."""
    path = tmp_path / "key"
    path.write_text(KEY)
    bench = make(api_key=None, api_key_file=str(path))
    workspace, *_ = bench.poller.settings
    path.unlink()

    with pytest.raises(KeyFileError, match="does not exist"):
        key_of("shop", workspace)


# Polls


def test_a_discovery_selects_and_a_poll_of_segments_reads(make: Make, simulator: Server) -> None:
    """First the ids, then the sizes, as the simulator has them."""
    bench = make()
    ids = tuple(segment.id for segment in simulator.simulator.world.segments)

    assert bench.poll(DISCOVERY) == ids
    assert bench.poll(DISCOVERY) == ()
    assert bench.poll(SEGMENTS) == ()

    sizes = {name for name in bench.samples() if name.startswith("braze_segment_size{")}
    assert sizes == {f'braze_segment_size{{workspace="shop",segment_id="{id_}"}}' for id_ in ids}


def test_there_are_never_more_requests_than_threads(make: Make) -> None:
    """Three collectors at once, discovery among them, share the workspace's two threads."""
    with simulated(latency=0.03) as braze:
        bench = make(endpoint=braze.url, apps=APPS, concurrency=2)
        bench.poll(DISCOVERY)
        polls = [bench.begin(collector) for collector in (SEGMENTS, SESSIONS, DISCOVERY)]
        for each in polls:
            each.result(20)

        assert braze.peak_concurrency == 2


def test_connections_are_kept_between_polls(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """As many as there are threads, and none is thrown away."""
    caplog.set_level("DEBUG", "urllib3.connectionpool")
    bench = make(apps=APPS, concurrency=3)
    for _ in range(3):
        polls = [bench.begin(collector) for collector in (SEGMENTS, SESSIONS, DISCOVERY)]
        for each in polls:
            each.result(20)

    assert sum("Starting new HTTP" in message for message in caplog.messages) <= 3
    assert "pool is full" not in caplog.text


def test_a_pause_that_braze_asks_for_holds_for_all_collectors(
    make: Make, simulator: Server
) -> None:
    """One 429 with an hour's wait: after it nothing of this workspace is sent, and that is said
    as a failure of each series.
    """
    bench = make(apps=APPS, concurrency=1)
    bench.poll(DISCOVERY)
    simulator.forget()
    simulator.simulator.faults.add("rate-limited-retry-after-long*1")
    bench.poll(SESSIONS, SEGMENTS, DISCOVERY)

    assert len(simulator.requests) == 1
    assert bench.value("braze_exporter_series_failed", workspace="shop", collector=SESSIONS) == 2
    assert bench.value("braze_exporter_series_failed", workspace="shop", collector=SEGMENTS) == 12
    assert bench.value("braze_up", workspace="shop") == 1
    assert (
        bench.value(
            "braze_exporter_api_request_failures_total",
            workspace="shop",
            endpoint=COUNTS,
            reason="rate_limited",
        )
        == 1
    )


def test_our_own_ceiling_holds(make: Make, simulator: Server) -> None:
    """Of 60 an hour 50 may leave at once; the next one leaves after a minute."""
    bench = make(requests_per_hour=60)
    bench.poll(DISCOVERY, *[SEGMENTS] * 4)
    assert len(simulator.requests) == 49
    polling = bench.begin(SEGMENTS)
    eventually(lambda: len(simulator.requests) == 50, "the last of the burst")

    assert not polling.done()


def test_a_bug_shows_as_a_failed_poll(make: Make, lines: Lines) -> None:
    """Not as values that stand still for ever, and not as an exporter that is gone."""

    class Broken(ApiKey):
        def read(self) -> str:
            raise ZeroDivisionError

    bench = make(apps=APPS, key=Broken("x"))
    bench.poll(SESSIONS)

    success = "braze_exporter_collector_success"
    assert bench.value(success, workspace="shop", collector=SESSIONS) == 0
    found = lines()
    assert set(messages(found)) == {"a series could not be read by a bug", "cannot read", "polled"}
    reason = "invalid_response: internal error: ZeroDivisionError"
    assert [line["reason"] for line in found if line["msg"] == "cannot read"] == [reason]


# Lines of log


def test_a_poll_is_one_line(make: Make, lines: Lines) -> None:
    """What was read, what was not, and how long it took."""
    make().poll(DISCOVERY)

    [line] = lines()
    assert 0 < float(str(line.pop("seconds"))) < 5
    assert line == {
        "level": "INFO",
        "msg": "polled",
        "workspace": "shop",
        "collector": "discovery",
        "read": 12,
        "failed": 0,
    }


def test_a_failure_is_logged_when_it_begins_and_when_it_ends(
    make: Make, simulator: Server, lines: Lines
) -> None:
    """Not at each poll in between; and with the reason, but never the key."""
    bench = make(apps=APPS, sessions={"units": ["day"]})
    simulator.simulator.faults.add("key-echo*3")
    bench.poll(SESSIONS)
    began = lines()
    bench.poll(SESSIONS, SESSIONS)
    went_on = lines()
    bench.poll(SESSIONS)
    ended = lines()

    assert messages(began) == ["cannot read", "polled"]
    assert began[0] == {
        "level": "WARNING",
        "msg": "cannot read",
        "workspace": "shop",
        "collector": "sessions",
        "reason": "unauthorized: status 401: Invalid API key: (key not shown)",
        "remedy": remedy("unauthorized", "/sessions/data_series"),
        "series": 1,
        "for_example": f'braze_app_sessions_daily{{workspace="shop",app_id="{APPS["ios"]}"}}',
    }
    assert messages(went_on) == ["polled", "polled"]
    assert messages(ended) == ["can be read again", "polled"]
    assert ended[0]["series"] == 1


@pytest.mark.parametrize("fault", ["bad-request", "truncated-json"])
def test_many_failures_of_one_kind_are_one_line(
    make: Make, simulator: Server, lines: Lines, fault: str
) -> None:
    """Two thousand segments that fail alike do not fill the disk, though each answer differs."""
    bench = make()
    bench.poll(DISCOVERY)
    lines()
    simulator.simulator.faults.add(fault)
    bench.poll(SEGMENTS)

    found = lines()
    assert messages(found) == ["cannot read", "polled"]
    assert (found[0]["series"], found[1]["failed"]) == (12, 12)


def test_what_is_wanted_no_more_has_not_recovered(
    make: Make, simulator: Server, lines: Lines
) -> None:
    """A segment that failed and then left the list can't be read again: nobody tries."""
    bench = make()
    bench.poll(DISCOVERY)
    simulator.simulator.faults.add("bad-request")
    bench.poll(SEGMENTS)
    simulator.simulator.faults.clear()
    simulator.simulator.faults.add("list-empty")
    lines()
    bench.poll(DISCOVERY, SEGMENTS)

    assert messages(lines()) == ["polled", "polled"]


def test_a_wrong_time_zone_is_reported(make: Make, simulator: Server, lines: Lines) -> None:
    """Buckets that start in the future are its sign; it is told once for as long as they come."""
    simulator.simulator.faults.add("hour-naive")
    bench = make(apps=APPS, time_zone="America/Los_Angeles")
    bench.poll(SESSIONS)
    bench.poll(SESSIONS)

    [warning] = [line for line in lines() if line["level"] == "WARNING"]
    assert "time_zone" in str(warning["msg"])
    assert 0 < int(str(warning["ahead_seconds"])) <= 14 * 3600


# The end


def stopped(bench: Bench, *polls: Future[tuple[str, ...]]) -> float:
    """Stop while `polls` are under way; the seconds until they and all threads have ended."""
    assert not any(each.done() for each in polls)
    begun = time.monotonic()
    bench.poller.stop()
    for each in polls:
        assert each.result(10) == ()
    bench.poller.join()
    return time.monotonic() - begun


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("fault", ["hang", "drip-head", "drip"])
def test_a_stop_ends_all_polls_at_once(
    make: Make, simulator: Server, fault: str, concurrency: int
) -> None:
    """Those with requests under way, and those whose requests wait for a thread."""
    simulator.simulator.faults.add(fault)
    bench = make(apps=APPS, segments={"ids": ["s1", "s2"]}, concurrency=concurrency)
    polls = [bench.begin(collector) for collector in (SEGMENTS, SESSIONS, DISCOVERY)]
    eventually(lambda: len(simulator.requests) >= concurrency, "requests are under way")

    assert stopped(bench, *polls) < 1


@pytest.mark.parametrize("fault", ["rate-limited-reset-soon", "rate-limited-retry-after"])
def test_a_stop_ends_a_wait_that_braze_asked_for(make: Make, simulator: Server, fault: str) -> None:
    """The 2 s of a 429."""
    simulator.simulator.faults.add(fault)
    bench = make(apps=APPS)
    polling = bench.begin(SESSIONS)
    eventually(lambda: simulator.requests, "the request was refused")

    assert stopped(bench, polling) < 0.5


def test_a_stop_ends_a_wait_for_the_limiter(make: Make, simulator: Server) -> None:
    """Where our own ceiling would allow the next request in an hour."""
    bench = make(apps=APPS, requests_per_hour=1)
    bench.poll(DISCOVERY, *[SEGMENTS] * 4)
    polling = bench.begin(SEGMENTS)
    eventually(lambda: len(simulator.requests) == 50, "the last of the burst")

    assert stopped(bench, polling) < 0.5
    assert len(simulator.requests) == 50


def test_a_stopped_poller_changes_nothing(make: Make, simulator: Server, lines: Lines) -> None:
    """What it learns is not published, not logged, and no bug."""
    simulator.simulator.faults.add("hang")
    bench = make(apps=APPS)
    before = bench.samples()
    polling = bench.begin(SESSIONS)
    eventually(lambda: len(simulator.requests) == 2, "both requests are under way")
    stopped(bench, polling)
    bench.poll(SESSIONS, DISCOVERY, SEGMENTS)

    assert bench.samples() == before
    assert lines() == []
    assert len(simulator.requests) == 2


def test_stops_at_any_moment(make: Make, simulator: Server, lines: Lines) -> None:
    """Twenty pollers are stopped at twenty moments of their polls: each ends quickly, and none
    takes the stop for a bug.
    """
    for moment in range(0, 40, 2):
        bench = make(apps=APPS, concurrency=2, sessions={"workspace_total": True})
        polls = [bench.begin(collector) for collector in (DISCOVERY, SESSIONS, SEGMENTS)]
        simulator.forget()
        while len(simulator.requests) < moment and not all(each.done() for each in polls):
            time.sleep(0.0005)
        begun = time.monotonic()
        bench.end()
        for each in polls:
            each.result(5)
        assert time.monotonic() - begun < 2

    assert "a poll failed by a bug" not in messages(lines())


def test_hours_that_ended_long_ago_are_a_sign_too(
    make: Make, simulator: Server, lines: Lines
) -> None:
    """East of the company every hour seems to be over: 9 h ago where Tokyo is set for London."""
    simulator.simulator.faults.add("hour-naive")
    make(apps=APPS, time_zone="Asia/Tokyo").poll(SESSIONS)

    [warning] = [line for line in lines() if line["level"] == "WARNING"]
    assert "time_zone" in str(warning["msg"])
    assert 7 * 3600 < int(str(warning["behind_seconds"])) <= 9 * 3600
