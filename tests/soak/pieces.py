"""The pieces of the soak: each warms up, looks at what the process holds, does its work, and looks
again.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from bench.processes import Running
from exporter.conversation import Limits
from tests.soak import days as simulated
from tests.soak import reloads as reloading
from tests.soak.crowd import Crowd
from tests.soak.growth import Holding, growth, spare
from tests.soak.scrapes import Load, Scrapes
from tests.soak.watched import CONCURRENCY, Shop, watched

Say = Callable[[str], None]

WARM = 0.1  # part of the work that is done before the first look

_ZONES = ("Europe/Berlin", "America/New_York")
_SPARE_SOCKETS = 64  # just accepted, or hung up on and not closed yet


@dataclass(frozen=True)
class Row:
    """What came of a piece: a row of the table."""

    what: str
    how_much: str
    wrong: list[str]
    first: Holding
    last: Holding
    spare: Holding

    @property
    def grown(self) -> list[str]:
        """What is not flat."""
        return growth(self.first, self.last, self.spare)


def scrapes(folder: Path, many: int, say: Say) -> Row:
    """So many scrapes of every kind, by callers that keep their connections for a while."""
    with watched(folder) as (process, shop):
        with Load(process, shop.wrong, int(many * WARM)) as warm:
            warm.wait()
        first = Holding.of(process)
        begun = time.monotonic()
        with Load(process, shop.wrong, many - int(many * WARM), say=say) as load:
            found = load.wait()
        took = time.monotonic() - begun
        how_much = (
            f"{found.asked + warm.all.asked:,} scrapes, {found.asked / took:,.0f} a second, "
            f"p50 {found.at(0.5):.1f} ms, p99 {found.at(0.99):.0f} ms"
        )
        wrong = warm.all.wrong + found.wrong
        return Row("scrapes", how_much, wrong, first, Holding.of(process), spare(1, CONCURRENCY))


def crowd(folder: Path, clients: int, seconds: float, say: Say) -> Row:
    """So many idle and slow clients at once, while some callers scrape on."""
    with watched(folder) as (process, shop):
        _besieged(process, shop, clients, seconds * WARM, say)
        first = Holding.of(process)
        used = process.cpu
        scraped, crowd, most = _besieged(process, shop, clients, seconds, say)
        wrong = list(scraped.wrong)
        room = Limits().connections + first.sockets + _SPARE_SOCKETS
        if most > room:
            wrong.append(f"{most} sockets, more than {room}")
        how_much = (
            f"{clients} clients for {seconds:g} s, {crowd.hung_up.total():,} times hung up on, at "
            f"most {most} sockets; {scraped.asked:,} scrapes meanwhile, {scraped.again} of them "
            f"on a second connection, p50 {scraped.at(0.5):.0f} ms, p99 {scraped.at(0.99):.0f} ms, "
            f"{scraped.late} took longer than Prometheus waits; "
            f"the exporter used {process.cpu - used:.1f} s of CPU"
        )
        last = Holding.of(process)
        allowed = spare(1, CONCURRENCY, megabytes=16)
        return Row("idle and slow clients", how_much, wrong, first, last, allowed)


def _besieged(
    process: Running, shop: Shop, clients: int, seconds: float, say: Say
) -> tuple[Scrapes, Crowd, int]:
    """What came of the scrapes and of the crowd, and the most sockets that were open."""
    most, end = 0, time.monotonic() + seconds
    with Load(process, shop.wrong, pause=0.1) as load, Crowd(process.port, clients) as crowd:
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(0.5, left))
            most = max(most, process.sockets)
            say(f"{crowd.came.total():,} came; {process.sockets} sockets; {left:.0f} s left")
    return load.all, crowd, most


def reloads(folder: Path, many: int, every: float, say: Say, *leaks: str) -> Row:
    """So many reloads, one each `every` seconds, while some callers scrape on."""
    with watched(folder, *leaks) as (process, shop):
        reloading.reloads(process, shop, max(int(many * WARM), 5), every)
        first = Holding.of(process)
        with Load(process, shop.wrong, pause=0.1) as load:
            found = reloading.reloads(process, shop, many, every, say)
        how_much = (
            f"{found.posts} by POST, {found.signals} by SIGHUP, {found.refused} refused; "
            f"{found.added} workspaces added, {found.removed} removed; "
            f"{load.all.asked:,} scrapes meanwhile; the longest took {found.longest:.2f} s"
        )
        wrong = found.wrong + load.all.wrong
        return Row("reloads", how_much, wrong, first, Holding.of(process), spare(1, CONCURRENCY))


def hours(many: int, say: Say) -> Iterator[Row]:
    """So many simulated hours before and after every moment at which the calendar is odd."""
    for name, (zone, _) in simulated.SPECIAL.items():
        say(name)
        yield _simulated(f"{name} ({zone})", simulated.special(name, many))


def days(many: int, say: Say) -> Iterator[Row]:
    """So many simulated days in one go."""
    for zone in _ZONES:
        say(zone)
        first = datetime(2024, 1, 30, tzinfo=UTC)
        found = simulated.whole(ZoneInfo(zone), first, many, say)
        yield _simulated(f"simulated days ({zone})", found)


def _simulated(what: str, found: simulated.Days) -> Row:
    how_much = (
        f"{found.simulated.total_seconds() / 86400:,.1f} days, {found.polls:,} polls, "
        f"{found.values:,} values compared"
    )
    return Row(what, how_much, found.wrong, found.held[0], found.held[-1], Holding(8, 0, 0, 0))
