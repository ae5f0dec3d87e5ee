"""The command `backfill`: from its flags to a file, and to what is to be done with that."""

import math
import shlex
import shutil
import sys
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from exporter.account import Account
from exporter.backfill import page_ends, write_history
from exporter.catalog import Metric, metrics
from exporter.client import BrazeError
from exporter.columns import printable
from exporter.commands import DONE, FAILED, USAGE, fail, settings_and_keys
from exporter.config import Settings
from exporter.families import DISCOVERY
from exporter.model import Segment, Series
from exporter.poller import endpoints, watch_of
from exporter.progress import progress
from exporter.rendering import infos
from exporter.samplefile import SampleFile, Size, Span, most
from exporter.scraped import LABEL, PrometheusError, Storage, prometheus, storage, target_labels
from exporter.secretfile import ApiKey
from exporter.telemetry import Telemetry
from exporter.watch import Watch, select

HEAD = 3 * 3600
"""Seconds before now that Prometheus may hold in its head only. A block over that range makes a
restart forget what others wrote there.
"""

_LONGEST_BLOCK = "744h"  # what Prometheus itself compacts to at most, unless told otherwise
_EARLIEST = 1_293_840_000  # the beginning of 2011
_LISTED = 5  # failures that are listed one by one, of those for the same reason
_LOOKBACK = 300  # seconds in which Prometheus' plain selectors find a sample
_OURS = frozenset(label for metric in metrics() for label in metric.labels)


@dataclass(frozen=True, slots=True)
class _Work:
    """What of one workspace is read back."""

    account: Account
    watch: Watch
    series: tuple[Series, ...]
    names: tuple[tuple[Metric, tuple[str, str, *tuple[str, ...]]], ...]


def backfill(arguments: Namespace) -> int:
    """Write the history of all that the settings watch as a file that Prometheus can import."""
    read = settings_and_keys(arguments)
    if read is None:
        return USAGE
    now = time.time()
    output: Path = arguments.output
    try:
        _check_output(output)
        span = _span(arguments, now)
        target = _labels(arguments)
        ask = prometheus(arguments.prometheus) if arguments.prometheus is not None else None
    except ValueError as error:
        return fail(str(error), USAGE)
    try:
        kept = storage(ask) if ask else Storage()
        target = target_labels(ask, target, now) if ask else target
    except PrometheusError as error:
        return fail(str(error))
    missing = [name for name in ("job", "instance") if name not in target]
    if missing and ask is None:
        _tell(f"the samples carry no {' and no '.join(missing)}, so they will not go on in the")
        _tell("live series: give --prometheus URL, or --job and --instance")
    failures: dict[str, str] = {}
    try:
        with ExitStack() as accounts, SampleFile(output, target, span) as file:
            works = list(_works(*read, accounts, failures))
            requests = _announce(works, target, span, output)
            with progress(requests, "requests") as asked:
                _write(works, file, span, asked, failures)
            size = file.finish() if file.samples else None
    except OSError as error:
        return fail(f"cannot write {output}: {error.strerror}")
    _tell_failures(failures)
    if size is None:
        return fail("nothing was read, so there is no file")
    _say_what_next(output, size, span, kept, now)
    return FAILED if failures else DONE


def _check_output(output: Path) -> None:
    if output == Path() or output.is_dir():
        raise ValueError(f"--output: {output} is a folder; name a file in it")
    if output.exists() and not output.is_file():
        raise ValueError(f"--output: {output} is no file")


def _span(arguments: Namespace, now: float) -> Span:
    step = int(arguments.step.total_seconds())
    if step < 1:
        raise ValueError("--step: must be at least 1s")
    latest = math.floor((now - HEAD) / step) * step
    until = latest if arguments.until is None else math.floor(arguments.until.timestamp())
    if until > now - HEAD:
        raise ValueError(
            f"--until: must lie 3 h back, at {_time(latest)} or before: a later block makes "
            "Prometheus lose what others wrote then. Run it again later to close the gap"
        )
    since = until - arguments.days * 86_400
    if since < _EARLIEST:
        raise ValueError(f"--days: they begin before Braze was founded, at {_time(_EARLIEST)}")
    span = Span(since, until, step)
    if not span.moments(since, until):
        raise ValueError("--step: must be shorter than the time of --days")
    return span


def _labels(arguments: Namespace) -> Mapping[str, str]:
    """The labels that the flags give to each sample."""
    labels: dict[str, str] = {}
    for written in arguments.label:
        name, equals, value = written.partition("=")
        if not equals or not value or not LABEL.fullmatch(name) or name.startswith("__"):
            raise ValueError(f"--label: {written!r} is no label such as namespace=monitoring")
        if name in _OURS:
            raise ValueError(f"--label: {name} is a label of the exporter's own")
        if name in labels:
            raise ValueError(f"--label: {name} is given twice")
        labels[name] = value
    for name, value in (("job", arguments.job), ("instance", arguments.instance)):
        if value is not None and labels.setdefault(name, value) != value:
            raise ValueError(f"--label: {name} says something else than --{name}")
    return labels


