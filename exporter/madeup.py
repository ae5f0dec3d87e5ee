"""A page as a scrape will read it, before anything was polled: with values of usual length."""

from collections.abc import Iterable, Mapping
from zlib import crc32

from exporter.baselines import Baselines
from exporter.families import DISCOVERY
from exporter.history import Current, Observation, Value
from exporter.holding import Held
from exporter.model import Kind, RateLimit, Reading, Segment, Series
from exporter.negotiation import Format
from exporter.poller import endpoints
from exporter.rendering import Lines, collector_lines, series_lines, workspace_lines
from exporter.snapshot import render
from exporter.telemetry import Telemetry
from exporter.watch import Selection, Watch

_MOMENT = 1.7e9  # an epoch second has as many digits for a long time to come

Watched = tuple[Watch, Selection, Mapping[str, Segment]]
"""A workspace: what is watched, the segments that are, and what they are called."""


def made_up_page(workspaces: Iterable[Watched]) -> bytes:
    """The page, in the text format."""
    parts: list[Lines] = []
    telemetry = Telemetry()
    telemetry.settings_read(_MOMENT)
    for watch, selection, names in workspaces:
        polled = Reading(watch.workspace, DISCOVERY, _MOMENT, _MOMENT + 1.2345678)
        for name, interval in watch.intervals.items():
            wanted = watch.wanted(name, selection.selected)
            parts.append(series_lines((one, _held(one)) for one in wanted))
            restated = None if name == DISCOVERY else 0
            parts.append(
                collector_lines(watch.workspace, name, interval, polled, polled.finished, restated)
            )
        parts.append(workspace_lines(watch, selection, names, [polled]))
        counters = telemetry.of(watch.workspace, endpoints(watch))
        for endpoint in endpoints(watch):
            counters.requested(endpoint, 0.123456789, None)
        counters.rate_limit(RateLimit(250_000, 249_999, _MOMENT))
    page = render(parts, float("inf")).pages[Format.TEXT]
    return page.plain + telemetry.render(Format.TEXT)


def _held(series: Series) -> Held:
    """A series of which all is known; its values look as if they were at random, because those
    compress less well.
    """
    start = int(_MOMENT)
    size = 20_000 + crc32("".join(series.labels).encode()) % 70_000
    counted = series.family.kind is Kind.COUNT
    current = Current(size // 3, start, _MOMENT) if counted else None
    return Held(
        Observation(Value(size, start), current),
        _MOMENT,
        normal=Baselines(size + size % 97, size + size % 193, size + size % 59 + 0.5),
        threshold=0.7 * size,
    )
