"""What `backfill` writes, in a real Prometheus: every query of the past is answered as if it had
been scraped, and nobody else's samples are lost.
"""

import json
import statistics
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from exporter.cli import main
from exporter.simulator import App, Segment, World
from tests.doubles import KEY, simulated
from tests.machine import program
from tests.stack import Prometheus, stack, until

DAYS = 100
SETTLE = timedelta(minutes=15)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def blocks(file: Path, data: Path, longest: str = "744h") -> None:
    """Make blocks of a file, with the very command that `backfill` prints.

    promtool reads the whole file for each block: longer ones take less time.
    """
    command = [program("promtool"), "tsdb", "create-blocks-from", "openmetrics"]
    subprocess.run(
        [*command, f"--max-block-duration={longest}", str(file), str(data)],
        check=True,
        capture_output=True,
        timeout=600,
    )


def backfill(world: World, folder: Path, url: str, *words: str) -> Path:
    """A file of all of `world`, and its apps by the hour."""
    settings = {
        "workspaces": {
            "shop": {
                "endpoint": url,
                "api_key": KEY,
                "apps": {app.name: app.id for app in world.apps},
                "requests_per_hour": 250_000,
                "concurrency": 8,
            }
        }
    }
    config, output = folder / "exporter.yml", folder / "history.om"
    config.write_text(json.dumps(settings))
    labels = ("--job=braze", "--instance=braze:10068")
    code = main(["backfill", f"--config.file={config}", f"--output={output}", *labels, *words])
    assert code == 0
    return output


@dataclass(frozen=True)
class Truth:
    """What of `world` was to be seen, worked out the plain way. Days are those of UTC."""

    world: World

    def size(self, segment: Segment, moment: datetime) -> tuple[float, date] | None:
        """The size on show and its day; a sudden 0 is not believed for six hours."""
        day = moment.date()
        before = day - DAY
        size = self.size_of(segment, day)
        if size == 0 and self.size_of(segment, before) and moment - midnight(day) < 6 * HOUR:
            size, day = self.size_of(segment, before), before
        return None if day < self.began(segment) else (size, day)

    def size_of(self, segment: Segment, day: date) -> float:
        return _size(self.world, segment.id, day)

    @cache  # noqa: B019 - it ends with the test
    def began(self, segment: Segment) -> date:
        """The first day that is not 0; what comes before it is unknown."""
        day = segment.created_at.date()
        while segment.share and not self.size_of(segment, day):
            day += DAY
        return day if segment.share else date.max

    def normal_size(self, segment: Segment, day: date) -> dict[str, float]:
        """The baselines of a day."""

        def known(days: Sequence[int]) -> list[float]:
            found = [day - number * DAY for number in days]
            return [self.size_of(segment, each) for each in found if each >= self.began(segment)]

        month = known(range(1, 29))
        return {
            name: values[0] if len(values) == 1 else statistics.median(values)
            for name, values, least in (
                ("1d", known([1]), 1),
                ("1w", known([7]), 1),
                ("4w_median", month, 7),
            )
            if len(values) >= least
        }

    def sessions(self, app: App, unit: str, bucket: datetime) -> float:
        hours = 24 if unit == "daily" else 1
        return sum(_hour(self.world, app.id, bucket + number * HOUR) for number in range(hours))

    def bucket(self, unit: str, moment: datetime) -> datetime:
        """The start of the newest bucket that ended 15 minutes ago or earlier."""
        ended = moment - SETTLE
        if unit == "daily":
            return midnight(ended.date()) - DAY
        return ended.replace(minute=0, second=0) - HOUR

    def normal_sessions(self, app: App, unit: str, bucket: datetime) -> dict[str, float]:
        weeks = [self.sessions(app, unit, bucket - number * 7 * DAY) for number in range(1, 5)]
        return {
            "1d": self.sessions(app, unit, bucket - DAY),
            "1w": weeks[0],
            "4w_median": statistics.median(weeks),
        }


@cache
def _size(world: World, segment: str, day: date) -> float:
    return float(world.segment_size(segment, day))


@cache
def _hour(world: World, app: str, hour: datetime) -> float:
    return float(world.sessions(app, None, hour))


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def threshold(normal: dict[str, float], least: float) -> float | None:
    lower = min((normal[name] for name in ("1w", "4w_median") if name in normal), default=0)
    return (1 - 0.3) * lower if lower >= least else None


# A hundred days


