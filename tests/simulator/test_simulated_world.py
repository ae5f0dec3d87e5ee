"""The truth of the made-up workspace: what the simulator's answers are made from."""

import re
import statistics
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from exporter.simulator import APP_IDS, Point, World

NOW = datetime(2026, 9, 15, 12, 20, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
COLLAPSED = "Push Enabled - iOS"


def segment_id(world: World, name: str) -> str:
    return next(segment.id for segment in world.segments if segment.name == name)


def values(points: Sequence[Point]) -> list[int]:
    return [value for _, value in points]


def test_the_same_seed_tells_the_same_truth() -> None:
    """And another seed another."""
    one, same, other = World(1, NOW), World(1, NOW), World(2, NOW)
    for app_id in APP_IDS.values():
        points = one.session_points("hour", app_id, None, NOW, 50)
        assert points == same.session_points("hour", app_id, None, NOW, 50)
        assert points != other.session_points("hour", app_id, None, NOW, 50)
    assert one.segments == same.segments
    assert not {s.id for s in one.segments} & {s.id for s in other.segments}


def test_the_truth_about_a_finished_bucket_does_not_change_with_the_clock() -> None:
    """A day later the same days and hours have the same values."""
    world = World(1, NOW)
    days = world.session_points("day", None, None, NOW, 30)[:-1]
    assert world.session_points("day", None, None, NOW + DAY, 31)[: len(days)] == days
    hours = world.session_points("hour", None, None, NOW, 40)[:-1]
    assert world.session_points("hour", None, None, NOW + DAY, 64)[: len(hours)] == hours


@pytest.mark.parametrize("zone", [UTC, BERLIN, ZoneInfo("America/Santiago")])
@pytest.mark.parametrize("month", [4, 11])  # each just after the clocks change somewhere
def test_a_day_is_the_sum_of_its_hours(zone: ZoneInfo, month: int) -> None:
    """Also of 23 or 25 of them."""
    now = datetime(2026, month, 5, 15, 20, tzinfo=UTC)
    world = World(1, now, zone=zone)
    hours = [
        point
        for back in range(0, 1000, 100)
        for point in world.session_points("hour", APP_IDS["ios"], None, now, 100, now - back * HOUR)
    ]
    by_day: dict[date, int] = {}
    for start, value in hours:
        day = start.astimezone(zone).date()
        by_day[day] = by_day.get(day, 0) + value
    for start, value in world.session_points("day", APP_IDS["ios"], None, now, 40):
        assert by_day[start.astimezone(zone).date()] == value


def test_the_workspace_is_the_sum_of_its_apps() -> None:
    """By day and by hour, the running one included, for all users and for a segment."""
    world = World(1, NOW)
    for segment in (None, segment_id(world, "VIP Customers")):
        for total, *parts in (
            [
                world.session_points("day", app, segment, NOW, 9)
                for app in (None, *APP_IDS.values())
            ],
            [
                world.session_points("hour", app, segment, NOW, 9)
                for app in (None, *APP_IDS.values())
            ],
        ):
            assert values(total) == [sum(each) for each in zip(*map(values, parts), strict=True)]


def test_the_running_bucket_grows_with_the_clock() -> None:
    """From nothing at its start to the whole at its end, and then it stays."""
    world, hour = World(1, NOW), NOW.replace(minute=0)
    whole = world.sessions(None, None, hour)
    at = [
        world.session_points("hour", None, None, hour + passed, 1, hour + HOUR)[0].value
        for passed in (0 * HOUR, HOUR / 4, HOUR / 2, HOUR, 2 * HOUR)
    ]
    assert at[0] == 0
    assert at[1] == pytest.approx(whole / 4, abs=3)
    assert at[2] == pytest.approx(whole / 2, abs=3)
    assert at[3:] == [whole, whole]
    (today,) = world.session_points("day", None, None, NOW, 1)
    (later,) = world.session_points("day", None, None, NOW + 30 * timedelta(minutes=1), 1)
    assert 0 < today.value < later.value


def test_one_segment_has_collapsed_today_and_one_app_fell_three_hours_ago() -> None:
    """The demo's story: those two, at once, and nothing else, whatever the seed and the moment."""
    for seed in range(8):
        now = NOW + seed * timedelta(days=37, hours=5, minutes=7)
        world = World(seed, now)
        fallen = [
            segment.name
            for segment in world.segments
            if dropped(values(world.segment_points(segment.id, now, 36)), season=7, least=1000)
        ]
        assert fallen == [COLLAPSED]
        for name, app_id in APP_IDS.items():
            hours = [
                value
                for back in (7, 6, 5, 4, 3, 2, 1, 0)
                for _, value in world.session_points(
                    "hour", app_id, None, now, 96, now - back * 96 * HOUR
                )
            ]
            complete = [hours[: len(hours) - before] for before in (1, 2, 3, 4)]
            drops = [dropped(past, season=24 * 7, least=100) for past in complete]
            assert drops == ([True] * 3 + [False] if name == "web" else [False] * 4)


def dropped(past: list[int], season: int, least: int) -> bool:
    """Is the last value 30% below the smaller of a week ago and of four weeks' median?"""
    newest = past[-1]
    weeks = past[-1 - season :: -season][:4] if season > 7 else past[-29:-1]
    baseline = min(past[-1 - season], statistics.median(weeks))
    return baseline >= least and newest < 0.7 * baseline


def test_the_story_lasts() -> None:
    """The next day the segment is still small, and the app's daily count is down, too."""
    world, tomorrow = World(1, NOW), NOW + DAY
    sizes = values(world.segment_points(segment_id(world, COLLAPSED), tomorrow, 3))
    assert sizes[2] < sizes[0] / 4
    days = values(world.session_points("day", APP_IDS["web"], None, tomorrow, 9))
    assert days[-2] < 0.7 * days[0]


def test_the_story_day_is_that_of_the_company() -> None:
    """At 23:30 in UTC it is tomorrow in Berlin."""
    late = datetime(2026, 9, 15, 23, 30, tzinfo=UTC)
    world = World(1, late, zone=BERLIN)
    identity = segment_id(world, COLLAPSED)
    before, after = (world.segment_size(identity, date(2026, 9, day)) for day in (15, 16))
    assert after < before / 4


def test_segments_look_like_those_of_a_real_workspace() -> None:
    """Names twice, names that need escaping, tags or none, tracked or not, oldest first."""
    segments = World(1, NOW).segments
    names = [segment.name for segment in segments]
    assert len(segments) == 12
    assert names.count("Lapsed Users - 7 days") == 2
    assert any('"' in name and "\\" in name for name in names)
    assert any(not name.isascii() for name in names)
    assert {segment.tracked for segment in segments} == {True, False}
    assert any(segment.tags for segment in segments)
    assert any(not segment.tags for segment in segments)
    assert list(segments) == sorted(segments, key=lambda segment: segment.created_at)
    version_4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
    assert all(version_4.fullmatch(segment.id) for segment in segments)


def test_a_new_segment_was_zero_before_it_existed() -> None:
    """Braze fills the days before with zeros."""
    world = World(1, NOW)
    identity = segment_id(world, "Onboarding - Day 3")
    sizes = values(world.segment_points(identity, NOW, 100))
    assert sizes[:59] == [0] * 59
    assert all(sizes[59:])


def test_an_empty_segment_is_zero_and_a_tiny_one_sometimes() -> None:
    """The size is an estimate from a sample of all users, so a tiny segment can be missed."""
    world = World(1, NOW)
    empty = values(world.segment_points(segment_id(world, "Beta Testers"), NOW, 100))
    tiny = values(world.segment_points(segment_id(world, "Gift Card Holders"), NOW, 100))
    assert set(empty) == {0}
    assert 0 < tiny.count(0) < 50


def test_a_size_is_off_by_no_more_than_one_percent_of_all_users() -> None:
    """The estimate wobbles from day to day around the truth, more for middling segments."""
    world = World(1, NOW)
    for segment in world.segments:
        if segment.name == COLLAPSED or segment.share == 0:
            continue
        sizes = values(world.segment_points(segment.id, NOW, 30))
        truth = 2_400_000 * 1.06**2.7 * segment.share * segment.growth**2.7
        assert all(abs(size - truth) < 0.05 * truth + 0.01 * 2_900_000 for size in sizes)
        assert len(set(sizes)) > 5


def test_a_segment_has_its_share_of_an_apps_sessions() -> None:
    """Never more than the app has; none when it is not tracked; none before it existed."""
    world = World(1, NOW)
    for segment in world.segments:
        for app_id in APP_IDS.values():
            part = values(world.session_points("day", app_id, segment.id, NOW, 45))
            whole = values(world.session_points("day", app_id, None, NOW, 45))
            assert all(some <= every for some, every in zip(part, whole, strict=True))
            assert any(part) == segment.tracked
            if segment.name == "Onboarding - Day 3":
                assert part[:4] == [0] * 4


def test_there_can_be_thousands_of_segments() -> None:
    """Each with an id of its own and a believable size; at most 25 are tracked, as with Braze."""
    world = World(1, NOW, segments=3000)
    assert len({segment.id for segment in world.segments}) == 3000
    assert sum(segment.tracked for segment in world.segments) <= 25
    sizes = [world.segment_size(segment.id, NOW.date()) for segment in world.segments[::100]]
    assert sum(size > 1000 for size in sizes) > 25
    assert [segment.name for segment in World(1, NOW, segments=1).segments] == ["All Users"]
    assert World(1, NOW, segments=0).segments == ()


def test_points_begin_with_their_bucket_and_follow_on_one_another() -> None:
    """Exactly as many as asked for, the last around the moment, all starts in UTC."""
    world = World(1, NOW, zone=BERLIN)
    days = world.segment_points(world.segments[0].id, NOW, 3)
    assert [start for start, _ in days] == [
        datetime(2026, 9, day, 22, tzinfo=UTC) for day in (12, 13, 14)
    ]
    assert all(start.tzinfo is UTC for start, _ in days)
    earlier = world.segment_points(world.segments[0].id, NOW, 1, NOW - DAY)
    assert earlier == days[1:2]


def test_what_cannot_be_is_refused() -> None:
    """A moment without zone, fewer than no segments, ids of nothing."""
    with pytest.raises(ValueError, match="time zone"):
        World(1, datetime(2026, 9, 15, 12, 20))  # noqa: DTZ001 -- the mistake under test
    with pytest.raises(ValueError, match="-1 segments"):
        World(1, NOW, segments=-1)
    world = World(1, NOW)
    assert world.segment("nobody") is None
    assert world.app("nobody") is None
    with pytest.raises(KeyError):
        world.segment_points("nobody", NOW, 1)
    with pytest.raises(KeyError):
        world.session_points("day", "nobody", None, NOW, 1)
    with pytest.raises(KeyError):
        world.session_points("day", None, "nobody", NOW, 1)
