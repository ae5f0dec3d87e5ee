"""Each way in which Braze can misbehave, over real sockets: what stands, what goes, what is said of
it.

A day passes, so that every true value is another. Then one series meets the fault, while the others
must be read as if nothing were; and once the fault is over, the series is right again by itself.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import Enum, auto

import pytest

from exporter.families import DISCOVERY, SEGMENTS, SESSIONS
from exporter.model import Unit
from exporter.simulator import FAULTS, World
from exporter.transport import Transport
from tests.workbench import Workbench

FIRST = datetime(2026, 11, 20, 14, 40, tzinfo=UTC)
THEN = FIRST + timedelta(days=1)
WORLD = World(7, FIRST, segments=4)
ILL, WELL = (segment.id for segment in WORLD.segments[:2])
TIMEOUT = 1.5


class Fate(Enum):
    """What becomes of the value of the series that meets the fault."""

    READ = auto()  # it is read all the same: the truth of today
    DAY_BEFORE = auto()  # today's point is left out: the truth of yesterday, with its date
    HELD = auto()  # it could not be read: what was read yesterday stands
    GONE = auto()  # Braze said that there is nothing


READ = {
    "unsorted": "the greatest time counts, not the last place",
    "descending": "",
    "duplicate-day": "the last in the list wins",
    "fewer-points": "",
    "gap": "",
    "far-future-bucket": "a point 20 days ahead is unreadable, the others are not",
    "errors-beside-success": "minor errors are no failure",
    "not-json-type": "",
    "byte-order-mark": "",
    "huge-number": "a field that nobody knows is ignored",
    "ratelimit-empty-headers": "",
    "ratelimit-garbage-headers": "",
    "ratelimit-lower-case": "",
    "no-ratelimit-headers": "",
    "set-cookie": "",
    "clock-ahead": "",
}
DAY_BEFORE = {
    "null-value": "null is unknown, not 0",
    "missing-value-field": "",
    "missing-time-field": "",
    "null-point": "",
    "non-object-point": "",
    "numeric-string": "a string is no number",
    "boolean-value": "",
    "negative-value": "",
    "nan-value": "",
    "infinite-value": "",
    "newest-missing": "",
    "newest-zero": "a sudden 0 for a day that is not over is not believed yet",
}
GONE = {"data-empty": "an empty answer is an answer", "data-missing": "", "data-null": ""}
ONCE, THRICE = 1, 3
HELD = {  # fault: the reason it is counted under, and how many requests are sent
    "all-null-values": ("invalid_response", ONCE),
    "time-garbage": ("invalid_response", ONCE),
    "time-numeric": ("invalid_response", ONCE),
    "time-null": ("invalid_response", ONCE),
    "data-not-a-list": ("invalid_response", ONCE),
    "message-not-success": ("invalid_response", ONCE),
    "message-missing": ("invalid_response", ONCE),
    "not-an-object": ("invalid_response", ONCE),
    "html-on-200": ("invalid_response", ONCE),
    "truncated-json": ("invalid_response", ONCE),
    "deep-json": ("invalid_response", ONCE),
    "empty-body": ("invalid_response", ONCE),
    "invalid-utf8": ("invalid_response", ONCE),
    "bad-gzip": ("invalid_response", ONCE),
    "large-body": ("too_large", ONCE),
    "gzip-bomb": ("too_large", ONCE),
    "endless-body": ("too_large", ONCE),
    "truncated-connection": ("connection", THRICE),
    "connection-reset": ("connection", THRICE),
    "hang": ("timeout", ONCE),
    "slow": ("timeout", ONCE),
    "drip": ("timeout", ONCE),
    "drip-head": ("timeout", ONCE),
    "redirect": ("redirect", ONCE),
    "redirect-301": ("redirect", ONCE),
    "unauthorized": ("unauthorized", ONCE),
    "key-echo": ("unauthorized", ONCE),
    "key-echo-500": ("server_error", THRICE),
    "forbidden": ("forbidden", ONCE),
    "access-denied": ("forbidden", ONCE),
    "not-found": ("not_found", ONCE),
    "bad-request": ("bad_request", ONCE),
    "unknown-segment": ("bad_request", ONCE),
    "unexpected-status": ("unexpected_status", ONCE),
    "rate-limited-bare": ("rate_limited", THRICE),
    "rate-limited-retry-after": ("rate_limited", THRICE),
    "rate-limited-retry-after-date": ("rate_limited", THRICE),
    **{
        f"server-error-{status}{body}": ("server_error", THRICE)
        for status in (500, 502, 503, 504)
        for body in ("", "-html", "-empty")
    },
}
TABLE = [
    *((fault, Fate.READ, None, 1) for fault in READ),
    *((fault, Fate.DAY_BEFORE, None, 1) for fault in DAY_BEFORE),
    *((fault, Fate.GONE, None, 1) for fault in GONE),
    *((fault, Fate.HELD, reason, requests) for fault, (reason, requests) in HELD.items()),
]


@pytest.fixture
def bench() -> Iterator[Workbench]:
    """The workspace of the world, polled once, a day ago."""
    with Workbench(WORLD, FIRST, timeout=TIMEOUT, keep=3 * 86400.0, units=(Unit.DAY,)) as bench:
        bench.poll(DISCOVERY, SEGMENTS)
        bench.clock.moment = THEN
        yield bench


def size(segment: str, moment: datetime) -> float:
    return float(WORLD.segment_size(segment, moment.date()))


def midnight(moment: datetime) -> float:
    return moment.replace(hour=0, minute=0, second=0).timestamp()


@pytest.mark.parametrize(("fault", "fate", "reason", "requests"), TABLE)
def test_one_segment_meets_a_fault(
    bench: Workbench, fault: str, fate: Fate, reason: str | None, requests: int
) -> None:
    """The fault costs the series what the table says, the others nothing, and it ends by itself."""
    bench.simulator.faults.add(f"{fault}@/segments/data_series:segment={ILL}")
    sent = bench.value("braze_exporter_api_requests_total", "/segments/data_series") or 0

    bench.poll(SEGMENTS)

    shown = None if fate is Fate.GONE else THEN if fate is Fate.READ else FIRST
    failed = fate is Fate.HELD
    assert {
        "value": bench.value("braze_segment_size", ILL),
        "day": bench.value("braze_segment_size_timestamp_seconds", ILL),
        "the other": bench.value("braze_segment_size", WELL),
        "success": bench.value("braze_exporter_collector_success", SEGMENTS),
        "failed series": bench.value("braze_exporter_series_failed", SEGMENTS),
        "up": bench.value("braze_up"),
    } == {
        "value": size(ILL, shown) if shown else None,
        "day": midnight(shown) if shown else None,
        "the other": size(WELL, THEN),
        "success": float(not failed),
        "failed series": float(failed),
        "up": 1.0,
    }
    counted = bench.value("braze_exporter_api_requests_total", "/segments/data_series") or 0
    assert counted - sent == len(WORLD.segments) - 1 + requests
    if reason is not None:
        name = "braze_exporter_api_request_failures_total"
        assert bench.value(name, "/segments/data_series", reason) == requests
    assert sum(bench.clock.waited) <= 2.0 or fault.startswith("rate-limited-retry-after")

    bench.simulator.faults.clear()
    bench.poll(SEGMENTS)

    assert bench.value("braze_segment_size", ILL) == size(ILL, THEN)
    assert bench.value("braze_exporter_collector_success", SEGMENTS) == 1


def test_the_table_names_faults_that_exist() -> None:
    """No line of the table tests nothing."""
    assert {fault for fault, *_ in TABLE} <= FAULTS.keys()


@pytest.mark.parametrize(
    "fault",
    ["hour-z", "hour-millis", "hour-naive", "hour-offset-west", "hour-short-offset",
     "hour-compact-offset"],
)  # fmt: skip
def test_hours_are_read_in_every_form(fault: str) -> None:
    """However Braze writes an hour, the value and its start are the same."""
    app = WORLD.apps[0].id
    with Workbench(WORLD, THEN, units=(Unit.HOUR,)) as bench:
        bench.simulator.faults.add(f"{fault}@/sessions/data_series")
        bench.poll(SESSIONS)

        hour = THEN.replace(minute=0) - timedelta(hours=1)
        assert bench.value("braze_app_sessions_hourly", app) == WORLD.sessions(app, None, hour)
        assert bench.value("braze_app_sessions_hourly_timestamp_seconds", app) == hour.timestamp()


def test_a_future_bucket_is_shown_and_warned_of(bench: Workbench) -> None:
    """Tomorrow's bucket, less than 14 hours ahead, is read, and how far ahead it is."""
    bench.simulator.faults.add(f"future-bucket@/segments/data_series:segment={ILL}")

    reading = bench.poll(SEGMENTS)

    tomorrow = midnight(THEN + timedelta(days=1))
    assert bench.value("braze_segment_size_timestamp_seconds", ILL) == tomorrow
    assert max(answer.ahead for answer in reading.answers.values()) == tomorrow - THEN.timestamp()


