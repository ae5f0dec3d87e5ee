"""Several exporters with the same settings share all series: each polls its own, none is lost."""

import re
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.families import EVENTS, SESSIONS
from exporter.model import Segment, Series
from exporter.shard import EVERYTHING, Shard, jump, shard_of
from exporter.watch import Watch, select
from tests.fakes import a_watch

IDS = st.lists(st.text("abcdef0123456789-", min_size=1, max_size=36), unique=True, max_size=40)
TOTALS = st.integers(1, 20)
MANY = [f"{number:08x}-6f0a-4c3e-9d51-7f0f3c1f2a10" for number in range(4_000)]


def shards(total: int, **settings: object) -> list[Watch]:
    """The same settings in each of so many exporters."""
    return [a_watch(**settings, shard=Shard(ordinal, total)) for ordinal in range(total)]


def polled(watch: Watch, listing: tuple[Segment, ...]) -> tuple[Series, ...]:
    """Every series that an exporter reads."""
    return watch.wanted_of_all(select(listing, watch).selected)


@given(listed=IDS, ids=IDS, apps=IDS, tracked=IDS, total=TOTALS, limit=st.integers(1, 50))
def test_the_shards_are_disjoint_and_complete(
    listed: list[str], ids: list[str], apps: list[str], tracked: list[str], total: int, limit: int
) -> None:
    """Together they read what one exporter alone would, each series once; `limit` is of all."""
    settings = {
        "ids": tuple(ids),
        "limit": limit,
        "apps": dict.fromkeys(apps, "app"),
        "by_segment": tuple(tracked),
        "workspace_total": True,
        "kpis": ("dau", "mau"),
        "events": tuple(tracked),
    }
    listing = tuple(Segment(each, each) for each in listed)
    read = Counter(one for watch in shards(total, **settings) for one in polled(watch, listing))

    assert read == Counter(polled(a_watch(**settings), listing))
    assert set(read.values()) == {1}


@given(listed=IDS, ids=IDS, total=TOTALS, limit=st.integers(1, 50))
def test_all_shards_count_the_same_segments(
    listed: list[str], ids: list[str], total: int, limit: int
) -> None:
    """What is selected, filtered and over the limit is said of all shards, by each of them."""
    listing = tuple(Segment(each, each) for each in listed)
    alone = select(listing, a_watch(ids=tuple(ids), limit=limit))
    for watch in shards(total, ids=tuple(ids), limit=limit):
        found = select(listing, watch)
        assert len(found.selected) + found.elsewhere == len(alone.selected)
        assert (found.filtered, found.over_limit) == (alone.filtered, alone.over_limit)


@pytest.mark.parametrize("total", [2, 3, 5, 10, 30])
def test_the_shards_are_of_equal_size(total: int) -> None:
    """Within what chance leaves: five standard deviations of a binomial distribution."""
    mean = len(MANY) / total
    sizes = [len(watch.own(MANY)) for watch in shards(total)]

    assert sum(sizes) == len(MANY)
    assert all(abs(size - mean) < 5 * mean**0.5 for size in sizes), sizes


@pytest.mark.parametrize(("fewer", "more"), [*pairwise([1, 2, 3, 4, 5, 10, 11, 30])])
def test_another_number_of_shards_moves_few(fewer: int, more: int) -> None:
    """Only to the shards that are new, and only what these need for an equal part."""
    before = {one: place for place, watch in enumerate(shards(fewer)) for one in watch.own(MANY)}
    after = {one: place for place, watch in enumerate(shards(more)) for one in watch.own(MANY)}
    moved = [one for one in MANY if before[one] != after[one]]

    assert all(after[one] >= fewer for one in moved)
    share = (more - fewer) / more
    assert len(moved) / len(MANY) == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize(
    ("key", "total", "shard"),
    [
        (0, 20, 0),
        (1, 6, 0),
        (1, 7, 6),
        (0xDEADBEEF, 16, 5),
        (0xDEADBEEF, 17, 16),
        (0xDDC0FFEEBADF00D, 15, 2),
        (0xDDC0FFEEBADF00D, 16, 15),
    ],
)
def test_it_is_the_jump_hash_of_the_paper(key: int, total: int, shard: int) -> None:
    """What its reference code gives, from the tests of github.com/dgryski/go-jump."""
    assert jump(key, total) == shard


