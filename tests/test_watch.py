"""Which collectors, series and segments follow from a workspace's settings."""

import re
from typing import Any

import pytest

from exporter.config import Kpi, reference
from exporter.families import DISCOVERY, EVENTS, FAMILIES, FAMILY, KPI, SEGMENTS, SESSIONS
from exporter.model import Segment, Series, Unit
from exporter.shard import Shard
from exporter.watch import Alerts, Selection, of_shard, select
from tests.fakes import HOUR, a_watch, event, figure, size

LISTING = (
    Segment("s1", "Lifecycle: new", tags=("growth",)),
    Segment("s2", "Lifecycle: lapsed", tags=("growth", "core")),
    Segment("s3", "Lifecycle: test", tags=("qa",)),
    Segment("s4", "Newsletter"),
)


def patterns(*texts: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(text) for text in texts)


@pytest.mark.parametrize(
    ("settings", "selected", "filtered"),
    [
        ({}, ["s1", "s2", "s3", "s4"], 0),
        # Any of the regexes anywhere in the name
        ({"include": patterns("^Lifecycle")}, ["s1", "s2", "s3"], 1),
        ({"include": patterns("new", "^News")}, ["s1", "s4"], 2),
        ({"exclude": patterns("(?i)TEST")}, ["s1", "s2", "s4"], 1),
        ({"include": patterns("^Life"), "exclude": patterns("test", "lapsed")}, ["s1"], 3),
        # Any of the tags
        ({"tags": ("core", "qa")}, ["s2", "s3"], 2),
        ({"tags": ("growth",), "exclude": patterns("new")}, ["s2"], 3),
        ({"tags": ("nobody's",)}, [], 4),
        # Explicit ones are always in, and first
        ({"ids": ("s4",), "include": patterns("new")}, ["s4", "s1"], 2),
        ({"ids": ("s3",), "exclude": patterns(".")}, ["s3"], 3),
        ({"ids": ("s3", "s9"), "discover": False}, ["s3", "s9"], 3),
        ({"ids": ("s3", "s9")}, ["s3", "s9", "s1", "s2", "s4"], 0),
        ({"discover": False}, [], 4),
    ],
)
def test_which_segments_are_selected(
    settings: dict[str, Any], selected: list[str], filtered: int
) -> None:
    """Explicit ids are always in; discovery adds what passes `include`, `exclude` and `tags`; what
    is left out by these is counted.
    """
    assert select(LISTING, a_watch(**settings)) == Selection(tuple(selected), filtered, 0)


@pytest.mark.parametrize(
    ("settings", "selected", "over_limit"),
    [
        ({"limit": 4}, ["s1", "s2", "s3", "s4"], 0),
        ({"limit": 3}, ["s1", "s2", "s3"], 1),
        ({"limit": 0}, [], 4),
        # Explicit ones take room, and are never left out
        ({"limit": 3, "ids": ("s4",)}, ["s4", "s1", "s2"], 1),
        ({"limit": 1, "ids": ("s4", "s3")}, ["s4", "s3"], 2),
    ],
)
def test_segments_over_the_limit_are_counted_and_left_out(
    settings: dict[str, Any], selected: list[str], over_limit: int
) -> None:
    """The limit keeps the oldest of the list, so that a new segment never pushes an old one out."""
    assert select(LISTING, a_watch(**settings)) == Selection(tuple(selected), 0, over_limit)


def test_before_the_list_is_read_explicit_ids_are_selected_and_nothing_is_counted() -> None:
    """Honest start: how many are filtered is unknown, not 0; explicit ids need no list."""
    assert select(None, a_watch(ids=("s1",))) == Selection(("s1",), None, None)


def test_an_empty_list_is_a_list() -> None:
    """Honest start: Braze said that there is nothing, which is something else than not asked."""
    assert select((), a_watch()) == Selection((), 0, 0)


