"""The PromQL that the boards have in common: what a family is now, and what is normal for it.

Everything is of the exporter's own metrics, so the boards need neither a history in Prometheus nor
recorded series. Values are aggregated by `max`: two exporters on one workspace agree. Names are
joined at the moment that is asked about, one for each id, or a rename would double a series.
"""

from dataclasses import dataclass, replace

WATCHED = 'job=~"$job", workspace=~"$workspace"'
"""What selects the series of Braze's values: the variables that every board has."""

FIRING = 'ALERTS{alertname=~"Braze.+", alertstate="firing"'
PENDING = 'ALERTS{alertname=~"Braze.+", alertstate="pending"'
"""Alerts of the bundled rules, to be closed with more matchers. They carry no `job`."""

DAY = 86400
BEHIND = 3
"""Intervals without a success after which the bundled rules call a collector failing."""


@dataclass(frozen=True)
class Names:
    """What brings the names: an info metric, the id it is by, and its label with the name."""

    info: str
    id: str
    name: str

    def of(self, expr: str) -> str:
        """`expr`, which has the labels workspace and id, with its names."""
        by = f"workspace, {self.id}"
        info = f"{self.info}{{{WATCHED}}}"
        one = f"topk by ({by}) (1, max by ({by}, {self.name}) ({info}))"
        return f"({expr}) * on ({by}) group_left ({self.name}) {one}"

    def options(self) -> str:
        """Each id with its name, for a variable: those of now, then those of the last day."""
        by = f"max by ({self.id}, {self.name})"
        info = f"{self.info}{{{WATCHED}}}"
        return f"{by} ({info}) or on ({self.id}) {by} (last_over_time({info}[1d]))"

    def option(self) -> str:
        """The regular expression that reads value and text from a line of `options`.

        The name is the last label, so it may hold quotes, braces and backslashes.
        """
        return rf'/{self.id}="(?<value>[^"]+)",\s*{self.name}="(?<text>.*)"\}} /'


SEGMENTS = Names("braze_segment_info", "segment_id", "segment_name")
APPS = Names("braze_app_info", "app_id", "app_name")


@dataclass(frozen=True)
class Values:
    """A family of metrics: of which labels, and for what is chosen."""

    family: str
    by: str
    chosen: str = ""
    seen: str = ""
    """Where scrapes saw the value of the day that begins at the moment asked about."""
    moment: str = ""

    def where(self, chosen: str = "") -> "Values":
        """Of these in the workspaces, or of all of them, whatever else is chosen on the board."""
        return replace(self, chosen=chosen)

    def at_the_end(self) -> "Values":
        """As they are at the end of the time range, whatever moment is asked about."""
        return replace(self, moment=" @ end()")

    def _of(self, metric: str, *matchers: str) -> str:
        selected = ", ".join(filter(None, (WATCHED, self.chosen, *matchers)))
        return f"{metric}{{{selected}}}{self.moment}"

    def _newest(self, metric: str) -> str:
        return f"max by ({self.by}) ({self._of(metric)})"

    def value(self) -> str:
        """The newest value."""
        return self._newest(self.family)

    def started(self) -> str:
        """When the day or hour began that the value stands for."""
        return self._newest(f"{self.family}_timestamp_seconds")

    def threshold(self) -> str:
        """Below it a value counts as dropped; absent where too little is normal or known."""
        return self._newest(f"{self.family}_alert_threshold")

    def baseline(self, which: str) -> str:
        """What is normal: `1d`, `1w` or `4w_median`."""
        selected = self._of(f"{self.family}_baseline", f'baseline="{which}"')
        return f"max by ({self.by}) ({selected})"

    def normal(self) -> str:
        """What the threshold is made from: the smaller of last week and the median."""
        selected = self._of(f"{self.family}_baseline", 'baseline=~"1w|4w_median"')
        return f"min by ({self.by}) ({selected})"

    def change(self, which: str) -> str:
        """Since that baseline: -0.3 is 30 % less. Absent where the baseline is 0."""
        return f"{self.value()} / ({self.baseline(which)} > 0) - 1"

    def part_of_normal(self) -> str:
        """1 is normal."""
        return f"{self.value()} / ({self.normal()} > 0)"

    def dropped(self) -> str:
        """How far below normal those are that are below their threshold."""
        return f"{self.part_of_normal()} - 1 and {self.value()} < {self.threshold()}"

    def total(self) -> str:
        """All of them together: of counts, never of sizes, which overlap."""
        return f"sum({self.value()})"

    def total_change(self, which: str) -> str:
        """Since that baseline, of those that have both."""
        value, before = self.value(), f"{self.baseline(which)} > 0"
        return f"sum({value} and {before}) / sum({before} and {value}) - 1"

    def day(self) -> str:
        """The value at the start of the day that it stands for, when asked for at midnights."""
        return self._day(self._of(self.family))

    def day_threshold(self) -> str:
        """The threshold, the same way."""
        return self._day(self._of(f"{self.family}_alert_threshold"))

    def day_median(self) -> str:
        """The median of four weeks, the same way."""
        selected = self._of(f"{self.family}_baseline", 'baseline="4w_median"')
        return self._day(selected, "ignoring (baseline) ")

    def _day(self, selected: str, ignoring: str = "") -> str:
        """What a scrape saw of another day is left out. Half a day is borne: the zone's difference
        to Grafana's.
        """
        moment = f"last_over_time({self._of(f'{self.family}_timestamp_seconds')}{self.seen})"
        own = f"abs({moment} - time()) < {DAY // 2}"
        return f"max by ({self.by}) (last_over_time({selected}{self.seen}) and {ignoring}({own}))"