def test_what_a_shard_has_never_changes() -> None:
    """The same in every process, on every machine and in every release: written down here."""
    places = [
        next(place for place in range(3) if Shard(place, 3).has("production", kind, "0e9b2f4c"))
        for kind in ("segment", "app", "total")
    ]
    assert places == [2, 0, 1]


def test_another_workspace_is_divided_in_another_way() -> None:
    """Or the only app of each of many workspaces would be the same shard's."""
    places = {
        place
        for name in "abcdefgh"
        for place, watch in enumerate(shards(3, workspace=name, workspace_total=True))
        if watch.wanted(SESSIONS)
    }
    assert places == {0, 1, 2}


def test_what_is_of_an_app_stays_together() -> None:
    """Its sessions, figures and events: their name comes from there. Of all apps, events are
    divided by their names.
    """
    apps = dict.fromkeys(MANY[:20], "app")
    settings = {"discover": False, "kpis": ("dau",), "kpi_total": False, "events": tuple(MANY[:20])}
    for watch in shards(4, apps=apps, **settings):
        assert {one.label("app_id") for one in watch.wanted_of_all()} == set(watch.own_apps())
    for watch in shards(4, **settings):
        assert 0 < len({one.label("event") for one in watch.wanted(EVENTS)}) < 20


def test_a_segments_sessions_stay_together() -> None:
    """In the shard of the segment, whatever the shards of the apps: their names come from there."""
    apps = {"a1": "ios", "a2": "android", "a3": "web"}
    for watch in shards(4, discover=False, apps=apps, by_segment=tuple(MANY[:20])):
        apps_of = Counter(one.label("segment_id") for one in watch.wanted(SESSIONS))
        apps_of.pop(None, None)
        assert set(apps_of) == set(watch.own(MANY[:20]))
        assert all(count == 2 * len(apps) for count in apps_of.values())


@pytest.mark.parametrize("total", [1, 2, 3, 7, 1000])
def test_the_ceiling_is_divided(total: int) -> None:
    """All shards together stay below it; one that is smaller than their number leaves one each."""
    assert Shard(0, total).part_of(10_000) == 10_000 // total
    assert Shard(0, total).part_of(1) == 1


def test_one_shard_is_everything() -> None:
    """Who sets nothing notices nothing."""
    assert Shard(0, 1) == EVERYTHING
    assert a_watch().own(MANY) == tuple(MANY)


def test_a_shard_that_has_nothing_polls_nothing() -> None:
    """Where ids are explicit it does not even ask for the list: it would be for names only."""
    idle = [watch for watch in shards(5, ids=("s1",), discover=False) if not watch.own(["s1"])]

    assert len(idle) == 4
    assert all(watch.intervals == {} for watch in idle)


@pytest.mark.parametrize(
    ("written", "host", "shard"),
    [
        ("0/3", "", Shard(0, 3)),
        ("2/3", "", Shard(2, 3)),
        ("0/1", "", Shard(0, 1)),
        ("999/1000", "", Shard(999, 1000)),
        ("auto/3", "exporter-2", Shard(2, 3)),
        ("auto/12", "my-exporter-10.exporters.monitoring.svc", Shard(10, 12)),
        (Shard(1, 2), "exporter-7", Shard(1, 2)),
    ],
)
def test_a_shard_is_written_or_at_the_end_of_the_host_s_name(
    written: object, host: str, shard: Shard
) -> None:
    """As a StatefulSet names its pods, with or without their domain."""
    assert shard_of(written, host) == shard


@pytest.mark.parametrize(
    ("written", "host", "why"),
    [
        ("3", "", "must be a shard such as 0/3, of three the first, or auto/3"),
        (3, "", "must be a shard such as 0/3, of three the first, or auto/3"),
        ("0/0", "", "must be one of 1 to 1000 shards, such as 0/3"),
        ("0/1001", "", "must be one of 1 to 1000 shards, such as 0/3"),
        ("3/3", "", "is beyond the last one: shards count from 0, so 2/3 is the last"),
        (
            "auto/3",
            "exporter",
            (
                "needs a host name that ends in a number, as a StatefulSet's pod has it "
                "(exporter-0); this one does not: write the number, such as 0/3"
            ),
        ),
        (
            "auto/3",
            "exporter-3",
            (
                "is of 3 shards, but this host's name ends in -3: set as many as there are "
                "replicas; they count from 0"
            ),
        ),
    ],
)
def test_what_is_no_shard_says_what_one_is(written: object, host: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(why)}$"):
        shard_of(written, host)
