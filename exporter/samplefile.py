"""A file of OpenMetrics with the history of many series, written a series at a time."""

import math
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import BinaryIO, Self

from exporter import baselines
from exporter.catalog import PUBLISHED, Metric, value_metrics
from exporter.exposition import header, identity, number
from exporter.model import Series
from exporter.negotiation import Format
from exporter.replay import Shown

_KINDS = ("", *baselines.NAMES)  # the label `baseline`, empty for every other metric
_PIECE = 4096  # samples that are made at a time
_EOF = b"# EOF\n"


@dataclass(frozen=True, slots=True)
class Span:
    """From when until when there are samples (epoch seconds, `until` excluded), and how many
    seconds apart: on whole multiples of `step`.
    """

    since: int
    until: int
    step: int

    def moments(self, since: float, until: float) -> range:
        """The moments of the samples from `since` until `until`, which is excluded."""
        first = math.ceil(max(since, self.since) / self.step) * self.step
        return range(first, math.ceil(min(until, self.until)), self.step)


@dataclass(frozen=True, slots=True)
class Size:
    """How much a file holds."""

    samples: int
    bytes: int


@dataclass(slots=True)
class _Part:
    """The samples of one metric, of a baseline of one kind, in a file of their own."""

    file: BinaryIO
    samples: int = 0


class SampleFile:
    """What a Prometheus would have scraped: grouped by metric and series, ascending in time.

    OpenMetrics wants the samples of a metric together, and Braze is asked for one series after
    another; so each metric has a temporary file beside `output`, until `finish` makes one of them.
    `target` are the labels that Prometheus adds to what it scrapes. Without `finish` nothing is
    left behind. Everything may raise OSError.
    """

    def __init__(self, output: Path, target: Mapping[str, str], span: Span) -> None:
        self._output = output
        self._target = target
        self._span = span
        self._parts: dict[tuple[Metric, str], _Part] = {}
        # When each segment and app, by workspace and id, was first shown.
        self._first: dict[tuple[str, str], float] = {}
        self._resources = ExitStack()

    def __enter__(self) -> Self:
        folder = TemporaryDirectory(dir=self._output.parent, prefix=f".{self._output.name}.")
        self._folder = Path(self._resources.enter_context(folder))
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def add(self, series: Series, shown: Iterable[Shown]) -> None:
        """Write what was `shown` of `series`: all of it, or nothing where `shown` raises."""
        before = {key: (part.file.tell(), part.samples) for key, part in self._parts.items()}
        first = math.inf
        try:
            for each in shown:
                moments = self._span.moments(each.since, each.until)
                if moments:
                    first = min(first, moments[0])
                    self._show(series, each, moments)
        except BaseException:
            for key, part in self._parts.items():
                place, part.samples = before.get(key, (0, 0))
                part.file.seek(place)
                part.file.truncate()
            raise
        workspace, *ids = series.labels
        for each_id in ids:
            known = self._first.get((workspace, each_id), math.inf)
            self._first[workspace, each_id] = min(first, known)

    def name(self, metric: Metric, labels: tuple[str, str, *tuple[str, ...]]) -> None:
        """Write the names in `labels`, of which the second is an id, for as long as anything is
        shown of it.
        """
        first = self._first.get((labels[0], labels[1]), math.inf)
        if first < math.inf:
            self._write(metric, labels, 1, self._span.moments(first, self._span.until))

    @property
    def samples(self) -> int:
        """How many samples were written until now."""
        return sum(part.samples for part in self._parts.values())

    def finish(self) -> Size:
        """Make the output of all that was written; it is there at once, and whole."""
        whole = self._folder / "whole"
        with whole.open("wb") as file:
            for metric in PUBLISHED:
                parts = [self._parts[metric, of] for of in _KINDS if (metric, of) in self._parts]
                if any(part.samples for part in parts):
                    file.write(header(metric, Format.OPENMETRICS).encode())
                for part in parts:
                    part.file.seek(0)
                    copyfileobj(part.file, file, 1 << 20)
                    part.file.truncate(0)  # the disk is not to hold everything twice
            file.write(_EOF)
            file.flush()
            os.fsync(file.fileno())
            size = Size(self.samples, file.tell())
        whole.chmod(0o644)  # who reads it is another user
        whole.replace(self._output)
        return size

    def _show(self, series: Series, shown: Shown, moments: range) -> None:
        metrics, labels = value_metrics(series.family), series.labels
        self._write(metrics.value, labels, shown.value, moments)
        self._write(metrics.timestamp, labels, shown.start, moments)
        for baseline, normal in shown.normal.named:
            self._write(metrics.baseline, (*labels, baseline), normal, moments, baseline)
        if shown.threshold is not None:
            self._write(metrics.threshold, labels, shown.threshold, moments)

    def _write(
        self, metric: Metric, labels: tuple[str, ...], value: float, moments: range, kind: str = ""
    ) -> None:
        part = self._parts.get((metric, kind))
        if part is None:
            path = self._folder / f"part-{len(self._parts)}"
            part = _Part(self._resources.enter_context(path.open("w+b")))
            self._parts[metric, kind] = part
        line = b"%s %s %%d\n" % (
            _identity(metric, labels, self._target).replace(b"%", b"%%"),
            number(value).encode(),
        )
        for begin in range(0, len(moments), _PIECE):
            piece = moments[begin : begin + _PIECE]
            part.file.write(line * len(piece) % tuple(piece))
        part.samples += len(moments)


def most(
    series: Iterable[Series],
    names: Iterable[tuple[Metric, tuple[str, ...]]],
    target: Mapping[str, str],
    span: Span,
) -> Size:
    """What the file will hold at most: where something was known of all `series` all the time."""
    lines = [
        len(_identity(metric, labels, target)) + len("  1700000000\n") + width
        for each in series
        for metric, labels, width in _widest(each)
    ]
    lines += [len(_identity(*each, target)) + len(" 1 1700000000\n") for each in names]
    times = len(span.moments(span.since, span.until))
    return Size(times * len(lines), times * sum(lines))


def _widest(series: Series) -> Iterator[tuple[Metric, tuple[str, ...], int]]:
    """The samples of a series at one moment, with the digits that their values can take."""
    metrics, labels = value_metrics(series.family), series.labels
    yield metrics.value, labels, 9
    yield metrics.timestamp, labels, 10
    yield from ((metrics.baseline, (*labels, kind), 11) for kind in baselines.NAMES)
    yield metrics.threshold, labels, 18  # a product of a share, to the last digit of a float


def _identity(metric: Metric, labels: tuple[str, ...], target: Mapping[str, str]) -> bytes:
    pairs = (*zip(metric.labels, labels, strict=True), *target.items())
    # A name from Braze may hold half a character, which no file can.
    return identity(metric.name, pairs).encode("utf-8", "replace")
