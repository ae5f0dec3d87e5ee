"""What `plan` foretells: the arithmetic, the warnings, and the figures of a real run."""

import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exporter.config import Workspace, load
from exporter.families import DISCOVERY, EVENTS, KPI, SEGMENTS, SESSIONS
from exporter.model import Unit
from exporter.plan import BRAZE_LIMIT, Plan, Subject, WorkspacePlan, as_json, as_text, assumed, plan
from exporter.poller import watch_of
from exporter.simulator import Received
from exporter.simulator.pulse import KPIS
from exporter.watch import Watch, select
from tests.doubles import KEY, Running, ask, eventually, simulated
from tests.fakes import a_watch

Write = Callable[[dict[str, Any]], Path]


def a_subject(watch: Watch | None = None, listed: int = 200, **changes: Any) -> Subject:
    """A workspace with `listed` segments and the usual limits."""
    watch = watch or a_watch()
    selection, names = assumed(watch, listed)
    subject = Subject(watch, selection, names, listed, "assumed", 10_000, 0.1, 4)
    return replace(subject, **changes)


def of_one(subject: Subject, latency: float = 0.5) -> WorkspacePlan:
    [made] = plan([subject], latency).workspaces
    return made


def test_requests_an_hour_by_collector() -> None:
    """The README's example: 200 segments each half hour, 4 apps by day and hour each 5 minutes."""
    made = of_one(a_subject(a_watch(apps={"a": "1", "b": "2", "c": "3", "d": "4"})))

    assert {one.collector: one.requests for one in made.collectors} == {
        DISCOVERY: 3,  # the second page is full, so there may be a third
        SEGMENTS: 200,
        SESSIONS: 8,
    }
    assert made.hourly == 3 + 400 + 96
    assert made.share_of_ceiling == made.hourly / 10_000
    assert made.share_of_braze == made.hourly / BRAZE_LIMIT
    assert made.warnings == ()


def test_the_first_hour_also_reads_the_past_of_hours() -> None:
    """700 hours, a hundred at a time, for each series; days bring theirs along."""
    made = of_one(a_subject(a_watch(apps={"a": "1"}, units=(Unit.DAY, Unit.HOUR)), listed=10))
    days = of_one(a_subject(a_watch(apps={"a": "1"}, units=(Unit.DAY,)), listed=10))

    assert made.history_requests == 7
    assert days.history_requests == 0
    assert made.first_hour == made.hourly + (1 + 10 + 2) + 7


def test_a_poll_takes_what_its_threads_need() -> None:
    """200 requests of half a second, four at a time; the pages of a list one after the other."""
    made = of_one(a_subject(listed=250))
    seconds = {one.collector: one.seconds for one in made.collectors}

    assert seconds == {DISCOVERY: 1.5, SEGMENTS: 250 * 0.5 / 4}


def test_a_poll_takes_what_the_limiter_grants() -> None:
    """500 at once of 10,000 an hour, then one each 0.36 s."""
    made = of_one(a_subject(listed=2000))
    [segments] = [one for one in made.collectors if one.collector == SEGMENTS]

    assert segments.limited_seconds == pytest.approx(1500 * 0.36)
    assert segments.seconds == segments.limited_seconds


def test_a_poll_that_cannot_end_in_its_interval_is_warned_of() -> None:
    """With the setting that bounds it."""
    watch = a_watch(polls={DISCOVERY: 3600, SEGMENTS: 60, SESSIONS: 300})
    slow = of_one(a_subject(watch, listed=2000, requests_per_hour=250_000), latency=0.9)
    [segments, *_] = slow.warnings
    assert segments == (
        "a poll of segments takes 450 s and is due each 60 s: raise poll.segments, concurrency, "
        "or select fewer"
    )
    limited = of_one(a_subject(watch, listed=2000, concurrency=64))
    assert "raise poll.segments, requests_per_hour, or select fewer" in limited.warnings[0]


def test_more_than_the_ceiling_and_more_than_brazes_limit_are_warned_of() -> None:
    """And threads that never rest, and segments that are left out."""
    watch = a_watch(polls={DISCOVERY: 3600, SEGMENTS: 300, SESSIONS: 300}, limit=30_000)
    text = " / ".join(of_one(a_subject(watch, listed=31_000)).warnings)

    assert "360,311 requests an hour are needed, requests_per_hour allows 10,000" in text
    assert "more than the 225,000 of Braze's limit that reserve leaves" in text
    assert "an hour's requests take 45,039 s on 4 threads" in text
    assert "1,000 segments are left out, over segments.limit" in text


def test_explicit_ids_need_no_list() -> None:
    """What the settings name is what is read; others are only listed for their names."""
    watch = a_watch(ids=("a", "b"), discover=False)
    selection, names = assumed(watch, 300)

    assert selection.selected == ("a", "b")
    assert names.keys() == {"a", "b"}


def test_it_reads_well() -> None:
    """A table a workspace, then what a scrape and the process take."""
    text = as_text(plan([a_subject(a_watch(apps={"a": "1"}))]))

    assert "production: 200 segments (assumed)\n" in text
    assert "segments     30m              200      400      25.0 s       0.0 s\n" in text
    assert "427 requests an hour: 4.3% of requests_per_hour (10,000), 0.17% of Braze's" in text
    assert "assumed:  a request takes 0.5 s (--latency)\n" in text


