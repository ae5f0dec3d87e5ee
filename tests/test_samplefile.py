"""The file that `backfill` writes: grouped, escaped, whole or not there, no larger than said."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from exporter.baselines import Baselines
from exporter.catalog import APP_INFO, SEGMENT_INFO
from exporter.replay import Shown
from exporter.samplefile import SampleFile, Span, most
from tests.fakes import DAY, HOUR, TODAY, daily, hourly, size

SPAN = Span(TODAY, TODAY + DAY, 6 * HOUR)
NORMAL = Baselines(day=1.0, week=2.0, four_weeks=3.5)


def shown(
    since: float = TODAY, until: float = TODAY + DAY, value: float = 5, **changes: object
) -> Shown:
    settings: dict[str, object] = {"normal": Baselines(), "threshold": None} | changes
    return Shown(since, until, value, TODAY, **settings)  # type: ignore[arg-type]


def lines(path: Path) -> list[str]:
    """The sample lines of a file."""
    return [line for line in path.read_text().splitlines() if not line.startswith("#")]


def test_a_value_stands_at_every_step_from_when_until_when_it_was_shown(tmp_path: Path) -> None:
    """On whole multiples of the step, whenever it was seen first."""
    with SampleFile(tmp_path / "out.om", {}, SPAN) as file:
        file.add(size(), [shown(TODAY + 60, TODAY + 13 * HOUR), shown(TODAY + 13 * HOUR, value=7)])
        file.finish()

    series = 'braze_segment_size{workspace="production",segment_id="s1"}'
    assert lines(tmp_path / "out.om")[:3] == [
        f"{series} 5 {TODAY + 6 * HOUR}",
        f"{series} 5 {TODAY + 12 * HOUR}",
        f"{series} 7 {TODAY + 18 * HOUR}",
    ]


def test_each_metric_of_a_family_is_written_in_one_piece(tmp_path: Path) -> None:
    """Metric by metric, in each of them series by series: OpenMetrics wants it so."""
    with SampleFile(tmp_path / "out.om", {}, SPAN) as file:
        for series in (size("s1"), daily(), size("s2")):
            file.add(series, [shown(normal=NORMAL, threshold=1.4)])
        file.finish()

    text = (tmp_path / "out.om").read_text()
    names = [family.name for family in text_string_to_metric_families(text)]
    assert names == [
        "braze_segment_size",
        "braze_segment_size_timestamp_seconds",
        "braze_segment_size_baseline",
        "braze_segment_size_alert_threshold",
        "braze_app_sessions_daily",
        "braze_app_sessions_daily_timestamp_seconds",
        "braze_app_sessions_daily_baseline",
        "braze_app_sessions_daily_alert_threshold",
    ]
    each = [line.rpartition("} ")[0] for line in lines(tmp_path / "out.om")]
    runs = [first for first, before in zip(each, [None, *each], strict=False) if first != before]
    assert len(runs) == len(set(runs)) == 3 * 6


def test_the_labels_of_the_target_follow_our_own(tmp_path: Path) -> None:
    """So that the samples belong to the live series."""
    with SampleFile(tmp_path / "out.om", {"job": "braze", "instance": "a:1"}, SPAN) as file:
        file.add(size(), [shown()])
        file.finish()

    assert lines(tmp_path / "out.om")[0].startswith(
        'braze_segment_size{workspace="production",segment_id="s1",job="braze",instance="a:1"} 5 '
    )


@pytest.mark.parametrize(
    "name", ['10 % "off" \\ %d', "two\nlines", "Österreich", "{}", "half \ud800 a character"]
)
def test_any_name_can_be_written(name: str, tmp_path: Path) -> None:
    """Marketing people write what they like."""
    with SampleFile(tmp_path / "out.om", {}, SPAN) as file:
        file.add(size("s1"), [shown()])
        file.name(SEGMENT_INFO, ("production", "s1", name, "true"))
        file.finish()

    families = text_string_to_metric_families((tmp_path / "out.om").read_text())
    info = next(family for family in families if family.type == "info")
    assert {sample.labels["segment_name"] for sample in info.samples} == {
        name.replace("\ud800", "?")
    }


def test_a_name_stands_as_long_as_anything_is_shown(tmp_path: Path) -> None:
    """From the first value on, of whichever series; without one there is no name."""
    with SampleFile(tmp_path / "out.om", {}, SPAN) as file:
        file.add(hourly("a1"), [shown(TODAY + 12 * HOUR)])
        file.add(daily("a1"), [shown(TODAY + 6 * HOUR)])
        file.name(APP_INFO, ("production", "a1", "ios"))
        file.name(APP_INFO, ("production", "a2", "android"))
        file.finish()

    infos = [line for line in lines(tmp_path / "out.om") if line.startswith("braze_app_info")]
    assert [line.rpartition(" ")[2] for line in infos] == [
        str(TODAY + hours * HOUR) for hours in (6, 12, 18)
    ]
    assert all('app_id="a1",app_name="ios"' in line for line in infos)


def test_a_series_that_breaks_off_is_not_in_it(tmp_path: Path) -> None:
    """Nor does anything of it remain in the metrics that others share with it."""

    def broken() -> Iterator[Shown]:
        yield shown(normal=NORMAL, threshold=1.4)
        raise ValueError("as it was told")

    with SampleFile(tmp_path / "out.om", {}, SPAN) as file:
        file.add(size("before"), [shown()])
        with pytest.raises(ValueError, match="as it was told"):
            file.add(size("broken"), broken())
        file.add(size("after"), [shown(normal=NORMAL)])
        file.name(SEGMENT_INFO, ("production", "broken", "Broken", ""))
        size_of = file.finish()

    found = lines(tmp_path / "out.om")
    assert not any("roken" in line for line in found)
    assert {line.split('segment_id="')[1].split('"')[0] for line in found} == {"before", "after"}
    assert size_of.samples == len(found)


def test_there_is_no_file_until_it_is_finished(tmp_path: Path) -> None:
    """And what was there before stays until then; a reader never sees half of it."""
    (tmp_path / "out.om").write_text("before")
    with SampleFile(tmp_path / "out.om", {}, SPAN) as file:
        file.add(size(), [shown()])
        assert (tmp_path / "out.om").read_text() == "before"
        said = file.finish()

    assert (tmp_path / "out.om").read_text().endswith("# EOF\n")
    assert said.bytes == (tmp_path / "out.om").stat().st_size
    assert [path.name for path in tmp_path.iterdir()] == ["out.om"]


def test_without_finish_nothing_is_left(tmp_path: Path) -> None:
    """Whatever ended it."""
    with SampleFile(tmp_path / "out.om", {}, SPAN) as file:
        file.add(size(), [shown()])
        assert len(list(tmp_path.rglob("*"))) > 1

    assert list(tmp_path.iterdir()) == []


def test_another_user_can_read_it(tmp_path: Path) -> None:
    """Prometheus runs as somebody else."""
    with SampleFile(tmp_path / "out.om", {}, SPAN) as file:
        file.add(size(), [shown()])
        file.finish()

    assert (tmp_path / "out.om").stat().st_mode & 0o777 == 0o644


def test_it_holds_at_most_what_was_said(tmp_path: Path) -> None:
    """Where everything is known all the time, with long values, that many samples and little less
    in bytes.
    """
    series = [size("s1"), daily("a1"), hourly("a2")]
    names = [(APP_INFO, ("production", "a1", "ios")), (APP_INFO, ("production", "a2", "android"))]
    said = most(series, names, {"job": "braze"}, SPAN)

    with SampleFile(tmp_path / "out.om", {"job": "braze"}, SPAN) as file:
        for each in series:
            file.add(each, [shown(value=123_456_789, normal=NORMAL, threshold=0.7 * 123456789.5)])
        for metric, labels in names:
            file.name(metric, labels)
        found = file.finish()

    headers = sum(
        len(line) + 1
        for line in (tmp_path / "out.om").read_text().splitlines()
        if line.startswith("#")
    )
    assert said.samples == found.samples
    assert 0.9 * said.bytes < found.bytes - headers <= said.bytes
