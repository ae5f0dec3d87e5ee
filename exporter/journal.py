"""What the log says of a workspace's polls: a line each, and a failure when it begins and ends."""

import logging
from collections.abc import Iterable, Mapping, Sequence

from exporter.model import Reading, Series, Unit
from exporter.remedies import alike, reason_of, remedy

log = logging.getLogger(__name__)

# Seconds by which two good clocks may part; a wrong zone is off by 15 minutes or more.
_CLOCKS_DIFFER = 120.0
# Seconds since the end of the newest hour that Braze names: it names the one that fills.
_LATE = 7200.0
_ZONE_SIGNS = {
    "ahead_seconds": "Braze's newest bucket starts in the future: is time_zone the company's?",
    "behind_seconds": "Braze's newest hour ended long ago: is time_zone the company's?",
}

Failures = Mapping[Series | None, str]


class Journal:
    """Remembers what the last poll of each collector said, so that nothing is said twice."""

    def __init__(self, workspace: str) -> None:
        self._workspace = workspace
        self._failing: dict[str, Failures] = {}
        self._zone_signs: dict[str, frozenset[str]] = {}

    def of(self, collector: str) -> dict[str, object]:
        """What every line about `collector` carries."""
        return {"workspace": self._workspace, "collector": collector}

    def polled(self, reading: Reading) -> None:
        """Tell of a poll, and of what has begun or ceased to fail with it."""
        of, before = self.of(reading.collector), self._failing.get(reading.collector, {})
        self._failing[reading.collector] = reading.failures
        begun = _begun(reading.failures, before)
        for (reason, endpoint), found in alike(reading.collector, begun).items():
            said = {"reason": found[0][1]} | _remedy(reason, endpoint)
            log.warning("cannot read", extra=of | _some(series for series, _ in found) | said)
        if recovered := _ended(reading, before):
            log.info("can be read again", extra=of | _some(recovered))
        self._zone(reading)
        read = len(reading.answers) if reading.listing is None else len(reading.listing)
        counts = {"read": read, "failed": len(reading.failures)}
        seconds = {"seconds": round(reading.finished - reading.started, 3)}
        log.info("polled", extra=of | counts | seconds)

    def _zone(self, reading: Reading) -> None:
        """Warn of the signs of a wrong time zone, once for as long as they are there."""
        if not reading.answers:
            return
        ahead = max(answer.ahead for answer in reading.answers.values())
        behind = _behind(reading)
        signs = {"ahead_seconds": ahead > _CLOCKS_DIFFER, "behind_seconds": behind > _LATE}
        before = self._zone_signs.get(reading.collector, frozenset())
        self._zone_signs[reading.collector] = frozenset(sign for sign, on in signs.items() if on)
        of = self.of(reading.collector)
        for sign in self._zone_signs[reading.collector] - before:
            seconds = round(ahead if sign == "ahead_seconds" else behind)
            log.warning(_ZONE_SIGNS[sign], extra=of | {sign: seconds})


def _behind(reading: Reading) -> float:
    """How long ago the newest hour of all series ended; 0 where there are none without offset."""
    hours = [
        answer.sent - answer.points[-1].end
        for series, answer in reading.answers.items()
        if series.family.unit is Unit.HOUR and answer.points and not answer.points[-1].offset
    ]
    return min(hours, default=0.0)


def _begun(failures: Failures, before: Failures) -> Failures:
    """What fails now and did not before, or for another reason."""
    return {
        series: text
        for series, text in failures.items()
        if series not in before or reason_of(text) != reason_of(before[series])
    }


def _ended(reading: Reading, before: Failures) -> Sequence[Series | None]:
    """The series that failed before and were read now; not those that nobody wants any more."""
    return [
        series
        for series in before
        if series not in reading.failures and (series is None or series in reading.answers)
    ]


def _remedy(reason: str, endpoint: str) -> dict[str, object]:
    """What to do about it, where something is known to help."""
    told = remedy(reason, endpoint)
    return {"remedy": told} if told else {}


def _some(series: Iterable[Series | None]) -> dict[str, object]:
    named = [str(one) for one in series if one is not None]
    return {"series": len(named), "for_example": named[0]} if named else {}