def _works(
    settings: Settings,
    keys: Mapping[str, ApiKey],
    accounts: ExitStack,
    failures: dict[str, str],
) -> Iterator[_Work]:
    """What is to be read back of each workspace, once its segments are known."""
    telemetry = Telemetry(process=False)
    for name, workspace in settings.workspaces.items():
        watch = watch_of(name, workspace, settings.poll, settings.shard)
        counters = telemetry.of(name, endpoints(watch))
        timeout = settings.poll.timeout.total_seconds()
        account = accounts.enter_context(
            Account(name, workspace, timeout, keys[name], counters, shard=settings.shard)
        )
        listing: tuple[Segment, ...] | None = None
        if DISCOVERY in watch.intervals:
            try:
                listing = account.client.segments()
            except BrazeError as error:
                # Where every segment is named by its id, the list has only their names.
                if watch.discover or error.reason != "forbidden":
                    failures[f"the list of segments of {name}"] = str(error)
        selection = select(listing, watch)
        names = {segment.id: segment for segment in listing or ()}
        series = watch.wanted_of_all(selection.selected)
        yield _Work(account, watch, series, tuple(infos(watch, selection, names)))


def _announce(works: Sequence[_Work], target: Mapping[str, str], span: Span, output: Path) -> int:
    """Say what is to come; returns the number of requests."""
    series = [series for work in works for series in work.series]
    requests = sum(len(page_ends(each.family.unit, span)) for each in series)
    size = most(series, (each for work in works for each in work.names), target, span)
    _tell(
        f"{len(series)} series from {_time(span.since)} to {_time(span.until)}, "
        f"a sample each {span.step} s: at most {_amount(size)}; {requests:,} requests"
    )
    if shutil.disk_usage(output.absolute().parent).free < size.bytes:
        _tell("that may be more than the disk has room for; --step 1h needs a twelfth of --step 5m")
    if span.step > _LOOKBACK:
        _tell("samples over 5m apart are not found by plain selectors: use last_over_time(x[step])")
    return requests


def _write(
    works: Sequence[_Work],
    file: SampleFile,
    span: Span,
    asked: Callable[[], object],
    failures: dict[str, str],
) -> None:
    for work in works:
        missing = write_history(
            file,
            work.series,
            work.watch,
            span,
            work.account.client.data_series,
            threads=work.account.threads,
            width=work.account.width,
            asked=asked,
        )
        failures |= {str(series): why for series, why in missing.items()}
        for metric, labels in work.names:
            file.name(metric, labels)


def _say_what_next(output: Path, size: Size, span: Span, kept: Storage, now: float) -> None:
    known = Path(kept.path).is_absolute()
    folder = shlex.quote(printable(kept.path)) if known else "DATA"
    its = f", which is {printable(kept.path)}" if kept.path else ""
    meaning = "" if known else f"    (DATA is the folder of --storage.tsdb.path{its})\n"
    days = math.ceil((now - span.since) / 86_400) + 1
    keeps = f"it keeps {printable(kept.retention)} now" if kept.retention else "unset, it keeps 15d"
    print(
        f"wrote {output}: {_amount(size)}\n\n"
        f"Make blocks of it for Prometheus, as the user it runs as:\n\n"
        f"    promtool tsdb create-blocks-from openmetrics "
        f"--max-block-duration={_LONGEST_BLOCK} {shlex.quote(str(output))} {folder}\n{meaning}\n"
        f"A running Prometheus finds them within two minutes. It must keep {days} days, by\n"
        f"--storage.tsdb.retention.time={days}d or longer; {keeps}.\n"
        f"Containers, VictoriaMetrics, Mimir: docs/backfill.md"
    )


def _tell_failures(failures: Mapping[str, str]) -> None:
    reasons = Counter(failures.values())
    told: Counter[str] = Counter()
    for what, why in failures.items():
        told[why] += 1
        if told[why] <= _LISTED:
            _tell(f"not there: {what}: {why}")
        elif told[why] == reasons[why]:
            _tell(f"not there: {reasons[why] - _LISTED} more: {why}")


def _amount(size: Size) -> str:
    return f"{size.samples:,} samples, {size.bytes / 1e6:,.1f} MB"


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _tell(message: str) -> None:
    """On stderr, in one line. Terminals obey some characters that Braze may have sent."""
    print(printable(message), file=sys.stderr, flush=True)
