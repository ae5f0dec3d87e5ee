"""Real processes: the simulator, the exporter and a Prometheus server that scrapes it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from exporter.simulator import World
from exporter.simulator.pulse import EVENTS
from tests.stack import WORKSPACE, Labels, Prometheus, stack, until

SEED = 11
SETTLE = timedelta(minutes=15)

Watched = tuple[World, Prometheus]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """The simulator's world, and a Prometheus that scrapes the exporter that watches it."""
    start = datetime.now(UTC)
    world = World(SEED, start)
    with stack(tmp_path_factory.mktemp("stack")) as processes:
        braze = processes.simulator(SEED, start)
        exporter = processes.exporter(braze, world, by_segment=[tracked(world)])
        yield world, processes.prometheus(exporter)


def tracked(world: World) -> str:
    return next(segment.id for segment in world.segments if segment.tracked)


def labelled(**labels: str) -> Labels:
    return frozenset({"workspace": WORKSPACE, **labels}.items())


def sizes(world: World, now: datetime) -> dict[Labels, float]:
    """Each segment's size of today; yesterday's where a sudden 0 is not believed for six hours."""
    found = {}
    for segment in world.segments:
        yesterday, today = world.segment_points(segment.id, now, 2)
        found[labelled(segment_id=segment.id)] = float(today.value or yesterday.value)
    return found


def scopes(world: World, subject: str) -> dict[Labels, tuple[str | None, str | None]]:
    """The series of a family of sessions, each with the app and the segment it is of."""
    found: dict[str, dict[Labels, tuple[str | None, str | None]]] = {
        "app": {labelled(app_id=app.id): (app.id, None) for app in world.apps},
        "segment": {
            labelled(app_id=app.id, segment_id=tracked(world)): (app.id, tracked(world))
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


def test_segment_sizes(watched: Watched) -> None:
    """Prometheus knows every segment's size of today."""
    world, prometheus = watched
    until(
        lambda: same(lambda: prometheus.query("braze_segment_size"), lambda now: sizes(world, now)),
        "the sizes are the simulator's",
    )


@pytest.mark.parametrize(("unit", "word"), [("day", "daily"), ("hour", "hourly")])
@pytest.mark.parametrize("subject", ["app", "segment", "workspace"])
def test_complete_sessions(watched: Watched, subject: str, unit: str, word: str) -> None:
    """Prometheus knows the sessions of the newest day and hour that are over."""
    world, prometheus = watched
    until(
        lambda: same(
            lambda: prometheus.query(f"braze_{subject}_sessions_{word}"),
            lambda now: complete(world, subject, unit, now),
        ),
        "the sessions are the simulator's",
    )


@pytest.mark.parametrize(("unit", "word"), [("day", "daily"), ("hour", "hourly")])
@pytest.mark.parametrize("subject", ["app", "segment", "workspace"])
def test_current_sessions(watched: Watched, subject: str, unit: str, word: str) -> None:
    """The bucket that fills stands apart, at most a few seconds behind, and says when it began."""
    world, prometheus = watched
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


@pytest.mark.parametrize(
    ("figure", "word", "level"),
    [
        ("daily_active_users", "dau", False),
        ("monthly_active_users", "mau", True),
        ("new_users_daily", "new_users", False),
        ("uninstalls_daily", "uninstalls", False),
    ],
)
@pytest.mark.parametrize("subject", ["app", "workspace"])
def test_users(watched: Watched, subject: str, figure: str, word: str, level: bool) -> None:
    """Prometheus knows each figure of each app and of the workspace: today's or yesterday's."""
    world, prometheus = watched

    def truth(now: datetime) -> dict[Labels, float]:
        day = (now if level else now - timedelta(days=1) - SETTLE).date()
        return {
            labels: float(world.kpi(word, app, day, now))
            for labels, (app, _) in scopes(world, subject).items()
        }

    until(
        lambda: same(lambda: prometheus.query(f"braze_{subject}_{figure}"), truth),
        "the users are the simulator's",
    )


@pytest.mark.parametrize("word", ["daily", "hourly"])
def test_events(watched: Watched, word: str) -> None:
    """Prometheus knows how often the event happened in each app."""
    world, prometheus = watched
    [event] = list(EVENTS)[:1]

    def truth(now: datetime) -> dict[Labels, float]:
        length = timedelta(days=1) if word == "daily" else timedelta(hours=1)
        found = {}
        for app in world.apps:
            points = world.event_points(
                event, "day" if word == "daily" else "hour", app.id, None, now, 4
            )
            over = (p.value for p in reversed(points) if p.start + length + SETTLE <= now)
            found[labelled(app_id=app.id, event=event)] = float(next(over))
        return found

    until(
        lambda: same(lambda: prometheus.query(f"braze_app_events_{word}"), truth),
        "the events are the simulator's",
    )


def test_names_join_by_the_info_metric(watched: Watched) -> None:
    """Quotes, backslashes and other scripts in a segment's name survive the whole way."""
    world, prometheus = watched
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
    watched: Watched,
) -> None:
    """The target is up, and nothing it said was dropped."""
    _, prometheus = watched

    until(lambda: list(prometheus.query("braze_up").values()) == [1], "it was scraped")

    assert list(prometheus.query("up").values()) == [1]
    failed = prometheus.query("sum(braze_exporter_api_request_failures_total)")
    assert list(failed.values()) == [0]
