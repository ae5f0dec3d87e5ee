"""The simulated endpoints, asked without a socket: series and the list of segments."""

import json
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.simulator import APP_IDS, HOUR_FORMS, Response, Simulator, World

NOW = datetime(2026, 9, 15, 12, 20, 30, tzinfo=UTC)
SEGMENTS, SESSIONS, LIST = "/segments/data_series", "/sessions/data_series", "/segments/list"
WORLD = World(1, NOW)
SEGMENT = WORLD.segments[0].id
IOS = APP_IDS["ios"]
REMAINING = "X-RateLimit-Remaining"
EVENTS, DAU, MAU, NEW_USERS, UNINSTALLS = (
    f"/{name}/data_series"
    for name in ("events", "kpi/dau", "kpi/mau", "kpi/new_users", "kpi/uninstalls")
)


def braze(world: World = WORLD, now: datetime = NOW, **options: Any) -> Simulator:
    return Simulator(world, lambda: now, **options)


def ask(simulator: Simulator, target: str) -> Response:
    path, _, query = target.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    return simulator.respond("GET", path, pairs, {"Authorization": "Bearer demo"})


def content(response: Response) -> Any:
    return json.loads(response.body)


def points(response: Response, field: str) -> list[tuple[str, int]]:
    assert response.status == 200, response.body
    return [(point["time"], point[field]) for point in content(response)["data"]]


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (f"{SESSIONS}", "length is required"),
        (f"{SESSIONS}?length=0", "length must be an integer between 1 and 100"),
        (f"{SESSIONS}?length=101", "length must be an integer between 1 and 100"),
        (f"{SESSIONS}?length=1.0", "length must be an integer between 1 and 100"),
        (f"{SESSIONS}?length=%2B1", "length must be an integer between 1 and 100"),
        (f"{SESSIONS}?length=1&unit=week", "unit must be day or hour"),
        (f"{SESSIONS}?length=1&ending_at=", "ending_at must be an ISO 8601 datetime"),
        (f"{SESSIONS}?length=1&ending_at=now", "ending_at must be an ISO 8601 datetime"),
        (f"{SESSIONS}?length=1&app_id=x", "app_id must be a string of the App api identifier"),
        (
            f"{SESSIONS}?length=1&segment_id=x",
            "segment_id must be a string of the Segment api identifier",
        ),
        (
            f"{SEGMENTS}?length=1&segment_id=x",
            "segment_id must be a string of the Segment api identifier",
        ),
        (f"{SEGMENTS}?length=1", "segment_id is required"),
        (f"{EVENTS}?length=1", "event is required"),
        (f"{EVENTS}?length=1&event=x&unit=week", "unit must be day or hour"),
        (f"{DAU}?length=101", "length must be an integer between 1 and 100"),
        (f"{MAU}?length=1&app_id=x", "app_id must be a string of the App api identifier"),
        (f"{LIST}?page=-1", "page must be an integer of at least 0"),
        (f"{LIST}?sort_direction=up", "sort_direction must be asc or desc"),
    ],
)
def test_a_mistake_in_the_request_is_a_400_that_counts(target: str, text: str) -> None:
    """An unknown id, too; and the answer has rate headers."""
    response = ask(braze(), target)
    assert (response.status, content(response)) == (400, {"message": text})
    assert response.header(REMAINING) == "249999"


@pytest.mark.parametrize("length", [1, 2, 99, 100])
def test_a_series_has_exactly_as_many_points_as_asked_for(length: int) -> None:
    """Ascending, without gaps, the last one today."""
    days = points(ask(braze(), f"{SEGMENTS}?segment_id={SEGMENT}&length={length}"), "size")
    last = NOW.date()
    expected = [(last - timedelta(days=back)).isoformat() for back in range(length - 1, -1, -1)]
    assert [day for day, _ in days] == expected
    truth = WORLD.segment_points(SEGMENT, NOW, length)
    assert [value for _, value in days] == [value for _, value in truth]


def test_sessions_are_by_day_unless_asked_for_by_hour() -> None:
    """Values are those of the world, and the running bucket is the last."""
    days = points(ask(braze(), f"{SESSIONS}?length=2&app_id={IOS}"), "sessions")
    hours = points(ask(braze(), f"{SESSIONS}?length=2&app_id={IOS}&unit=hour"), "sessions")
    assert [time for time, _ in days] == ["2026-09-14", "2026-09-15"]
    assert [time for time, _ in hours] == [
        "2026-09-15T11:00:00+00:00",
        "2026-09-15T12:00:00+00:00",
    ]
    truth = WORLD.session_points("hour", IOS, None, NOW, 2)
    assert [value for _, value in hours] == [value for _, value in truth]
    assert truth[-1].value < WORLD.sessions(IOS, None, NOW.replace(minute=0, second=0))