def test_a_permission_that_lacks_leaves_the_other_endpoints(bench: Workbench) -> None:
    """A 403 on sessions: segments go on, Braze is up, and five requests are enough to know."""
    bench.poll(SESSIONS)
    bench.simulator.faults.add("access-denied@/sessions/data_series")
    before = bench.value("braze_app_sessions_daily", WORLD.apps[0].id)

    bench.poll()

    assert bench.value("braze_segment_size", WELL) == size(WELL, THEN)
    assert bench.value("braze_app_sessions_daily", WORLD.apps[0].id) == before
    assert bench.value("braze_exporter_collector_success", SESSIONS) == 0
    assert bench.value("braze_up") == 1
    name = "braze_exporter_api_request_failures_total"
    assert bench.value(name, "/sessions/data_series", "forbidden") == 4  # of four series


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        ("http://nowhere.invalid", "connection"),
        ("http://127.0.0.1:1", "connection"),
        ("https://{address}", "tls"),
    ],
    ids=["a name that does not resolve", "a port that is closed", "a peer that speaks no TLS"],
)
def test_no_way_to_braze(bench: Workbench, endpoint: str, reason: str) -> None:
    """Without a connection values stand, the workspace is down, and it comes back by itself."""
    assert bench.transport is not None
    assert bench.server is not None
    address = bench.server.url.removeprefix("http://")
    lost = Transport(
        endpoint.format(address=address), connections=1, timeout=5, monotonic=time.monotonic
    )
    bench.route.way = lost
    try:
        bench.poll(SEGMENTS)
    finally:
        lost.close()

    assert bench.value("braze_segment_size", ILL) == size(ILL, FIRST)
    assert bench.value("braze_up") == 0
    failures = bench.value(
        "braze_exporter_api_request_failures_total", "/segments/data_series", reason
    )
    assert failures == len(WORLD.segments) * (3 if reason == "connection" else 1)

    bench.route.way = bench.transport
    bench.poll(SEGMENTS)

    assert bench.value("braze_segment_size", ILL) == size(ILL, bench.clock.moment)
    assert bench.value("braze_up") == 1