_SEGMENT = 'segment_id=~"$segment"'
_APP = 'app_id=~"$app"'

# A level is shown during its day, a count from a little after its day's end for a day.
SIZES = Values(
    "braze_segment_size", "workspace, segment_id", _SEGMENT, seen="[23h59m] offset -23h59m"
)
HOURS = Values("braze_app_sessions_hourly", "workspace, app_id", _APP)
_COUNTED = "[23h30m] offset -2d"
DAYS = Values("braze_app_sessions_daily", "workspace, app_id", _APP, seen=_COUNTED)
ALL_HOURS = Values("braze_workspace_sessions_hourly", "workspace")
ALL_DAYS = Values("braze_workspace_sessions_daily", "workspace")
SEGMENT_HOURS = Values("braze_segment_sessions_hourly", "workspace, segment_id, app_id", _SEGMENT)


def figure(name: str) -> tuple[Values, Values]:
    """A figure of users by day: of the chosen apps, and of the whole workspaces."""
    return (
        Values(f"braze_app_{name}", "workspace, app_id", _APP, seen=_COUNTED),
        Values(f"braze_workspace_{name}", "workspace", seen=_COUNTED),
    )


ACTIVE, ALL_ACTIVE = figure("daily_active_users")
MONTHLY, ALL_MONTHLY = figure("monthly_active_users")
NEW, ALL_NEW = figure("new_users_daily")
GONE, ALL_GONE = figure("uninstalls_daily")

_EVENT = f'{_APP}, event=~"$event"'
EVENT_HOURS = Values("braze_app_events_hourly", "workspace, app_id, event", _EVENT)
EVENT_DAYS = Values("braze_app_events_daily", "workspace, app_id, event", _EVENT, seen=_COUNTED)


def age(*values: Values) -> str:
    """Seconds since the day or hour began of the value that is furthest behind."""
    return f"time() - min({' or '.join(one.started() for one in values)})"


def behind(watched: str = WATCHED) -> str:
    """How many collectors have not read all they wanted for three intervals, or never."""
    by = "max by (workspace, collector)"
    success = f"{by} (braze_exporter_collector_last_success_timestamp_seconds{{{watched}}})"
    interval = f"{by} (braze_exporter_collector_interval_seconds{{{watched}}})"
    last = f"{by} (braze_exporter_collector_success{{{watched}}})"
    return (
        f"count(time() - {success} > {BEHIND} * {interval} or ({last} == 0 unless {success}))"
        f" or 0 * count({interval})"
    )