@dataclass(frozen=True)
class Past:
    """A Prometheus that was started on the blocks, the world they tell of, and where they end."""

    prometheus: Prometheus
    truth: Truth
    end: datetime

    def check(
        self,
        metric: str,
        expected: Callable[[datetime], dict[frozenset[tuple[str, str]], float]],
        *,
        days: int = 90,
        step: timedelta = HOUR,
    ) -> None:
        """At every step of so many days before the end, the metric is what is `expected`."""
        start = self.end - days * DAY
        found = self.prometheus.series(
            metric, int(start.timestamp()), int(self.end.timestamp()) - 1, int(step.total_seconds())
        )
        moment, checked = start, 0
        by_moment: dict[int, dict[frozenset[tuple[str, str]], float]] = {}
        for labels, values in found.items():
            for at, value in values.items():
                by_moment.setdefault(at, {})[labels] = value
        while moment < self.end:
            assert by_moment.get(int(moment.timestamp()), {}) == expected(moment), moment
            checked += 1
            moment += step
        assert checked == days * DAY // step


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    """A hundred days of 50 segments and 3 apps by the hour, in blocks."""
    folder = tmp_path_factory.mktemp("past")
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 4 * HOUR
    with simulated(segments=50) as server:
        world = server.simulator.world
        words = (f"--days={DAYS}", f"--until={end.isoformat()}")
        file = backfill(world, folder, server.url, *words)
    blocks(file, folder / "data", longest="2400h")
    file.unlink()
    with stack(folder) as processes:
        yield Past(processes.prometheus_on(folder / "data"), Truth(world), end)


def segment_labels(segment: Segment, **more: str) -> frozenset[tuple[str, str]]:
    return frozenset({"workspace": "shop", "segment_id": segment.id, **more}.items())


def app_labels(app: App, **more: str) -> frozenset[tuple[str, str]]:
    return frozenset({"workspace": "shop", "app_id": app.id, **more}.items())


def test_sizes_are_exact_at_every_step_of_ninety_days(past: Past) -> None:
    """From their day's midnight on; a new segment from its first day that is not 0."""

    def sizes(moment: datetime) -> dict[frozenset[tuple[str, str]], float]:
        shown = {s: past.truth.size(s, moment) for s in past.truth.world.segments}
        return {segment_labels(s): value[0] for s, value in shown.items() if value is not None}

    past.check("braze_segment_size", sizes)
    past.check("braze_segment_size", sizes, days=8, step=timedelta(minutes=5))


def test_what_was_normal_for_sizes_is_exact(past: Past) -> None:
    """Baselines and thresholds of ninety days, as they were then."""
    world, truth = past.truth.world, past.truth

    def baselines(moment: datetime) -> dict[frozenset[tuple[str, str]], float]:
        return {
            segment_labels(segment, baseline=name): value
            for segment in world.segments
            if (shown := truth.size(segment, moment)) is not None
            for name, value in truth.normal_size(segment, shown[1]).items()
        }

    def thresholds(moment: datetime) -> dict[frozenset[tuple[str, str]], float]:
        return {
            segment_labels(segment): least
            for segment in world.segments
            if (shown := truth.size(segment, moment)) is not None
            and (least := threshold(truth.normal_size(segment, shown[1]), 1000)) is not None
        }

    past.check("braze_segment_size_baseline", baselines, step=6 * HOUR)
    past.check("braze_segment_size_alert_threshold", thresholds, step=6 * HOUR)


@pytest.mark.parametrize("unit", ["hourly", "daily"])
def test_sessions_and_their_thresholds_are_exact(unit: str, past: Past) -> None:
    """From a quarter of an hour past the end of their hour or day; and the start of it."""
    truth, apps = past.truth, past.truth.world.apps
    name = f"braze_app_sessions_{unit}"

    def sessions(moment: datetime) -> dict[frozenset[tuple[str, str]], float]:
        bucket = truth.bucket(unit, moment)
        return {app_labels(app): truth.sessions(app, unit, bucket) for app in apps}

    def starts(moment: datetime) -> dict[frozenset[tuple[str, str]], float]:
        return {app_labels(app): truth.bucket(unit, moment).timestamp() for app in apps}

    def baselines(moment: datetime) -> dict[frozenset[tuple[str, str]], float]:
        bucket = truth.bucket(unit, moment)
        return {
            app_labels(app, baseline=kind): value
            for app in apps
            for kind, value in truth.normal_sessions(app, unit, bucket).items()
        }

    def thresholds(moment: datetime) -> dict[frozenset[tuple[str, str]], float]:
        bucket = truth.bucket(unit, moment)
        found = {app: threshold(truth.normal_sessions(app, unit, bucket), 100) for app in apps}
        return {app_labels(app): least for app, least in found.items() if least is not None}

    past.check(name, sessions)
    past.check(name, sessions, days=8, step=timedelta(minutes=5))
    past.check(f"{name}_timestamp_seconds", starts)
    past.check(f"{name}_baseline", baselines)
    past.check(f"{name}_alert_threshold", thresholds)


