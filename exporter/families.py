"""Every kind of series we read, and the Braze endpoint behind it: one table.

Watch, polls, metrics, doctor and status page follow from its rows; names and labels are SemVer API.
"""

from functools import cache
from typing import NamedTuple

from exporter.model import Concern, Family, Kind, Minimum, Unit

DISCOVERY = "discovery"
SEGMENTS = "segments"
SESSIONS = "sessions"
KPI = "kpi"
EVENTS = "events"
COLLECTORS = (DISCOVERY, SEGMENTS, SESSIONS, KPI, EVENTS)
"""In the order in which they are polled where it matters: names before the values of the named."""

LIST = "/segments/list"

_HOUR = 3600
# A size is there when its day begins; a count is complete when its bucket is over, and under a
# wrong time zone up to 14 hours later. Monthly users are there at 12:05 UTC: where the clock is 14
# hours ahead, two hours after the day.
_STALE_SIZE = 36 * _HOUR
_STALE = {Unit.DAY: 64 * _HOUR, Unit.HOUR: 4 * _HOUR}
_NIGHT_AFTER = 27 * _HOUR
_ADVERB = {Unit.DAY: "daily", Unit.HOUR: "hourly"}

_UNIQUE = {
    "app": "who uses two apps counts in both: a sum over apps means nothing",
    "workspace": "who uses two apps counts once: no sum over apps",
}


class _Kpi(NamedTuple):
    """A figure of users, of each app and of the workspace: Braze's word for it, and ours."""

    option: str
    name: str
    noun: str
    meaning: str
    kind: Kind = Kind.COUNT
    minimum: Minimum = "min_users"
    concern: Concern = Concern.DROP
    zero_after: int = 0


_KPIS = (
    _Kpi(
        "dau",
        "daily_active_users",
        "daily active users",
        "Users of {whose} who were active in one day ({unique})",
    ),
    _Kpi(
        "mau",
        "monthly_active_users",
        "monthly active users",
        "Users of {whose} who were active in 30 days, as of 12:05 UTC ({unique})",
        kind=Kind.LEVEL,
        minimum="min_size",
        zero_after=_NIGHT_AFTER,
    ),
    _Kpi(
        "new_users",
        "new_users_daily",
        "new users per day",
        "Users who were new to {whose} in one day ({unique})",
    ),
    _Kpi(
        "uninstalls",
        "uninstalls_daily",
        "uninstalls per day",
        "Uninstalls of {whose} that Braze noticed in one day (a trend only)",
        concern=Concern.SURGE,
    ),
)

FAMILIES: tuple[Family, ...] = (
    Family(
        "braze_segment_size",
        ("workspace", "segment_id"),
        Kind.LEVEL,
        Unit.DAY,
        SEGMENTS,
        option="",
        endpoint="/segments/data_series",
        has_unit=False,
        field="size",
        noun="segment size",
        meaning="Users in the segment, Braze's estimate of the day "
        "(segments overlap: a sum means nothing)",
        minimum="min_size",
        stale=_STALE_SIZE,
    ),
    *(
        Family(
            f"braze_{subject}_sessions_{_ADVERB[unit]}",
            labels,
            Kind.COUNT,
            unit,
            SESSIONS,
            option=unit.value,
            endpoint="/sessions/data_series",
            has_unit=True,
            field="sessions",
            noun=f"sessions per {unit.value}",
            meaning=f"Sessions of {whose} in one {unit.value}",
            minimum="min_sessions",
            stale=_STALE[unit],
        )
        for subject, labels, whose in (
            ("app", ("workspace", "app_id"), "the app"),
            (
                "segment",
                ("workspace", "segment_id", "app_id"),
                "the segment's users in the app (every app where app_id is empty)",
            ),
            ("workspace", ("workspace",), "the whole workspace"),
        )
        for unit in (Unit.DAY, Unit.HOUR)
    ),
    *(
        Family(
            f"braze_{subject}_{kpi.name}",
            labels,
            kpi.kind,
            Unit.DAY,
            KPI,
            option=kpi.option,
            endpoint=f"/kpi/{kpi.option}/data_series",
            has_unit=False,
            field=kpi.option,
            noun=kpi.noun,
            meaning=kpi.meaning.format(whose=whose, unique=_UNIQUE[subject]),
            minimum=kpi.minimum,
            stale=_STALE[Unit.DAY],
            concern=kpi.concern,
            zero_after=kpi.zero_after,
        )
        for kpi in _KPIS
        for subject, labels, whose in (
            ("app", ("workspace", "app_id"), "the app"),
            ("workspace", ("workspace",), "the whole workspace"),
        )
    ),
    *(
        Family(
            f"braze_app_events_{_ADVERB[unit]}",
            ("workspace", "app_id", "event"),
            Kind.COUNT,
            unit,
            EVENTS,
            option=unit.value,
            endpoint="/events/data_series",
            has_unit=True,
            field="count",
            noun=f"events per {unit.value}",
            meaning="How often the custom event happened in the app (in every app where app_id is "
            f"empty) in one {unit.value}",
            minimum="min_events",
            stale=_STALE[unit],
        )
        for unit in (Unit.DAY, Unit.HOUR)
    ),
)

FAMILY = {family.name: family for family in FAMILIES}


@cache
def families_of(collector: str) -> dict[tuple[str, ...], dict[str, Family]]:
    """The families of `collector` by their labels, and then by the option that asks for them."""
    found: dict[tuple[str, ...], dict[str, Family]] = {}
    for family in FAMILIES:
        if family.collector == collector:
            found.setdefault(family.labels, {})[family.option] = family
    return found
