"""Workspaces that fall ill: each has a Braze of its own, a key, and an oracle of what is true."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from exporter.simulator import serve
from exporter.simulator.pulse import KPIS
from tests.fates import Fate
from tests.matrix.braze import Braze
from tests.matrix.collectors import APPS, EVENT, NAMES, by_segment
from tests.matrix.faults import Ailment, Delay, List
from tests.matrix.oracle import Counts, Truth, judge
from tests.matrix.pages import Page, State

NO_ANSWER = {"unauthorized", "server_error", "timeout", "connection", "tls"}
SUCCESS = "braze_exporter_collector_success"
FAILED = "braze_exporter_series_failed"
FAILURES = "braze_exporter_api_request_failures_total"


@dataclass(frozen=True)
class Pace:
    """How fast an exporter's life goes, in seconds.

    `keep` has to be much longer than the intervals, or a machine that is busy loses values.
    """

    segments: int = 2
    sessions: int = 6  # half of it is there for the history, also where an answer takes 2
    discovery: int = 2
    kpi: int = 4
    events: int = 4
    timeout: int = 3
    keep: int = 25
    still: float = 2.5  # for so long all is watched once it is as it will be
    patience: float = 60.0  # within which all is to be as it will be
    stop: float = 5.0  # 3 is promised, on a machine that is not as busy as this one


FAST = Pace(
    segments=1,
    sessions=2,
    discovery=1,
    kpi=2,
    events=2,
    keep=12,
    still=0.5,
    # Of an ordinary test, which may run beside many others: other tests hold how long it takes.
    patience=180.0,
    stop=60.0,
)


@dataclass
class Cell:
    """What came of one fault in one collector at one moment."""

    fault: str
    collector: str
    moment: str
    counts: Counts = field(default_factory=Counts)
    leaks: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def survived(self) -> bool:
        """Whether all went as it has to."""
        return not (self.counts.lost or self.counts.wrong or self.leaks or self.notes)

    def __str__(self) -> str:
        said = [*self.notes, *self.counts.examples, *([f"leaks: {self.leaks}"] * (self.leaks > 0))]
        return f"{self.fault} in {self.collector}, {self.moment}: {'; '.join(said) or 'survived'}"


class Patient:
    """A workspace with its own Braze; `ailment` is what befalls it, None for nothing.

    Leaving it as a context ends its Braze.
    """

    def __init__(
        self, number: int, folder: Path, ailment: Ailment | None = None, pace: Pace = FAST
    ) -> None:
        self.name = f"w{number}"
        self.ailment = ailment
        self.key = str(uuid.uuid4())
        self.key_file = folder / f"{self.name}.key"
        self.key_file.write_text(self.key)
        self.braze = Braze(number + 1, self.key)
        self.server = serve(self.braze)
        self.truth = Truth(self.name, self.braze.turning)
        self.allowed: list[State] = []
        self.ill = self.certain = False
        self._old_at = self._failures_before = 0.0
        self._pace = pace
        self.cell = Cell("", "", "")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.close()

    def settings(self, requests_per_hour: int) -> dict[str, object]:
        """What the exporter is to know of it."""
        return {
            "endpoint": self.server.url,
            "api_key_file": str(self.key_file),
            "segments": {"limit": 4},
            "apps": APPS,
            "sessions": {
                "workspace_total": True,
                "by_segment": [by_segment(self.braze.turning)],
            },
            "kpi": {"metrics": [*KPIS]},
            "events": {"names": [EVENT]},
            "alerts": {
                "drop": "25%",
                "surge": "100%",
                "min_size": 40,
                "min_sessions": 60,
                "min_users": 60,
                "min_events": 60,
            },
            "requests_per_hour": requests_per_hour,
            "concurrency": 8,
        }

    def enter(self, moment: str, fault: str = "") -> Cell:
        """Begin a cell: of the ailment, or of another `fault`."""
        ailment = self.ailment
        self.cell = (
            Cell(ailment.fault, ailment.collector.row, moment)
            if ailment
            else Cell(fault, "", moment)
        )
        return self.cell

    def fall_ill(self) -> None:
        """The values change, and the fault begins with them."""
        before = dict(self.truth.shown)
        if self.ailment:
            # What was asked then was sent at most the timeout before; that poll, and no other, may
            # have come to nothing on a busy machine.
            asked = self.braze.asked_since(self.ailment.collector.path)
            pace = self._pace
            self._old_at = asked - 2 * pace.timeout - pace.sessions + pace.keep
        self.braze.turn(*(self.ailment.specs if self.ailment else ()))
        self.allowed = [before]
        if self.ailment and self.ailment.fate in List and not self.truth.unlisted:
            self.truth.turn()  # the values may come before the list
            self.allowed = [before, dict(self.truth.shown)]
        self.truth.turn(self.ailment)
        self.ill = self.ailment is not None
        self.allowed = [*self.allowed, dict(self.truth.shown)]
        if self.ailment and self.ailment.fate is Fate.GONE:
            self.certain = False
        if self.ailment and self.ailment.delay is not Delay.NONE:
            everything = dict(self.truth.shown)
            names = self.truth.only_names()
            self.truth.shown = dict(before)
            self.allowed = [before, everything, names]
            if not self.certain:  # and the history may be cut short
                self.allowed += self.truth.with_less_history()

    def outlast(self) -> None:
        """What is kept from being read gets too old."""
        if not self.ailment or self.ailment.fate is not Fate.HELD:
            return
        if self.ailment.delay is Delay.LONG:
            self.allowed = [*self.allowed, self.truth.only_names()]
        elif self.ailment.delay is Delay.NONE:
            self.allowed = [dict(self.truth.shown), self.truth.without(self.ailment)]

    def recover(self) -> None:
        """The values change, and the fault is over."""
        before = [*self._bearable(), *([] if self.certain else [self.truth.only_names()])]
        self.braze.turn()
        self.truth.turn()
        self.ill = False
        self.allowed = [*before, dict(self.truth.shown)]

    def judge(self, page: Page) -> None:
        """Count what is wrong on a page."""
        if self.ailment and not self.ill:
            self._failures_before = self._failures(page, self.ailment)
        shown = page.shown.get(self.name, {})
        judge(shown, self._bearable(), self.cell.counts, not self.certain)

    def _bearable(self) -> list[State]:
        """What may be shown at this moment: what is held may have got too old by now."""
        held = self.ill and self.ailment is not None and self.ailment.fate is Fate.HELD
        if held and self.ailment and time.monotonic() > self._old_at:
            return [*self.allowed, self.truth.without(self.ailment)]
        return self.allowed

    def settle(self) -> None:
        """From now on nothing but the newest state is right."""
        if not self._settles:
            self.allowed = self.allowed[-1:]

    def not_yet(self, page: Page) -> str:
        """What is not as it will be once the exporter has caught up; empty if all is."""
        shown = page.shown.get(self.name, {})
        if not self._settles and (shown != self.allowed[-1]):
            return self._difference(shown)
        return next(filter(None, (self._unsaid(page, name) for name in self._said())), "")

    @property
    def _settles(self) -> bool:
        """Whether its values may be of several turns for as long as it is ill."""
        return self.ill and self.ailment is not None and self.ailment.delay is not Delay.NONE

    def _difference(self, shown: State) -> str:
        wanted = self.allowed[-1]
        groups = [g for g in shown.keys() | wanted.keys() if shown.get(g) != wanted.get(g)]
        return f"{len(groups)} groups are not yet as they will be, such as {groups[0]}"

    def _said(self) -> list[str]:
        """The collectors whose state is certain."""
        if self._settles and self.ailment:
            return [self.ailment.collector.name] if self.ailment.reason else []
        return [*NAMES]

    def _unsaid(self, page: Page, collector: str) -> str:
        """What the exporter does not yet say of a collector."""
        ailment = self.ailment if self.ill else None
        mine = ailment is not None and ailment.collector.name == collector
        failed = mine and ailment is not None and ailment.fate is Fate.HELD
        count = self.truth.count(ailment) if failed and ailment else 0
        unlisted = collector == "segments" and self.truth.unlisted
        wanted = {
            SUCCESS: float(not failed and not unlisted),
            FAILED: float(count),
        }
        for name, value in wanted.items():
            said = page.own_value(name, workspace=self.name, collector=collector)
            if said != value and not (name == FAILED and self._settles):
                return f"{name} of {collector} is {said}, not {value}"
        if not (failed and ailment):
            return (
                "" if self.ill or page.own_value("braze_up", workspace=self.name) == 1 else "down"
            )
        if self._failures(page, ailment) <= self._failures_before:
            return f"no new failure of {collector} for {ailment.reason}"
        up = self._up(ailment, count)
        said = page.own_value("braze_up", workspace=self.name)
        return "" if said == up else f"up is {said}, not {up}"

    def _failures(self, page: Page, ailment: Ailment) -> float:
        """How often its collector failed for its reason, as the exporter counts."""
        path, reason = ailment.collector.path, ailment.reason
        return page.own_value(FAILURES, workspace=self.name, endpoint=path, reason=reason) or 0.0

    def _up(self, ailment: Ailment, count: int) -> float:
        """0 where a whole collector gets no answer; page 1 of the list is one."""
        whole = count == len(self.truth.wanted(ailment.collector.name))
        return float(not (whole and ailment.reason in NO_ANSWER and ":page=" not in ailment.fault))


def settings(
    patients: list[Patient], address: str, pace: Pace, requests_per_hour: int
) -> Mapping[str, object]:
    """The settings of an exporter that watches all of them, often."""
    return {
        "workspaces": {each.name: each.settings(requests_per_hour) for each in patients},
        "poll": {
            "segments": f"{pace.segments}s",
            "sessions": f"{pace.sessions}s",
            "kpi": f"{pace.kpi}s",
            "events": f"{pace.events}s",
            "discovery": f"{pace.discovery}s",
            "keep": f"{pace.keep}s",
            "timeout": f"{pace.timeout}s",
        },
        "web": {"listen_address": address},
        "log": {"level": "debug"},
    }
