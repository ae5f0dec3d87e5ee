"""What a workspace's readings come to, as lines of samples by metric."""

import pytest

from exporter.baselines import Baselines
from exporter.families import DISCOVERY, SEGMENTS, SESSIONS
from exporter.history import Current, Observation, Value
from exporter.holding import Held
from exporter.model import Reading, Segment, Unit
from exporter.rendering import Lines, collector_lines, series_lines, workspace_lines
from exporter.watch import Selection
from tests.fakes import (
    NOW,
    TODAY,
    a_listing,
    a_reading,
    a_watch,
    daily,
    days,
    hourly,
    shown,
    size,
)


def text(lines: Lines) -> dict[str, float]:
    return shown(b"".join(piece.plain for piece in lines.values()).decode())


def test_a_level_is_a_value_and_the_start_of_its_day() -> None:
    """The age of every number is a metric: timestamps, not ages."""
    seen = [(size("s1"), Held(Observation(Value(120.0, TODAY)), NOW))]
    assert text(series_lines(seen)) == {
        'braze_segment_size{workspace="production",segment_id="s1"}': 120,
        'braze_segment_size_timestamp_seconds{workspace="production",segment_id="s1"}': TODAY,
    }


def test_a_count_has_its_complete_bucket_and_the_one_that_fills() -> None:
    """Complete: what still fills has a name of its own, and its own timestamp."""
    observed = Observation(Value(40.0, TODAY - 86400), Current(7.0, TODAY, NOW))
    assert text(series_lines([(daily("a1"), Held(observed, NOW))])) == {
        'braze_app_sessions_daily{workspace="production",app_id="a1"}': 40,
        'braze_app_sessions_daily_timestamp_seconds{workspace="production",app_id="a1"}': TODAY
        - 86400,
        'braze_app_sessions_daily_current{workspace="production",app_id="a1"}': 7,
        'braze_app_sessions_daily_current_timestamp_seconds{workspace="production",app_id="a1"}': (
            TODAY
        ),
    }


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        (Observation(), []),
        (
            Observation(Value(0.0, TODAY)),
            ["braze_app_sessions_hourly", "braze_app_sessions_hourly_timestamp_seconds"],
        ),
        (
            Observation(current=Current(0.0, TODAY, NOW)),
            [
                "braze_app_sessions_hourly_current",
                "braze_app_sessions_hourly_current_timestamp_seconds",
            ],
        ),
    ],
)
def test_what_is_unknown_has_no_sample(observed: Observation, expected: list[str]) -> None:
    """Honest start: 0 means 0 and absent means unknown; a metric without a sample is left out."""
    assert [metric.name for metric in series_lines([(hourly(), Held(observed, NOW))])] == expected


def test_samples_of_one_metric_stand_together() -> None:
    """The formats want one group a metric, whatever the order of the series."""
    seen = [
        (hourly("a1"), Held(Observation(Value(1.0, NOW)), NOW)),
        (daily("a1"), Held(Observation(Value(2.0, TODAY)), NOW)),
        (hourly("a2"), Held(Observation(Value(3.0, NOW)), NOW)),
    ]
    lines = {metric.name: content for metric, content in series_lines(seen).items()}
    assert lines["braze_app_sessions_hourly"].plain.decode() == (
        'braze_app_sessions_hourly{workspace="production",app_id="a1"} 1\n'
        'braze_app_sessions_hourly{workspace="production",app_id="a2"} 3\n'
    )


def test_what_is_normal_stands_beside_the_value() -> None:
    """A baseline is told by its label; one that is unknown is absent, as is a threshold."""
    observed = Observation(Value(90.0, NOW))
    lines = series_lines([(hourly("a1"), Held(observed, NOW, normal=Baselines(80, None, 70)))])
    of = 'workspace="production",app_id="a1"'
    assert {name: value for name, value in text(lines).items() if "baseline" in name} == {
        f'braze_app_sessions_hourly_baseline{{{of},baseline="1d"}}': 80,
        f'braze_app_sessions_hourly_baseline{{{of},baseline="4w_median"}}': 70,
    }
    assert "threshold" not in "".join(text(lines))

    judged = Held(observed, NOW, normal=Baselines(80, 100, 110), threshold=70)
    lines = series_lines([(hourly("a1"), judged)])
    assert text(lines)[f"braze_app_sessions_hourly_alert_threshold{{{of}}}"] == 70
    assert sum("baseline" in name for name in text(lines)) == 3


def test_restated_points_are_counted_from_the_start() -> None:
    """Before its first poll a collector has restated 0; one that reads no points has no count."""
    name = 'braze_exporter_restated_points_total{workspace="production",collector="sessions"}'
    assert text(collector_lines("production", SESSIONS, 300, None, None, 0))[name] == 0
    assert text(collector_lines("production", SESSIONS, 300, None, None, 7))[name] == 7
    assert name not in text(collector_lines("production", SESSIONS, 300, None, None, None))


def test_before_its_first_poll_a_collector_has_only_its_interval() -> None:
    """Honest start: success, duration and times begin with the first poll."""
    name = 'braze_exporter_collector_interval_seconds{workspace="production",collector="sessions"}'
    assert text(collector_lines("production", SESSIONS, 300, None, None, None)) == {name: 300}


def collector(last: Reading, last_success: float | None) -> dict[str, float]:
    """The metrics of a collector by their short names."""
    lines = text(collector_lines("production", last.collector, 300, last, last_success, None))
    return {name.partition("{")[0].removeprefix("braze_exporter_"): lines[name] for name in lines}