def test_a_wrong_key_is_not_hammered(bench: Workbench) -> None:
    """A 401 everywhere: down, at most five requests a collector, and values stand."""
    bench.simulator.faults.add("key-echo")

    bench.poll()

    assert bench.value("braze_up") == 0
    assert bench.value("braze_segment_size", ILL) == size(ILL, FIRST)
    assert bench.value("braze_exporter_series_failed", SEGMENTS) == len(WORLD.segments)
    name = "braze_exporter_api_request_failures_total"
    assert bench.value(name, "/segments/data_series", "unauthorized") == 4  # of four series


@pytest.mark.parametrize(
    "fault", ["rate-limited", "rate-limited-both", "rate-limited-html", "rate-limited-empty",
              "rate-limited-retry-after-long"],
)  # fmt: skip
def test_a_long_rate_limit_pauses_the_workspace(bench: Workbench, fault: str) -> None:
    """Where Braze asks for more than ten seconds, the rest is not asked, and values stand."""
    bench.simulator.faults.add(fault)
    sent = bench.value("braze_exporter_api_requests_total", "/segments/data_series") or 0

    bench.poll(SEGMENTS)

    assert bench.value("braze_segment_size", ILL) == size(ILL, FIRST)
    assert bench.value("braze_exporter_series_failed", SEGMENTS) == len(WORLD.segments)
    now = bench.value("braze_exporter_api_requests_total", "/segments/data_series") or 0
    assert now - sent == 1

    bench.simulator.faults.clear()
    bench.clock.moment += timedelta(hours=1, seconds=1)
    bench.poll(SEGMENTS)

    assert bench.value("braze_segment_size", ILL) == size(ILL, bench.clock.moment)
    assert bench.value("braze_exporter_collector_success", SEGMENTS) == 1


@pytest.mark.parametrize("fault", ["rate-limited-reset-soon", "rate-limited-retry-after"])
def test_a_short_rate_limit_is_waited_for(bench: Workbench, fault: str) -> None:
    """Where Braze asks for two seconds, the poll waits for them and reads."""
    bench.simulator.faults.add(f"{fault}@/segments/data_series*1")

    bench.poll(SEGMENTS)

    assert bench.value("braze_exporter_collector_success", SEGMENTS) == 1
    assert bench.value("braze_segment_size", ILL) == size(ILL, THEN)
    assert sum(bench.clock.waited) == pytest.approx(2, abs=1)


@pytest.mark.parametrize("fault", ["rate-limited-reset-garbage", "rate-limited-reset-past",
                                   "rate-limited-retry-after-garbage"])  # fmt: skip
def test_a_rate_limit_that_says_nonsense_is_backed_off_from(bench: Workbench, fault: str) -> None:
    """A reset in the past, or none that can be read, asks for nothing: the usual backoff."""
    bench.simulator.faults.add(f"{fault}@/segments/data_series:segment={ILL}*2")

    bench.poll(SEGMENTS)

    assert bench.value("braze_segment_size", ILL) == size(ILL, THEN)
    assert 0 < sum(bench.clock.waited) <= 2


