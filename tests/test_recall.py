"""The hours before the newest ones: how they are read, and what a failure on the way leaves."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from statistics import median

import pytest

from exporter.client import BrazeError
from exporter.families import DISCOVERY, SEGMENTS, SESSIONS
from exporter.limiter import Interrupted
from exporter.model import Answer, Point, Series, Unit
from exporter.past import History, Past
from exporter.recall import Recall, read_pasts
from exporter.simulator import World
from exporter.simulator.times import HOUR as AN_HOUR
from exporter.watch import Alerts
from tests.fakes import HOUR, NOW, at, event, hourly, points, utc
from tests.inline import Inline
from tests.workbench import Workbench

H10 = at("2024-03-13T10:00")
BROKEN = BrazeError("server_error", "status 500: oops")


def known(newest: int = H10, count: int = 48) -> Past:
    """What is known after the first answer."""
    found = points(newest - (count - 1) * HOUR, *[1.0] * count)
    return Past().extended(found, Unit.HOUR, newest - HOUR, History.UNREAD)


class Braze:
    """Answers whole pages of hours, and notes what it was asked for; fails from one page on."""

    def __init__(self, failure: Exception | None = None, after: int = 0) -> None:
        self._failure, self._after = failure, after
        self.asked: list[tuple[Series, int, float]] = []

    def read(self, series: Series, length: int, ending_at: float) -> Answer:
        self.asked.append((series, length, ending_at))
        pages = sum(asked == series for asked, _, _ in self.asked)
        if self._failure is not None and pages > self._after:
            raise self._failure
        return Answer(NOW, points(int(ending_at) - length * HOUR, *[2.0] * length))


Found = dict[Series, tuple[tuple[Point, ...], History]]


def read_past(
    braze: Braze,
    pasts: Mapping[Series, Past],
    go_on: Callable[[], bool] = lambda: True,
    width: int = 1,
) -> Found:
    return read_pasts([*pasts], pasts, braze.read, threads=Inline(), width=width, go_on=go_on)


def hours(found: tuple[Point, ...]) -> list[int]:
    return sorted(point.start for point in found)


# Pages


def test_the_history_is_read_back_from_the_newest_points_by_the_hundred() -> None:
    """Seven pages of 100, each ending where the one before began, the first where the newest 48
    hours begin: so 700 hours before the newest one are known, without a gap.
    """
    braze = Braze()
    [(series, (found, history))] = read_past(braze, {hourly(): known()}).items()

    assert (series, history) == (hourly(), History.READ)
    assert [(length, utc(ending_at)) for _, length, ending_at in braze.asked] == [
        (100, "2024-03-11T11:00"),
        (100, "2024-03-07T07:00"),
        (100, "2024-03-03T03:00"),
        (100, "2024-02-27T23:00"),
        (100, "2024-02-23T19:00"),
        (100, "2024-02-19T15:00"),
        (100, "2024-02-15T11:00"),
    ]
    first = H10 - 747 * HOUR
    assert hours(found) == [first + number * HOUR for number in range(700)]


def test_what_is_known_and_the_history_leave_no_gap() -> None:
    """Past: whole from the newest hour to 700 before the newest complete one."""
    [(found, history)] = read_past(Braze(), {hourly(): known()}).values()
    whole = known().preceded_by(found, Unit.HOUR, history)
    assert list(whole.starts) == [H10 - number * HOUR for number in range(701, -1, -1)]


def test_after_an_outage_the_gap_is_read_too() -> None:
    """Past: what is older than the newest answer may have gaps, so all of it is read again."""
    before = known(H10 - 300 * HOUR)
    newest = points(H10 - 47 * HOUR, *[1.0] * 48)
    gap = before.extended(newest, Unit.HOUR, H10 - HOUR, History.FAILED)
    [(found, history)] = read_past(Braze(), {hourly(): gap}).values()

    assert len(gap.starts) == 48 + 47  # the hour that filled at the outage is unknown again
    whole = gap.preceded_by(found, Unit.HOUR, history)
    assert list(whole.starts) == [H10 - number * HOUR for number in range(701, -1, -1)]
    assert whole.value(H10 - 300 * HOUR) == 2


def test_no_page_ends_in_the_future() -> None:
    """Braze refuses that with 400; the newest bucket may begin 14 h ahead under a wrong zone."""
    braze = Braze()
    read_past(braze, {hourly(): known(H10 + 14 * HOUR)})
    assert max(ending_at for _, _, ending_at in braze.asked) < NOW


# Failures


@pytest.mark.parametrize("pages", range(7))
def test_a_failure_ends_the_series_and_keeps_what_was_read(pages: int) -> None:
    """Past: the history has failed, as far as it was read it is known."""
    braze = Braze(BROKEN, after=pages)
    [(found, history)] = read_past(braze, {hourly(): known()}).values()

    assert history is History.FAILED
    assert len(braze.asked) == pages + 1
    assert hours(found) == [H10 - (47 + n) * HOUR for n in range(pages * 100, 0, -1)]


def test_one_series_that_fails_leaves_the_others_alone() -> None:
    """Isolation."""
    whole, broken = Braze(), Braze(BROKEN, after=2)

    def read(series: Series, length: int, ending_at: float) -> Answer:
        braze = broken if series == hourly("a2") else whole
        return braze.read(series, length, ending_at)

    pasts = {hourly(f"a{number}"): known() for number in range(1, 4)}
    found = read_pasts([*pasts], pasts, read, threads=Inline(), width=2, go_on=lambda: True)
    assert {
        series.labels[1]: (len(read), history) for series, (read, history) in found.items()
    } == {
        "a1": (700, History.READ),
        "a2": (200, History.FAILED),
        "a3": (700, History.READ),
    }


def test_nothing_is_asked_once_newer_points_are_due() -> None:
    """What was read until then is kept, also of a series that is not read to its end."""
    braze = Braze()
    pasts = {hourly(f"a{number}"): known() for number in range(5)}
    found = read_past(braze, pasts, go_on=lambda: len(braze.asked) < 10)

    assert {
        series.labels[1]: (len(read), history) for series, (read, history) in found.items()
    } == {
        "a0": (700, History.READ),
        "a1": (300, History.UNREAD),
    }


def test_pages_that_are_known_are_not_asked_for_again() -> None:
    """A series that was not read to its end goes on where it stopped."""
    braze = Braze()
    begun = known().preceded_by(points(H10 - 347 * HOUR, *[1.0] * 300), Unit.HOUR, History.UNREAD)
    read_past(braze, {hourly(): begun})

    assert len(braze.asked) == 4
    assert max(ending_at for _, _, ending_at in braze.asked) == H10 - 347 * HOUR


def test_a_key_that_is_refused_is_not_hammered() -> None:
    """After three refusals in a row no other series is asked for."""
    braze = Braze(BrazeError("unauthorized", "status 401"))
    found = read_past(braze, {hourly(f"a{number}"): known() for number in range(60)})

    assert len(braze.asked) == len(found) == 3


def test_an_endpoint_that_is_forbidden_leaves_the_others_alone() -> None:
    """A permission is of one endpoint."""
    braze = Braze()

    def read(series: Series, length: int, ending_at: float) -> Answer:
        if series.label("event"):
            raise BrazeError("forbidden", "status 403: Access Denied")
        return braze.read(series, length, ending_at)

    events = [event("bought", f"a{number}", "hourly") for number in range(6)]
    hours = [hourly(f"a{number}") for number in range(6)]
    pasts = dict.fromkeys([*events, *hours], known())
    found = read_pasts([*pasts], pasts, read, threads=Inline(), width=1, go_on=lambda: True)

    assert [series for series in found if series in events] == events[:3]
    assert all(found[series][1] is History.READ for series in hours)


def test_a_past_is_asked_for_once_an_hour_and_the_unknown_first() -> None:
    """One that failed, or has gaps, waits its turn; one not read to its end is still due."""
    moment = [NOW]
    recall = Recall(lambda: moment[0])
    unread, partly, failed = (hourly(name) for name in ("unread", "partly", "failed"))
    pasts = {
        failed: known().preceded_by((), Unit.HOUR, History.FAILED),
        unread: known(),
        partly: known(),
    }
    assert recall.due(pasts) == [unread, partly, failed]

    recall.asked(
        {
            unread: ((), History.FAILED),
            partly: ((), History.UNREAD),
            failed: ((), History.FAILED),
        }
    )
    assert recall.due(pasts) == [partly]

    moment[0] += HOUR
    assert recall.due(pasts) == [unread, partly, failed]


def test_an_interruption_ends_it() -> None:
    """The exporter stops: half a history is not published."""
    with pytest.raises(Interrupted):
        read_past(Braze(Interrupted(), after=3), {hourly(): known()})


def test_hours_of_which_braze_knows_nothing_are_read() -> None:
    """An answer without data is one: there is nothing older, and that is the whole history."""

    def read(_series: Series, _length: int, _ending_at: float) -> Answer:
        return Answer(NOW, ())

    pasts = {hourly(): known()}
    found = read_pasts([*pasts], pasts, read, threads=Inline(), width=1, go_on=lambda: True)
    assert found == {hourly(): ((), History.READ)}


# Against a small Braze

START = datetime(2026, 11, 20, 14, 40, tzinfo=UTC)
WORLD = World(7, START, segments=4)
IOS = WORLD.apps[0].id
HOURLY = "braze_app_sessions_hourly"


def truth(hour: datetime, days: int) -> float:
    return WORLD.sessions(IOS, None, hour - timedelta(days=days))


def shown(bench: Workbench) -> dict[str, float | None]:
    names = ("1d", "1w", "4w_median")
    found = {name: bench.value(f"{HOURLY}_baseline", IOS, name) for name in names}
    return found | {"threshold": bench.value(f"{HOURLY}_alert_threshold", IOS)}


def true(hour: datetime) -> dict[str, float | None]:
    """What is normal for that hour, from the world itself."""
    week, weeks = truth(hour, 7), median(truth(hour, 7 * number) for number in range(1, 5))
    return {
        "1d": truth(hour, 1),
        "1w": week,
        "4w_median": weeks,
        "threshold": 0.7 * min(week, weeks),
    }


def nears(found: dict[str, float | None], expected: dict[str, float | None]) -> None:
    assert found == pytest.approx(expected, rel=1e-12)


def test_after_one_poll_it_is_known_what_is_normal() -> None:
    """From the first minute, without any history in Prometheus: for every hour of the day."""
    with Workbench(WORLD, START) as bench:
        hour = START.replace(minute=0) - AN_HOUR
        bench.poll()
        assert bench.value(HOURLY, IOS) == WORLD.sessions(IOS, None, hour)
        nears(shown(bench), true(hour))

        for _ in range(30):
            bench.clock.moment += AN_HOUR
            hour += AN_HOUR
            bench.poll(SESSIONS)
            nears(shown(bench), true(hour))


def test_the_history_is_read_once() -> None:
    """Seven requests a series of hours with the first poll, none later; none for days."""
    with Workbench(WORLD, START) as bench:
        for _ in range(3):
            bench.poll(SESSIONS)
        series = len(bench.watch.wanted(SESSIONS))
        assert bench.value("braze_exporter_api_requests_total", "/sessions/data_series") == (
            3 * series + 7 * (series // 2)
        )


def test_points_that_braze_changes_are_counted() -> None:
    """Restated: once for each complete point, and again when they change back; levels and counts,
    days and hours.
    """
    count = "braze_exporter_restated_points_total"
    with Workbench(WORLD, START, workspace_total=False, apps={IOS: "ios"}) as bench:
        bench.poll()
        assert (bench.value(count, SEGMENTS), bench.value(count, SESSIONS)) == (0, 0)
        bench.simulator.faults.add("restated")
        seen = []
        for _ in range(2):
            bench.poll(SEGMENTS, SESSIONS)
            seen.append((bench.value(count, SEGMENTS), bench.value(count, SESSIONS)))
        bench.simulator.faults.clear()
        bench.poll(SEGMENTS, SESSIONS)
        seen.append((bench.value(count, SEGMENTS), bench.value(count, SESSIONS)))

    empty = sum(WORLD.segment_size(each.id, START.date()) == 0 for each in WORLD.segments)
    sizes = 34 * (len(WORLD.segments) - empty)
    assert seen == [(sizes, 34 + 47), (sizes, 34 + 47), (2 * sizes, 2 * (34 + 47))]


def test_a_history_that_fails_gives_what_is_known_and_is_read_again() -> None:
    """Past: the newest two days tell of yesterday; once Braze answers again, of all."""
    hour = START.replace(minute=0) - AN_HOUR
    with Workbench(WORLD, START) as bench:
        bench.simulator.faults.add("server-error-500@/sessions/data_series:length=100")
        bench.poll()
        assert bench.value("braze_exporter_collector_success", SESSIONS) == 1
        assert shown(bench) == {
            "1d": truth(hour, 1),
            "1w": None,
            "4w_median": None,
            "threshold": None,
        }

        bench.simulator.faults.clear()
        bench.clock.moment += AN_HOUR
        hour += AN_HOUR
        bench.poll(SESSIONS)
        nears(shown(bench), true(hour))


def test_an_outage_leaves_no_hole_in_what_is_normal() -> None:
    """Past: an exporter that could not reach Braze for four days reads what it missed, and takes no
    hour for whole that it saw while it filled.
    """
    with Workbench(WORLD, START) as bench:
        bench.poll()
        bench.clock.moment += timedelta(days=4)
        hour = START.replace(minute=0) + timedelta(days=4) - AN_HOUR
        for _ in range(3):  # 1d of them is what was missed, later what the first hour was …
            bench.poll(SESSIONS)
            nears(shown(bench), true(hour))
            bench.clock.moment += AN_HOUR
            hour += AN_HOUR
        bench.clock.moment = START + timedelta(days=7, hours=1)  # … and here 1w is what filled then
        bench.poll(SESSIONS)
        nears(shown(bench), true(START.replace(minute=0) + timedelta(days=7)))


def test_a_reload_of_alerts_counts_at_once() -> None:
    """Thresholds follow the settings when the reload answers, not with the next poll."""
    now = datetime(2026, 11, 22, 14, 40, tzinfo=UTC)
    world = World(7, now, segments=1)
    with Workbench(world, now) as bench:
        bench.poll(DISCOVERY, SEGMENTS)
        usual = bench.value("braze_segment_size_alert_threshold", world.segments[0].id)
        assert usual is not None

        bench.store.expect([replace(bench.watch, alerts=Alerts(drop=0.5))])

        half = bench.value("braze_segment_size_alert_threshold", world.segments[0].id)
        assert half == pytest.approx(usual * 0.5 / 0.7)
