"""Figures of users and custom events, against a small Braze: they have all that sessions have."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any, NamedTuple

import pytest

from exporter.families import EVENTS, KPI
from exporter.simulator import DEFAULT_KEY, World
from exporter.watch import Alerts
from tests.workbench import Workbench

START = datetime(2026, 11, 20, 14, 40, tzinfo=UTC)
WORLD = World(7, START, segments=0)
IOS = WORLD.apps[0].id
KPIS = ("dau", "mau", "new_users", "uninstalls")
EVENT = "added_to_cart"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MIDNIGHT = START.replace(hour=0, minute=0)
FORBIDDEN = f"{DEFAULT_KEY}-without-kpi.dau.data_series"


def watching(start: datetime = START, key: str = DEFAULT_KEY, **changes: Any) -> Workbench:
    """A bench that watches users and one event alone."""
    alone: dict[str, Any] = {
        "discover": False,
        "units": (),
        "workspace_total": False,
        "kpis": KPIS,
        "events": (EVENT,),
    }
    return Workbench(WORLD, start, key=lambda: key, **(alone | changes))


@pytest.fixture
def bench() -> Iterator[Workbench]:
    with watching() as made:
        yield made


class Case(NamedTuple):
    """A family, the labels of one of its series, and the option or event that the world knows."""

    family: str
    labels: tuple[str, ...]
    word: str

    def truth(self, start: datetime) -> float:
        """What the world has for the whole bucket that begins at `start`, known a day later."""
        app = IOS if self.labels else None
        if self.word in KPIS:
            return WORLD.kpi(self.word, app, start.date(), start + DAY)
        end = start + (HOUR if self.hours else DAY)
        [point] = WORLD.event_points(EVENT, "hour" if self.hours else "day", app, None, end, 1)
        return point.value

    @property
    def hours(self) -> bool:
        return self.family.endswith("_hourly")

    @property
    def newest(self) -> datetime:
        """The start of the newest complete bucket; of a level, of today."""
        if self.word == "mau":
            return MIDNIGHT
        return START.replace(minute=0) - HOUR if self.hours else MIDNIGHT - DAY


COUNTS = (
    Case("braze_app_daily_active_users", (IOS,), "dau"),
    Case("braze_workspace_daily_active_users", (), "dau"),
    Case("braze_app_new_users_daily", (IOS,), "new_users"),
    Case("braze_workspace_new_users_daily", (), "new_users"),
    Case("braze_app_uninstalls_daily", (IOS,), "uninstalls"),
    Case("braze_workspace_uninstalls_daily", (), "uninstalls"),
    Case("braze_app_events_daily", (IOS, EVENT), EVENT),
    Case("braze_app_events_hourly", (IOS, EVENT), EVENT),
)
LEVELS = (
    Case("braze_app_monthly_active_users", (IOS,), "mau"),
    Case("braze_workspace_monthly_active_users", (), "mau"),
)


@pytest.mark.parametrize("case", [*COUNTS, *LEVELS], ids=lambda case: case.family)
def test_the_value_its_bucket_and_what_is_normal(bench: Workbench, case: Case) -> None:
    """After one poll: as Braze has it, of the newest complete bucket, with its past."""
    bench.poll()
    days = range(1, 29) if case in LEVELS else range(7, 29, 7)

    def shown(suffix: str, *more: str) -> float | None:
        return bench.value(case.family + suffix, *case.labels, *more)

    assert shown("") == case.truth(case.newest)
    assert shown("_timestamp_seconds") == case.newest.timestamp()
    assert shown("_baseline", "1d") == case.truth(case.newest - DAY)
    assert shown("_baseline", "1w") == case.truth(case.newest - 7 * DAY)
    assert shown("_baseline", "4w_median") == median(
        case.truth(case.newest - number * DAY) for number in days
    )


@pytest.mark.parametrize("case", COUNTS, ids=lambda case: case.family)
def test_what_still_fills_stands_apart(bench: Workbench, case: Case) -> None:
    """More than nothing and less than the whole; it grows."""
    bench.poll()
    first = bench.value(f"{case.family}_current", *case.labels)
    bench.clock.moment += timedelta(minutes=15)
    bench.poll()
    second = bench.value(f"{case.family}_current", *case.labels)

    assert first is not None
    assert second is not None
    assert 0 < first < second


def test_monthly_users_never_fill(bench: Workbench) -> None:
    bench.poll()
    assert bench.value("braze_app_monthly_active_users_current", IOS) is None


@pytest.mark.parametrize("case", [*COUNTS, *LEVELS], ids=lambda case: case.family)
def test_the_threshold_is_below_normal_and_of_uninstalls_above(
    bench: Workbench, case: Case
) -> None:
    """Of these more is what alarms."""
    bench.poll()
    week, weeks = (bench.value(f"{case.family}_baseline", *case.labels, name)
                   for name in ("1w", "4w_median"))  # fmt: skip
    assert week is not None
    assert weeks is not None
    threshold = bench.value(f"{case.family}_alert_threshold", *case.labels)

    if case.word == "uninstalls":
        assert threshold == 2 * max(week, weeks)
    else:
        assert threshold == pytest.approx(0.7 * min(week, weeks))


@pytest.mark.parametrize("case", [*COUNTS, *LEVELS], ids=lambda case: case.family)
def test_of_little_there_is_no_threshold(case: Case) -> None:
    """Each has the minimum of its kind; of a surge it is the least that is taken for normal."""
    nothing = Alerts(min_size=0, min_sessions=0, min_users=0, min_events=0)
    mine = "min_size" if case in LEVELS else "min_users" if case.word in KPIS else "min_events"
    family = f"{case.family}_alert_threshold"
    for minimum in ("min_size", "min_sessions", "min_users", "min_events"):
        much: dict[str, Any] = {minimum: 1e12}
        with watching(alerts=replace(nothing, **much)) as bench:
            bench.poll()
            threshold = bench.value(family, *case.labels)
            if case.word == "uninstalls" and minimum == mine:
                assert threshold == 2e12
            else:
                assert (threshold is None) == (minimum == mine)


def test_a_missing_permission_leaves_the_other_figures_alone() -> None:
    """Permissions are of endpoints, and a collector has several."""
    with watching(key=FORBIDDEN) as bench:
        reading = bench.poll(KPI)
        bench.poll(EVENTS)

        assert {one.family.option for one in reading.answers} == set(KPIS) - {"dau"}
        assert {one.family.option for one in reading.failures if one} == {"dau"}
        assert bench.value("braze_app_monthly_active_users", IOS)
        assert bench.value("braze_app_daily_active_users", IOS) is None
        assert bench.value("braze_exporter_series_failed", KPI) == len(WORLD.apps) + 1
        assert bench.value("braze_exporter_collector_success", EVENTS) == 1
        assert bench.value("braze_up") == 1


def test_what_cannot_be_read_is_held_and_then_gone(bench: Workbench) -> None:
    """Holding: for `keep`, whatever the reason."""
    bench.poll()
    bench.simulator.faults.add("server-error-500")
    for hours, there in ((1, True), (4, True), (2, False)):
        bench.clock.moment += hours * HOUR
        bench.poll()
        for case in (*COUNTS, *LEVELS):
            assert (bench.value(case.family, *case.labels) is not None) == there


@pytest.mark.parametrize("hour", [0, 6, 11, 12, 18, 23])
def test_no_zero_of_monthly_users_is_believed_before_the_day_is_over(hour: int) -> None:
    """Braze counts them at 12:05 UTC: until then a 0 means that it has not yet."""
    now = MIDNIGHT + hour * HOUR + timedelta(minutes=50)
    with watching(now) as bench:
        bench.simulator.faults.add("newest-zero@/kpi/mau/data_series")
        for _ in range(2):
            bench.poll(KPI)
            assert bench.value("braze_app_monthly_active_users", IOS) == WORLD.kpi(
                "mau", IOS, MIDNIGHT.date() - DAY, now
            )
            bench.clock.moment += timedelta(minutes=5)


@pytest.mark.parametrize("fault", ["data-empty", "data-missing", "data-null"])
def test_an_answer_without_points_is_no_failure_and_no_zero(bench: Workbench, fault: str) -> None:
    """Braze leaves out what it never counted; what was held goes at once."""
    bench.poll()
    bench.simulator.faults.add(fault)
    bench.poll()
    for collector in (KPI, EVENTS):
        assert bench.value("braze_exporter_collector_success", collector) == 1
    for case in (*COUNTS, *LEVELS):
        assert bench.value(case.family, *case.labels) is None


def test_an_event_that_never_happened_has_no_series() -> None:
    """A misspelt name shows by what is not there, not by a 0."""
    with watching(events=("added_to_crat",)) as bench:
        bench.poll(EVENTS)
        assert bench.value("braze_exporter_collector_success", EVENTS) == 1
        assert "braze_app_events_daily{" not in bench.page().decode()


def test_points_that_braze_changes_are_counted() -> None:
    """Restated: complete days and hours of both collectors."""
    count = "braze_exporter_restated_points_total"
    with watching(apps={IOS: "ios"}, kpi_total=False) as bench:
        bench.poll()
        assert (bench.value(count, KPI), bench.value(count, EVENTS)) == (0, 0)
        bench.simulator.faults.add("restated")
        bench.poll()
        assert (bench.value(count, KPI), bench.value(count, EVENTS)) == (len(KPIS) * 34, 34 + 47)


def test_without_apps_they_are_of_the_whole_workspace() -> None:
    """And an event has an empty `app_id`, as its labels must be the same."""
    with watching(apps={}) as bench:
        bench.poll()
        assert bench.value("braze_workspace_daily_active_users")
        assert f'braze_app_events_daily{{workspace="production",app_id="",event="{EVENT}"}}' in (
            bench.page().decode()
        )