def test_sessions_can_be_asked_for_by_segment() -> None:
    """Of all apps or of one."""
    for app in ("", f"&app_id={IOS}"):
        target = f"{SESSIONS}?length=3&segment_id={SEGMENT}{app}"
        truth = WORLD.session_points("day", IOS if app else None, SEGMENT, NOW, 3)
        assert [v for _, v in points(ask(braze(), target), "sessions")] == [v for _, v in truth]


@pytest.mark.parametrize(
    ("ending_at", "last"),
    [
        ("2026-09-10", "2026-09-09"),
        ("2026-09-10T00:00:00Z", "2026-09-09"),
        ("2026-09-10T00:00:01Z", "2026-09-10"),
        ("2026-09-10T23:59:59-5:00", "2026-09-11"),
        ("2026-09-15T12:20:30Z", "2026-09-15"),
        ("2026-09-15T14:20:30%2B02:00", "2026-09-15"),
    ],
)
def test_the_last_bucket_holds_the_instant_before_ending_at(ending_at: str, last: str) -> None:
    """So a date alone is exclusive."""
    series = points(ask(braze(), f"{SESSIONS}?length=3&ending_at={ending_at}"), "sessions")
    assert [time for time, _ in series][-1] == last


@pytest.mark.parametrize(
    "ending_at",
    [
        "2026-09-15T12:20:31Z",
        "2026-09-16",
        "2026-09-15T14:20:31%2B02:00",
        "2026-09-15T14:00:00+02:00",
    ],
)
def test_an_ending_at_in_the_future_is_a_400(ending_at: str) -> None:
    """And so is a plus sign that was not encoded, for it arrives as a space."""
    assert ask(braze(), f"{SESSIONS}?length=3&ending_at={ending_at}").status == 400


@pytest.mark.parametrize(
    ("zone", "days", "hour"),
    [
        (ZoneInfo("Asia/Tokyo"), ["2026-09-15", "2026-09-16"], "2026-09-16T01:00:00+09:00"),
        (ZoneInfo("America/New_York"), ["2026-09-14", "2026-09-15"], "2026-09-15T12:00:00-04:00"),
        (ZoneInfo("Asia/Kolkata"), ["2026-09-14", "2026-09-15"], "2026-09-15T21:00:00+05:30"),
    ],
)
def test_buckets_are_those_of_the_companys_zone(zone: tzinfo, days: list[str], hour: str) -> None:
    """At the same moment it is already tomorrow in Tokyo."""
    now = datetime(2026, 9, 15, 16, 20, tzinfo=UTC)
    simulator = braze(World(1, now, zone=zone), now)
    by_day = points(ask(simulator, f"{SESSIONS}?length=2"), "sessions")
    by_hour = points(ask(simulator, f"{SESSIONS}?length=1&unit=hour"), "sessions")
    assert [time for time, _ in by_day] == days
    assert [time for time, _ in by_hour] == [hour]


@pytest.mark.parametrize("form", HOUR_FORMS)
def test_the_form_of_hours_can_be_chosen(form: str) -> None:
    """Days stay dates."""
    simulator = braze(hour_format=form)
    ((hour, _),) = points(ask(simulator, f"{SESSIONS}?length=1&unit=hour"), "sessions")
    ((day, _),) = points(ask(simulator, f"{SESSIONS}?length=1"), "sessions")
    assert hour == HOUR_FORMS[form](NOW.replace(minute=0, second=0), UTC)
    assert day == "2026-09-15"


def test_an_unknown_form_of_hours_is_refused_with_those_there_are() -> None:
    """When the simulator is made, not when it is asked."""
    with pytest.raises(ValueError, match="'hour-x' is none of hour-offset, hour-z"):
        braze(hour_format="hour-x")


@given(
    st.dictionaries(
        st.sampled_from(["length", "unit", "ending_at", "segment_id", "app_id", "event", "page"]),
        st.text(),
    ),
    st.sampled_from([SEGMENTS, SESSIONS, LIST, EVENTS, DAU, MAU]),
)
def test_whatever_is_asked_there_is_an_answer(query: dict[str, str], path: str) -> None:
    """200 or 400, in JSON, and never an exception."""
    response = braze().respond("GET", path, query.items(), {"Authorization": "Bearer demo"})
    assert response.status in (200, 400)
    assert "message" in content(response)


# Figures of users, and events


def kpi(target: str, now: datetime, world: World = WORLD) -> dict[str, int]:
    """The days of an answer at `now`."""
    return dict(points(ask(braze(world, now), target), target.split("/")[2]))


@pytest.mark.parametrize("path", [DAU, NEW_USERS, UNINSTALLS])
def test_a_figure_of_a_day_grows_during_the_day(path: str) -> None:
    """From 0 at midnight; the days before stand."""
    midnight = NOW.replace(hour=0, minute=0, second=0)
    days = [kpi(f"{path}?length=2", midnight + timedelta(hours=hour)) for hour in range(25)]
    today = [day.get("2026-09-15", 0) for day in days]

    assert today[0] == 0
    assert today == sorted(today)
    assert today[6] < today[18] < today[24]
    assert len({day["2026-09-14"] for day in days[1:24]}) == 1