@pytest.mark.parametrize(
    ("settings", "collectors"),
    [
        ({}, {DISCOVERY: HOUR, SEGMENTS: 1800}),
        # Discovery also reads the names of explicit ids
        ({"ids": ("s1",), "discover": False}, {DISCOVERY: HOUR, SEGMENTS: 1800}),
        ({"discover": False}, {}),
        ({"discover": False, "apps": {"a1": "ios"}}, {SESSIONS: 300}),
        ({"discover": False, "workspace_total": True}, {SESSIONS: 300}),
        ({"discover": False, "by_segment": ("s1",)}, {DISCOVERY: HOUR, SESSIONS: 300}),
        ({"apps": {"a1": "ios"}}, {DISCOVERY: HOUR, SEGMENTS: 1800, SESSIONS: 300}),
        ({"apps": {"a1": "ios"}, "units": ()}, {DISCOVERY: HOUR, SEGMENTS: 1800}),
        ({"discover": False, "kpis": ("dau",)}, {KPI: 1800}),
        ({"discover": False, "events": ("bought",)}, {EVENTS: 300}),
        ({"discover": False, "events": ("bought",), "event_units": ()}, {}),
    ],
)
def test_a_collector_exists_when_it_has_something_to_do(
    settings: dict[str, Any], collectors: dict[str, float]
) -> None:
    """Nothing is asked of an endpoint that no setting needs."""
    assert a_watch(**settings).intervals == collectors


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, []),
        (
            {"apps": {"a1": "ios", "a2": "android"}},
            [
                'braze_app_sessions_daily{workspace="production",app_id="a1"}',
                'braze_app_sessions_hourly{workspace="production",app_id="a1"}',
                'braze_app_sessions_daily{workspace="production",app_id="a2"}',
                'braze_app_sessions_hourly{workspace="production",app_id="a2"}',
            ],
        ),
        (
            {"workspace_total": True, "units": (Unit.HOUR,)},
            ['braze_workspace_sessions_hourly{workspace="production"}'],
        ),
        (
            # Without apps, a segment's sessions are those in every app
            {"by_segment": ("s1",), "units": (Unit.DAY,)},
            ['braze_segment_sessions_daily{workspace="production",segment_id="s1",app_id=""}'],
        ),
        (
            # Never the total beside its parts
            {"by_segment": ("s1",), "apps": {"a1": "ios"}, "units": (Unit.DAY,)},
            [
                'braze_app_sessions_daily{workspace="production",app_id="a1"}',
                'braze_segment_sessions_daily{workspace="production",segment_id="s1",app_id="a1"}',
            ],
        ),
    ],
)
def test_which_sessions_are_asked_for(settings: dict[str, Any], expected: list[str]) -> None:
    """Every app, every tracked segment by app, and the workspace, in each unit of the settings."""
    assert [str(series) for series in a_watch(**settings).wanted(SESSIONS)] == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, []),
        # Without apps there is only the workspace, whatever the settings say of it
        ({"kpis": ("dau",), "kpi_total": False}, [figure("daily_active_users")]),
        (
            {"kpis": ("mau", "dau"), "apps": {"a1": "ios", "a2": "web"}},
            [
                figure("monthly_active_users", "a1"),
                figure("daily_active_users", "a1"),
                figure("monthly_active_users", "a2"),
                figure("daily_active_users", "a2"),
                figure("monthly_active_users"),
                figure("daily_active_users"),
            ],
        ),
        (
            {"kpis": ("uninstalls",), "apps": {"a1": "ios"}, "kpi_total": False},
            [figure("uninstalls_daily", "a1")],
        ),
    ],
)
def test_which_figures_of_users_are_asked_for(
    settings: dict[str, Any], expected: list[Series]
) -> None:
    """Those that the settings name, of each app and of the workspace, in their order."""
    assert list(a_watch(**settings).wanted(KPI)) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, []),
        ({"events": ("bought",), "event_units": (Unit.DAY,)}, [event("bought")]),
        (
            {"events": ("bought", "left"), "apps": {"a1": "ios"}},
            [
                event("bought", "a1"),
                event("bought", "a1", "hourly"),
                event("left", "a1"),
                event("left", "a1", "hourly"),
            ],
        ),
    ],
)
def test_which_events_are_asked_for(settings: dict[str, Any], expected: list[Series]) -> None:
    """Each of each app; of the whole workspace where there are no apps."""
    assert list(a_watch(**settings).wanted(EVENTS)) == expected


