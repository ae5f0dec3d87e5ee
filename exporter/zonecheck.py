"""Whether the days and hours that Braze calls the newest are those of the settings' time zone."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from exporter.findings import Finding
from exporter.model import Answer, Kind, Series, Unit
from exporter.patient import Patient

_CLOCKS_DIFFER = 120.0  # seconds; a wrong zone is off by 15 minutes or more
_QUARTER = 900

_EXAMPLES = (
    "UTC", "Europe/London", "Europe/Berlin", "Europe/Helsinki", "Europe/Istanbul", "Asia/Dubai",
    "Asia/Karachi", "Asia/Kolkata", "Asia/Dhaka", "Asia/Bangkok", "Asia/Singapore", "Asia/Tokyo",
    "Australia/Adelaide", "Australia/Sydney", "Pacific/Auckland", "America/Sao_Paulo",
    "America/Halifax", "America/New_York", "America/Chicago", "America/Denver",
    "America/Los_Angeles", "America/Anchorage", "Pacific/Honolulu",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """By how much Braze's newest bucket is not the one of this moment in the settings' zone.

    `seconds` is positive where Braze is further; `certain` says that nothing else explains it.
    """

    unit: Unit
    theirs: datetime
    ours: datetime
    seconds: int
    certain: bool


def time_zone(patient: Patient) -> list[Finding]:
    """Compare what was answered until here with this moment, hours before days.

    Where the hours carry an offset, the days are asked for: those never do.
    """
    zone = patient.watch.zone
    hours = [said for series, said in _read(patient) if series.family.unit is Unit.HOUR]
    if hours and any(answer.points[-1].offset for answer in hours):
        for series in patient.wanted:
            if series.family.kind is Kind.COUNT and series.family.unit is Unit.DAY:
                patient.answer(series)
                break
    read = list(_read(patient))
    if not read:
        return [patient.skipped("time-zone", "no points were read")]
    found = difference(read, zone)
    if found is None:
        sure = any(s.family.unit is Unit.HOUR and not a.points[-1].offset for s, a in read)
        if not sure:  # two zones share most hours of a day
            told = "cannot be told from these answers; compare Braze's Settings > Company Settings"
            return [patient.skipped("time-zone", f"whether {zone} is the company's {told}")]
        return [patient.ok("time-zone", f"{zone} is the company's: Braze's now is ours")]
    form = "%H:%M" if found.unit is Unit.HOUR else "%Y-%m-%d"
    details: dict[str, object] = {
        "unit": found.unit.value,
        "theirs": found.theirs.strftime(form),
        "ours": found.ours.strftime(form),
        "zone": zone,
    }
    if not found.certain:
        return [patient.found("zone-doubtful", **details)]
    return [patient.found("zone-wrong", example=_example(found, patient.means.now()), **details)]


def difference(answers: Iterable[tuple[Series, Answer]], zone: ZoneInfo) -> Difference | None:
    """The clearest difference that `answers`, all with points, show; None for none."""
    found = [each for series, answer in answers if (each := _difference(series, answer, zone))]
    return min(found, key=lambda one: (one.unit is Unit.DAY, not one.certain), default=None)


def _difference(series: Series, answer: Answer, zone: ZoneInfo) -> Difference | None:
    unit, newest = series.family.unit, answer.points[-1]
    if newest.offset:
        return None  # it is what it is, whatever the zone
    now = datetime.fromtimestamp(answer.sent, zone)
    ours = now.replace(minute=0, second=0, microsecond=0)
    if unit is Unit.DAY:
        ours = ours.replace(hour=0)
    theirs = datetime.fromtimestamp(newest.start, zone)
    seconds = newest.start - int(ours.timestamp())
    if newest.start > answer.sent + _CLOCKS_DIFFER:
        return Difference(unit, theirs, ours, seconds, certain=True)
    # The next bucket may have begun while the request was under way.
    if seconds >= 0 or answer.sent - newest.end < _CLOCKS_DIFFER:
        return None
    if series.family.kind is Kind.LEVEL:
        return None  # the day's estimate comes at an unknown hour
    # Nothing may have been counted yet in the bucket that has just begun.
    length = newest.end - newest.start
    return Difference(unit, theirs, ours, seconds, certain=-seconds >= 2 * length)


def _read(patient: Patient) -> Iterable[tuple[Series, Answer]]:
    for series, said in patient.answers.items():
        if isinstance(said, Answer) and said.points:
            yield series, said


def _example(found: Difference, now: float) -> str:
    """Zones whose clocks show now what Braze's do: only hours tell that."""
    if found.unit is Unit.DAY:
        return ""
    offset = found.ours.utcoffset() or timedelta(0)
    wanted = offset + timedelta(seconds=round(found.seconds / _QUARTER) * _QUARTER)
    moment = datetime.fromtimestamp(now, UTC)
    like = [n for n in _EXAMPLES if moment.astimezone(ZoneInfo(n)).utcoffset() == wanted]
    hours = wanted.total_seconds() / 3600
    sign = "-" if hours < 0 else "+"
    clock = f"UTC{sign}{int(abs(hours)):02}:{int(abs(hours) * 60) % 60:02}"
    return f": its clocks are at {clock}" + (f", as in {', '.join(like[:2])}" if like else "")