def test_usual_queries_of_the_past_are_answered(past: Past) -> None:
    """`offset`, `avg_over_time`, and names by way of the info metric."""
    truth, now = past.truth, (past.end - HOUR)
    segment = next(each for each in truth.world.segments if each.name == "VIP Customers")
    series = f'braze_segment_size{{segment_id="{segment.id}"}}'
    then, before = truth.size(segment, now), truth.size(segment, now - 30 * DAY)
    assert then is not None
    assert before is not None

    def asked(promql: str) -> list[float]:
        return list(past.prometheus.query(promql, now.timestamp()).values())

    week = [truth.size_of(segment, now.date() - number * DAY) for number in range(1, 8)]
    assert asked(f"{series} offset 30d") == [before[0]]
    assert asked(f"{series} / {series} offset 30d") == [then[0] / before[0]]
    since_midnight = (now - midnight(now.date())).total_seconds()
    assert asked(f"avg_over_time({series}[7d] offset {since_midnight:.0f}s)") == [
        pytest.approx(statistics.fmean(week), rel=0.001)
    ]
    info = '{__name__="braze_segment_info"}'
    named = f"{series} * on (segment_id) group_left (segment_name) {info}"
    (labels,) = past.prometheus.query(named, now.timestamp())
    assert dict(labels)["segment_name"] == "VIP Customers"


def test_nothing_that_still_filled_is_in_it(past: Past) -> None:
    """A live exporter shows it for a while; nobody can say what it was then."""
    filling = 'count({__name__=~"braze_.*_current.*"})'
    assert past.prometheus.query(filling, past.end.timestamp() - 60) == {}


# Beside live samples


def samples(name: str, labels: str, values: Mapping[int, float]) -> str:
    """A series as a Prometheus scraped it, in OpenMetrics; `values` by their moment."""
    lines = "".join(f"{name}{{{labels}}} {value:.0f} {at}\n" for at, value in values.items())
    return f"# TYPE {name} gauge\n{lines}"


def test_a_second_run_closes_the_gap_and_nobody_loses_a_sample(tmp_path: Path) -> None:
    """An exporter that was installed a day ago, backfilled then, and again three hours later.

    Its live samples and those of another job are in blocks, as Prometheus has written them since.
    """
    begun = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 28 * HOUR
    live = range(int(begun.timestamp()), int((begun + 24 * HOUR).timestamp()), 60)
    others = range(int((begun - 48 * HOUR).timestamp()), live.stop, 15)
    with simulated(segments=3) as server:
        world = server.simulator.world
        segment, truth = world.segments[0], Truth(world)

        def size(moment: int) -> float:
            return truth.size_of(segment, datetime.fromtimestamp(moment, UTC).date())

        target = 'workspace="shop",job="braze",instance="braze:10068"'
        scraped = tmp_path / "scraped.om"
        scraped.write_text(
            samples("other_value", 'job="other",instance="o:1"', dict.fromkeys(others, 7.0))
            + samples(
                "braze_segment_size",
                f'{target},segment_id="{segment.id}"',
                {moment: size(moment) for moment in live},
            )
            + "# EOF\n"
        )
        blocks(scraped, tmp_path / "data")
        for days, end in ((3, begun - 3 * HOUR), (1, begun)):
            words = (f"--days={days}", f"--until={end.isoformat()}")
            blocks(backfill(world, tmp_path, server.url, *words), tmp_path / "data")

    with stack(tmp_path) as processes:
        prometheus = processes.prometheus_on(tmp_path / "data")
        (count,) = prometheus.query("count_over_time(other_value[4d])", live.stop).values()
        start = int((begun - 2 * DAY).timestamp())
        found = prometheus.series(
            f'braze_segment_size{{segment_id="{segment.id}"}}', start, live.stop - 60, 300
        )

    assert count == len(others)
    (sizes,) = found.values()  # one series, as the labels are the same
    assert sizes == {moment: size(moment) for moment in range(start, live.stop - 60, 300)}


def test_blocks_up_to_three_hours_ago_take_nothing_from_the_head(tmp_path: Path) -> None:
    """What Prometheus has scraped in the last minutes is there before, and after a restart."""
    data = tmp_path / "data"
    with simulated(segments=3) as server, stack(tmp_path) as processes:
        other = server.url.removeprefix("http://")
        scrapes = [{"job_name": "other", "static_configs": [{"targets": [other]}]}]
        before = processes.prometheus_on(data, scrape_configs=scrapes)
        until(lambda: before.query('count_over_time(up{job="other"}[1h]) > 5'), "some scrapes")
        moment = datetime.now(UTC).timestamp() - 1
        (scraped,) = before.query('count_over_time(up{job="other"}[1h])', moment).values()
        file = backfill(server.simulator.world, tmp_path, server.url, "--days=2")
    blocks(file, data)

    with stack(tmp_path) as processes:
        after = processes.prometheus_on(data)
        (kept,) = after.query('count_over_time(up{job="other"}[1h])', moment).values()
        sizes = after.query("braze_segment_size offset 4h", moment)

    assert kept == scraped >= 5
    assert len(sizes) == 3