def test_the_reserve_of_the_limit_is_left_to_others(bench: Workbench) -> None:
    """Once less than the reserve remains, nothing more is asked until the window ends."""
    bench.simulator.faults.add("remaining-low")

    bench.poll(SEGMENTS)

    assert bench.value("braze_exporter_series_failed", SEGMENTS) == len(WORLD.segments) - 1
    assert bench.value("braze_exporter_api_rate_limit_remaining") == 12_500
    assert bench.value("braze_up") == 1


@pytest.mark.parametrize(
    "fault",
    ["list-null", "list-missing", "list-without-ids", "html-on-200",
     "server-error-503", "access-denied", "hang", "truncated-json", "message-not-success"],
)  # fmt: skip
def test_a_failed_discovery_changes_nothing(bench: Workbench, fault: str) -> None:
    """Segments stay selected and are read on; only discovery says that it failed."""
    bench.simulator.faults.add(f"{fault}@/segments/list")

    bench.poll(DISCOVERY, SEGMENTS)

    assert bench.value("braze_exporter_collector_success", DISCOVERY) == 0
    assert bench.value("braze_exporter_collector_success", SEGMENTS) == 1
    assert bench.value("braze_exporter_segments", "selected") == len(WORLD.segments)
    assert bench.value("braze_segment_size", ILL) == size(ILL, THEN)

    bench.simulator.faults.clear()
    bench.poll(DISCOVERY)

    assert bench.value("braze_exporter_collector_success", DISCOVERY) == 1


@pytest.mark.parametrize(
    "fault",
    [
        "list-tags-null",
        "list-without-names",
        "list-names-null",
        "list-without-tracking",
        "list-null-item",
    ],
)
def test_a_bare_list_still_selects(bench: Workbench, fault: str) -> None:
    """Ids are all it takes: a segment without a name goes by its id."""
    bench.simulator.faults.add(fault)

    bench.poll(DISCOVERY, SEGMENTS)

    assert bench.value("braze_exporter_collector_success", DISCOVERY) == 1
    assert bench.value("braze_exporter_segments", "selected") == len(WORLD.segments)


def test_an_empty_list_is_believed(bench: Workbench) -> None:
    """A list that is read and empty selects nothing: the series go at its publish."""
    bench.simulator.faults.add("list-empty")

    bench.poll(DISCOVERY)

    assert bench.value("braze_exporter_segments", "selected") == 0
    assert bench.value("braze_segment_size", ILL) is None


def test_a_list_that_moves_while_it_is_read_loses_nothing() -> None:
    """An item that changes pages comes twice or not at all: the list is read from its other end."""
    with Workbench(World(7, FIRST, segments=250), FIRST, timeout=5) as bench:
        bench.simulator.faults.add("list-moves")
        bench.poll(DISCOVERY)

        assert bench.value("braze_exporter_segments", "selected") == 250


def test_a_list_that_ignores_the_page_is_a_failure() -> None:
    """The same page again and again is no list: what was selected stays."""
    with Workbench(World(7, FIRST, segments=250), FIRST, timeout=5) as bench:
        bench.poll(DISCOVERY)
        bench.simulator.faults.add("list-page-ignored")
        bench.poll(DISCOVERY)

        assert bench.value("braze_exporter_segments", "selected") == 250
        assert bench.value("braze_exporter_collector_success", DISCOVERY) == 0


def test_many_pages_are_read_from_the_first() -> None:
    """Pages count from 0, a hundred segments each."""
    many = World(7, FIRST, segments=250)
    with Workbench(many, FIRST, timeout=5) as bench:
        bench.poll(DISCOVERY)

        assert bench.value("braze_exporter_segments", "selected") == 250


@pytest.mark.parametrize("fault", ["hang", "connection-reset", "server-error-503"])
def test_what_cannot_be_read_disappears_in_the_end(bench: Workbench, fault: str) -> None:
    """Values stand for `keep` after they were last read, then go, without another poll."""
    bench.simulator.faults.add(f"{fault}@/segments/data_series:segment={ILL}")
    bench.poll(SEGMENTS)
    read = FIRST.timestamp()
    bench.clock.moment = datetime.fromtimestamp(read + bench.watch.keep - 1, UTC)

    assert bench.value("braze_segment_size", ILL) == size(ILL, FIRST)

    bench.clock.moment += timedelta(seconds=1)

    assert bench.value("braze_segment_size", ILL) is None
    assert bench.value("braze_segment_size", WELL) == size(WELL, THEN)