def test_every_family_can_be_asked_for() -> None:
    """The settings name every family of the catalogue, and nothing that is none."""
    [row] = [row for row in reference() if row.path.endswith("kpi.metrics")]
    words = row.type.removeprefix("list of ").split(", ")
    watch = a_watch(
        apps={"a1": "ios"},
        workspace_total=True,
        by_segment=("s1",),
        kpis=Kpi.model_validate({"metrics": words}).metrics,
        events=("bought",),
    )
    assert {series.family for series in watch.wanted_of_all(["s1"])} == set(FAMILIES)


@pytest.mark.parametrize(
    ("settings", "query"),
    [
        ({"kpis": ("dau",), "apps": {"a1": "ios"}, "kpi_total": False}, {"app_id": "a1"}),
        ({"kpis": ("dau",)}, {}),
        ({"events": ("bought",), "event_units": (Unit.DAY,)}, {"event": "bought"}),
        ({"apps": {"a1": "ios"}}, {"app_id": "a1"}),
        ({"workspace_total": True}, {}),
        ({"by_segment": ("s1",)}, {"segment_id": "s1"}),
    ],
)
def test_a_series_labels_are_what_braze_is_asked(
    settings: dict[str, Any], query: dict[str, str]
) -> None:
    """A label other than `workspace` is the parameter of that name, left out where it is empty."""
    series = a_watch(discover=False, units=(Unit.DAY,), **settings).wanted_of_all()
    assert query in [one.query for one in series]


def test_a_size_is_asked_for_every_selected_segment() -> None:
    """One series a segment, in the order of the selection."""
    assert a_watch().wanted(SEGMENTS, ["s2", "s1"]) == (size("s2"), size("s1"))


def test_the_drop_of_a_segment_goes_before_that_of_its_app() -> None:
    """Both by their ids; else the usual one, or the rise where a rise alarms."""
    alerts = Alerts(drop=0.3, surge=2.0, segments={"s1": 0.5}, apps={"a1": 0.1})
    by_segment = FAMILY["braze_segment_sessions_daily"]
    by_app = FAMILY["braze_app_sessions_daily"]

    assert alerts.share_of(Series(by_segment, ("shop", "s1", "a1"))) == 0.5
    assert alerts.share_of(Series(by_segment, ("shop", "s2", "a1"))) == 0.1
    assert alerts.share_of(Series(by_app, ("shop", "a1"))) == 0.1
    assert alerts.share_of(Series(by_app, ("shop", "a2"))) == 0.3
    assert alerts.share_of(Series(FAMILY["braze_app_uninstalls_daily"], ("shop", "a1"))) == 2.0


def test_a_shard_has_its_part_of_whatever_is_asked_for() -> None:
    """By workspace, kind and id: another spelling of these would move what is watched to another
    shard with the next version.
    """
    names = [f"n{number}" for number in range(20)]
    for shard in (Shard(ordinal, 3) for ordinal in range(3)):
        watch = a_watch(
            apps={name: name for name in names},
            workspace_total=True,
            shard=shard,
            units=(Unit.DAY,),
        )
        own = [name for name in names if shard.has("production", "segment", name)]
        apps = [name for name in names if shard.has("production", "app", name)]
        total = [("production",)] * shard.has("production", "total")
        sessions = [each.labels for each in watch.wanted(SESSIONS)]

        assert of_shard(names, watch) == Selection((*own,), elsewhere=20 - len(own))
        assert [*watch.own_apps()] == apps
        assert sorted(sessions) == sorted([*(("production", app) for app in apps), *total])


def test_events_of_the_workspace_are_shared_among_shards() -> None:
    """Where there are no apps to share them by."""
    names = tuple(f"n{number}" for number in range(20))
    for shard in (Shard(ordinal, 3) for ordinal in range(3)):
        watch = a_watch(events=names, shard=shard, units=(Unit.DAY,))
        own = [name for name in names if shard.has("production", "event", name)]

        assert {each.label("event") for each in watch.wanted(EVENTS)} == {*own}


def test_a_value_stands_until_the_next_poll_had_its_chance() -> None:
    """`keep` is for what could not be read; sizes polled twice a day do not flap under 6 hours."""
    polls = {SEGMENTS: 12 * HOUR, SESSIONS: HOUR / 12, DISCOVERY: HOUR}
    watch = a_watch(keep=6.0 * HOUR, polls=polls)

    assert watch.keep_of(SEGMENTS) == 18 * HOUR
    assert watch.keep_of(SESSIONS) == 6 * HOUR
