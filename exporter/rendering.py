"""What a workspace's readings come to, as lines of samples by metric: pure."""

from collections.abc import Iterable, Iterator, Mapping

from exporter import catalog
from exporter.catalog import Metric
from exporter.exposition import Piece, line, sample, written
from exporter.holding import Held
from exporter.model import Reading, Segment, Series
from exporter.watch import Selection, Watch

Lines = dict[Metric, Piece]
"""Sample lines by metric. A metric without a sample is left out."""


def series_lines(seen: Iterable[tuple[Series, Held]]) -> Lines:
    """The values of one collector's series, and what is normal for them."""
    return _pieces(
        (metric, line(metric.name, labels, float(value)))
        for series, held in seen
        for metric, labels, value in _values(series, held)
    )


def collector_lines(
    workspace: str,
    collector: str,
    interval: float,
    last: Reading | None,
    last_success: float | None,
    restated: int | None,
) -> Lines:
    """How a collector's last poll went; before it, only how often there is one.

    `restated` counts the points that Braze changed, None for a collector that reads none.
    """
    labels = (workspace, collector)
    rows: list[tuple[Metric, float | None]] = [
        (catalog.INTERVAL, interval),
        (catalog.LAST_SUCCESS, last_success),
        (catalog.RESTATED, restated),
    ]
    if last is not None:
        rows += [
            (catalog.SUCCESS, last.complete),
            # The clock may have been set back meanwhile.
            (catalog.DURATION, max(last.finished - last.started, 0)),
            (catalog.LAST_ATTEMPT, last.finished),
            (catalog.SERIES_FAILED, sum(series is not None for series in last.failures)),
        ]
    return _lines((metric, labels, value) for metric, value in rows if value is not None)


def workspace_lines(
    watch: Watch,
    selection: Selection,
    names: Mapping[str, Segment],
    lasts: Iterable[Reading | None],
) -> Lines:
    """Whether Braze answers, which segments and apps are watched, and what they are called."""
    name = watch.workspace
    rows: list[tuple[Metric, tuple[str, ...], float]] = []
    polled = [last for last in lasts if last is not None]
    if polled:
        rows.append((catalog.UP, (name,), not any(last.unanswered for last in polled)))
    selected = len(selection.selected) + selection.elsewhere
    for state, count in (
        # With discovery on, how many are selected is not known before the list was read.
        ("selected", None if selection.filtered is None and watch.discover else selected),
        ("filtered", selection.filtered),
        ("over_limit", selection.over_limit),
    ):
        if count is not None:
            rows.append((catalog.SELECTED, (name, state), count))
    rows.append((catalog.SHARD_ORDINAL, (name,), watch.shard.ordinal))
    rows.append((catalog.TOTAL_SHARDS, (name,), watch.shard.total))
    rows += [(metric, labels, 1) for metric, labels in infos(watch, selection, names)]
    return _lines(rows)


def infos(
    watch: Watch, selection: Selection, names: Mapping[str, Segment]
) -> Iterator[tuple[Metric, tuple[str, str, *tuple[str, ...]]]]:
    """The samples that name what is watched: metric and labels, of which the second is the id.

    Of several shards one alone names a thing, or a join of values and names would find two.
    """
    for segment in dict.fromkeys((*selection.selected, *watch.own(watch.by_segment))):
        known = names.get(segment, Segment(segment, segment))
        tracked = "" if known.tracked is None else str(known.tracked).lower()
        yield catalog.SEGMENT_INFO, (watch.workspace, segment, known.name, tracked)
    for app, called in watch.own_apps().items():
        yield catalog.APP_INFO, (watch.workspace, app, called)


def _values(series: Series, held: Held) -> Iterator[tuple[Metric, str, float]]:
    """Metric, labels and value of each sample; the labels written once for all of them."""
    metrics = catalog.value_metrics(series.family)
    labels = written(zip(series.family.labels, series.labels, strict=True))
    value, current = held.observed.value, held.observed.current
    if value is not None:
        yield metrics.value, labels, value.value
        yield metrics.timestamp, labels, value.start
    if current is not None and metrics.current and metrics.current_timestamp:
        yield metrics.current, labels, current.value
        yield metrics.current_timestamp, labels, current.start
    for name, normal in held.normal.named:
        yield metrics.baseline, f'{labels},baseline="{name}"', normal
    if held.threshold is not None:
        yield metrics.threshold, labels, held.threshold


def _lines(rows: Iterable[tuple[Metric, tuple[str, ...], float]]) -> Lines:
    return _pieces((metric, sample(metric, labels, float(value))) for metric, labels, value in rows)


def _pieces(samples: Iterable[tuple[Metric, str]]) -> Lines:
    lines: dict[Metric, list[str]] = {}
    for metric, text in samples:
        lines.setdefault(metric, []).append(text)
    # A name from Braze may hold half a character (a lone surrogate of JSON), which no page can.
    return {
        metric: Piece.of("".join(all_of_it).encode("utf-8", "replace"))
        for metric, all_of_it in lines.items()
    }