def test_monthly_users_step_at_the_nightly_run() -> None:
    """Until five past noon UTC, a day has what the run of the day before found (DOCS)."""
    noon = NOW.replace(hour=12, minute=0, second=0)
    before, after, evening = (
        kpi(f"{MAU}?length=2", noon + timedelta(minutes=minutes)) for minutes in (4, 5, 600)
    )

    assert before["2026-09-15"] == before["2026-09-14"] == after["2026-09-14"]
    assert after["2026-09-15"] != before["2026-09-15"]
    assert after == evening


@pytest.mark.parametrize(
    ("path", "unique"), [(DAU, True), (MAU, True), (NEW_USERS, True), (UNINSTALLS, False)]
)
def test_unique_users_of_apps_do_not_add_up(path: str, unique: bool) -> None:
    """Who uses two apps counts in each, and once in the workspace (DOCS)."""
    together = kpi(f"{path}?length=5", NOW)
    apart = [kpi(f"{path}?length=5&app_id={app}", NOW) for app in APP_IDS.values()]

    for day, value in together.items():
        added = sum(each[day] for each in apart)
        assert value < added if unique else value == pytest.approx(added, abs=3)
        assert all(value > each[day] for each in apart)


def test_figures_are_by_day_whatever_unit_is_asked_for() -> None:
    """There is no such parameter, and what is unknown is ignored."""
    assert kpi(f"{DAU}?length=3&unit=hour", NOW) == kpi(f"{DAU}?length=3", NOW)


def test_an_event_has_its_count_by_hour_and_by_day() -> None:
    """Over all apps it is the sum, and a day is the sum of its hours."""
    target = f"{EVENTS}?event=added_to_cart&length=100"
    [yesterday] = [
        value for day, value in points(ask(braze(), target), "count") if day == "2026-09-14"
    ]
    hours = points(ask(braze(), f"{target}&unit=hour"), "count")
    apps = [points(ask(braze(), f"{target}&app_id={app}"), "count") for app in APP_IDS.values()]

    assert sum(value for hour, value in hours if hour.startswith("2026-09-14")) == yesterday
    assert sum(dict(days)["2026-09-14"] for days in apps) == yesterday > 0


@pytest.mark.parametrize("faults", [(), ("newest-zero",), ("future-bucket",), ("restated",)])
def test_an_event_that_never_happened_has_no_points(faults: tuple[str, ...]) -> None:
    """It is no mistake (AIRBYTE-REC), and nothing can be wrong with points that are not there."""
    simulator = braze(faults=faults)
    assert points(ask(simulator, f"{EVENTS}?event=never&length=5"), "count") == []


@pytest.mark.parametrize("fault", ["newest-zero", "zero-filled"])
def test_what_happens_to_series_happens_to_these(fault: str) -> None:
    """To those that a fault is limited to, too."""
    simulator = braze(faults=[f"{fault}@{MAU}", f"{fault}@{EVENTS}:event=added_to_cart"])
    target = f"{EVENTS}?length=2&event="

    assert points(ask(simulator, f"{MAU}?length=2"), "mau")[-1][1] == 0
    assert points(ask(simulator, f"{target}added_to_cart"), "count")[-1][1] == 0
    assert points(ask(simulator, f"{target}completed_checkout"), "count")[-1][1] > 0
    assert points(ask(simulator, f"{DAU}?length=2"), "dau")[-1][1] > 0


# Lists


def test_the_list_of_segments_says_what_is_known_of_each() -> None:
    """Id, name, tracking and tags, oldest first."""
    items = content(ask(braze(), LIST))["segments"]
    assert [(item["id"], item["name"]) for item in items] == [
        (s.id, s.name) for s in WORLD.segments
    ]
    assert items[2] == {
        "id": WORLD.segments[2].id,
        "name": "Push Enabled - iOS",
        "analytics_tracking_enabled": True,
        "tags": ["push", "lifecycle"],
    }


def test_the_list_comes_in_pages_of_100_from_page_0() -> None:
    """A page past the end is empty, not a mistake; the other direction starts with the newest."""
    world = World(1, NOW, segments=250)
    simulator, ids = braze(world), [segment.id for segment in world.segments]

    def page(query: str) -> list[str]:
        return [item["id"] for item in content(ask(simulator, f"{LIST}{query}"))["segments"]]

    assert page("") == page("?page=0") == ids[:100]
    assert page("?page=1") == ids[100:200]
    assert page("?page=2") == ids[200:]
    assert page("?page=3") == page("?page=999999999") == []
    assert page("?sort_direction=desc") == ids[:-101:-1]