def test_the_documentation_shows_what_it_prints() -> None:
    """All but the bytes, which differ between machines."""
    subject = a_subject(a_watch(apps={"ios": "1"}), source="assumed: --segments")
    lines = as_text(plan([subject])).splitlines()
    told = (Path(__file__).parent.parent / "docs" / "commands.md").read_text().splitlines()

    assert {line for line in lines if not line.startswith(("a scrape", "memory"))} <= set(told)


def test_programs_get_the_same_figures() -> None:
    """As JSON, with numbers unrounded."""
    made: Plan = plan([a_subject()])
    told = json.loads(as_json(made))

    assert told["series"] == made.series
    assert told["workspaces"][0]["hourly"] == made.workspaces[0].hourly
    assert told["workspaces"][0]["collectors"][1]["requests"] == 200


def test_users_and_events_are_counted_with_the_rest() -> None:
    """A request for each series; the past of events is read as that of sessions is."""
    apps = {"a1": "ios", "a2": "web"}
    watch = a_watch(apps=apps, units=(), discover=False, kpis=("dau", "mau"), events=("bought",))
    [made] = plan([a_subject(watch)]).workspaces

    assert {one.collector: one.requests for one in made.collectors} == {KPI: 6, EVENTS: 4}
    assert {one.collector: one.hourly for one in made.collectors} == {KPI: 12, EVENTS: 48}
    assert made.history_requests == 2 * 7


def test_a_real_run_is_as_planned(running: Callable[[Path], Running], write: Write) -> None:
    """Requests of each collector, of history and in all, series and bytes: within a tenth."""
    with simulated(segments=60, latency=0.02) as braze:
        world = braze.simulator.world
        path = write(
            {
                "workspaces": {
                    "shop": {
                        "endpoint": braze.url,
                        "api_key": KEY,
                        "apps": {app.name: app.id for app in world.apps},
                        "sessions": {
                            "workspace_total": True,
                            "by_segment": [world.segments[0].id],
                        },
                        "kpi": {"metrics": list(KPIS)},
                        "events": {"names": ["added_to_cart"]},
                        "requests_per_hour": 250_000,
                    }
                },
                "poll": dict.fromkeys(("segments", "sessions", "kpi", "events", "discovery"), "2s"),
                "web": {"listen_address": "127.0.0.1:0"},
            }
        )
        settings = load(path, {}, {})
        made = plan([subject_of(settings.workspaces["shop"], settings, world.segments)])
        [shop] = made.workspaces
        exporter = running(path)
        eventually(lambda: history(braze.requests) >= shop.history_requests, "the past is read", 30)
        past = history(braze.requests)
        braze.forget()
        eventually(lambda: len(begins(braze.requests, "/segments/list")) >= 5, "five lists", 30)
        received, page = braze.requests, ask(f"{exporter.url}/metrics").text

    seen = {each.collector: rate(received, PATHS[each.collector]) for each in shop.collectors}
    planned = {each.collector: each.hourly for each in shop.collectors}
    assert seen == pytest.approx(planned, rel=0.1)
    assert sum(seen.values()) == pytest.approx(shop.hourly, rel=0.1)
    assert (past, history(received)) == (shop.history_requests, 0)
    samples = [line for line in page.splitlines() if not line.startswith("#")]
    assert len(samples) == pytest.approx(made.series, rel=0.1)
    assert len(page.encode()) == pytest.approx(made.bytes, rel=0.1)
    assert len(gzip.compress(page.encode(), 6)) == pytest.approx(made.packed_bytes, rel=0.2)


PATHS = {
    DISCOVERY: "/segments/list",
    SEGMENTS: "/segments/data_series",
    SESSIONS: "/sessions/data_series",
    KPI: "/kpi/",
    EVENTS: "/events/data_series",
}


def subject_of(workspace: Workspace, settings: Any, segments: Sequence[Any]) -> Subject:
    """The workspace as `plan` sees it once it has asked for the list."""
    watch = watch_of("shop", workspace, settings.poll)
    return Subject(
        watch,
        select(segments, watch),
        {each.id: each for each in segments},
        len(segments),
        "asked of Braze's list",
        workspace.requests_per_hour,
        workspace.reserve,
        workspace.concurrency,
    )


def history(received: Sequence[Received]) -> int:
    """How many requests were for the past."""
    return sum("ending_at" in request.query for request in received)


def begins(received: Sequence[Received], path: str) -> list[int]:
    """Where in the record the polls of an endpoint begin: at the same question each time."""
    questions = [request for request in received if request.path.startswith(path)]
    if not questions:
        return []
    first = questions[0]
    return [
        number
        for number, request in enumerate(received)
        if request.path == first.path and request.query == first.query
    ]


def rate(received: Sequence[Received], path: str) -> float:
    """Requests an hour to `path`, over a whole number of polls."""
    first, *_, last = begins(received, path)
    count = sum(request.path.startswith(path) for request in received[first:last])
    return count * 3600 / (received[last].monotonic - received[first].monotonic)