def test_a_poll_that_read_everything_is_a_success() -> None:
    """Success, duration and both times come from the poll itself."""
    assert collector(a_reading(SEGMENTS, {size(): days(1)}), NOW + 2) == {
        "collector_interval_seconds": 300,
        "collector_success": 1,
        "collector_duration_seconds": 2,
        "collector_last_attempt_timestamp_seconds": NOW + 2,
        "collector_last_success_timestamp_seconds": NOW + 2,
        "series_failed": 0,
    }


def test_a_clock_that_was_set_back_makes_no_poll_shorter_than_nothing() -> None:
    """A duration is no negative number, whatever the host's clock did during the poll."""
    poll = a_reading(SEGMENTS, {size(): days(1)}, finished=NOW - 3600.0)
    assert collector(poll, None)["collector_duration_seconds"] == 0


def test_a_poll_that_missed_something_is_none() -> None:
    """One series that could not be read makes the poll no success, and is counted; a last success
    that never was is absent.
    """
    failed = a_reading(SEGMENTS, {size("s1"): days(1)}, failed=[size("s2"), size("s3")])
    assert collector(failed, None) == {
        "collector_interval_seconds": 300,
        "collector_success": 0,
        "collector_duration_seconds": 2,
        "collector_last_attempt_timestamp_seconds": NOW + 2,
        "series_failed": 2,
    }


def test_a_poll_that_failed_as_a_whole_failed_no_series() -> None:
    """Discovery reads no series: its failure is that of the collector."""
    seen = collector(a_reading(DISCOVERY, failed=[None]), NOW - 3600)
    assert seen["collector_success"] == 0
    assert seen["series_failed"] == 0
    assert seen["collector_last_success_timestamp_seconds"] == NOW - 3600


GOOD = a_reading(SEGMENTS, {size(): days(1)})
PARTLY = a_reading(SEGMENTS, {size("s1"): days(1)}, failed=[size("s2")])
REFUSED = a_reading(SESSIONS, failed=[hourly()], asked=1, answered=1)  # 400, 403, 404 or 429
DOWN = a_reading(SESSIONS, failed=[hourly()], asked=2, answered=0)  # 401, 5xx, timeout …
IDLE = a_reading(SEGMENTS)


@pytest.mark.parametrize(
    ("lasts", "expected"),
    [
        ([], None),
        ([None, None], None),
        ([GOOD], 1),
        ([PARTLY], 1),
        ([REFUSED], 1),
        ([IDLE], 1),
        ([DOWN], 0),
        ([GOOD, DOWN], 0),
        ([None, DOWN], 0),
        ([None, GOOD], 1),
    ],
)
def test_a_workspace_is_up_while_every_collector_gets_answers(
    lasts: list[Reading | None], expected: float | None
) -> None:
    """`braze_up` is 0 if in some collector's last poll no request got an answer other than 401 or
    5xx, else 1; nothing to ask is 1, and before the first poll nothing is known.
    """
    lines = text(workspace_lines(a_watch(), Selection(()), {}, lasts))
    assert lines.get('braze_up{workspace="production"}') == expected


@pytest.mark.parametrize(
    ("discover", "selection", "expected"),
    [
        (True, Selection(()), {}),
        (True, Selection(("s1",)), {}),
        (False, Selection(("s1",)), {"selected": 1}),
        (True, Selection((), 0, 0), {"selected": 0, "filtered": 0, "over_limit": 0}),
        (True, Selection(("s1", "s2"), 5, 1), {"selected": 2, "filtered": 5, "over_limit": 1}),
    ],
)
def test_segments_are_counted_once_they_are_known(
    discover: bool, selection: Selection, expected: dict[str, float]
) -> None:
    """Honest start: with discovery on, nothing is counted before the list was read."""
    lines = text(workspace_lines(a_watch(discover=discover), selection, {}, []))
    states = {
        f'braze_exporter_segments{{workspace="production",state="{state}"}}': count
        for state, count in expected.items()
    }
    assert {name: value for name, value in lines.items() if "state=" in name} == states


def infos(lines: Lines) -> list[str]:
    """The lines of the info metrics, without what they all share."""
    joined = b"".join(piece.plain for piece in lines.values()).decode()
    return [
        line.removesuffix(" 1").replace('workspace="production",', "")
        for line in joined.splitlines()
        if "_info{" in line
    ]


def test_every_watched_segment_and_app_has_a_name() -> None:
    """Names stand on info metrics only. A segment's is its id until it is known; `tracked` is empty
    where Braze does not say; a tracked segment of the settings is named like a selected one.
    """
    watch = a_watch(by_segment=("s1", "s4"), apps={"a1": "ios"}, units=(Unit.DAY,))
    names = {
        "s1": Segment("s1", "Lapsed", tracked=True),
        "s2": Segment("s2", "New", tracked=False),
        "s3": Segment("s3", "Old"),
    }
    selection = Selection(("s1", "s2", "s3", "s9"), 0, 0)
    assert infos(workspace_lines(watch, selection, names, [])) == [
        'braze_segment_info{segment_id="s1",segment_name="Lapsed",tracked="true"}',
        'braze_segment_info{segment_id="s2",segment_name="New",tracked="false"}',
        'braze_segment_info{segment_id="s3",segment_name="Old",tracked=""}',
        'braze_segment_info{segment_id="s9",segment_name="s9",tracked=""}',
        'braze_segment_info{segment_id="s4",segment_name="s4",tracked=""}',
        'braze_app_info{app_id="a1",app_name="ios"}',
    ]


def test_half_a_character_in_a_name_does_not_break_the_page() -> None:
    """JSON can write a lone surrogate, UTF-8 cannot: it becomes a question mark."""
    names = {"s1": Segment("s1", "broken \ud83d heart")}
    lines = workspace_lines(a_watch(), Selection(("s1",), 0, 0), names, [a_listing("s1")])
    assert infos(lines) == [
        'braze_segment_info{segment_id="s1",segment_name="broken ? heart",tracked=""}'
    ]
