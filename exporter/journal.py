"""What the log says of a workspace's polls: a line each, and a failure when it begins and ends."""

import logging
from collections.abc import Iterable, Mapping, Sequence

from exporter.model import Reading, Series

log = logging.getLogger(__name__)

# Seconds by which two good clocks may part; a wrong zone is off by 15 minutes or more.
_CLOCKS_DIFFER = 120.0

Failures = Mapping[Series | None, str]


class Journal:
    """Remembers what the last poll of each collector said, so that nothing is said twice."""

    def __init__(self, workspace: str) -> None:
        self._workspace = workspace
        self._failing: dict[str, Failures] = {}
        self._ahead: set[str] = set()

    def of(self, collector: str) -> dict[str, object]:
        """What every line about `collector` carries."""
        return {"workspace": self._workspace, "collector": collector}

    def polled(self, reading: Reading) -> None:
        """Tell of a poll, and of what has begun or ceased to fail with it."""
        of, before = self.of(reading.collector), self._failing.get(reading.collector, {})
        self._failing[reading.collector] = reading.failures
        for reason, series in _begun(reading.failures, before).items():
            log.warning("cannot read", extra=of | _some(series) | {"reason": reason})
        if recovered := _ended(reading, before):
            log.info("can be read again", extra=of | _some(recovered))
        self._zone(reading)
        read = len(reading.answers) if reading.listing is None else len(reading.listing)
        counts = {"read": read, "failed": len(reading.failures)}
        seconds = {"seconds": round(reading.finished - reading.started, 3)}
        log.info("polled", extra=of | counts | seconds)

    def _zone(self, reading: Reading) -> None:
        """Warn of buckets from the future, once for as long as they come."""
        ahead = max((answer.ahead for answer in reading.answers.values()), default=0.0)
        if ahead <= _CLOCKS_DIFFER:
            self._ahead -= {reading.collector} if reading.answers else set()
        elif reading.collector not in self._ahead:
            self._ahead.add(reading.collector)
            log.warning(
                "Braze's newest bucket starts in the future: is time_zone that of the company?",
                extra=self.of(reading.collector) | {"ahead_seconds": round(ahead)},
            )


def _begun(failures: Failures, before: Failures) -> dict[str, list[Series | None]]:
    """The series that fail now and did not before, by what is said of them."""
    reasons: dict[str, list[Series | None]] = {}
    for series, reason in failures.items():
        if series not in before:
            reasons.setdefault(reason, []).append(series)
    return reasons


def _ended(reading: Reading, before: Failures) -> Sequence[Series | None]:
    """The series that failed before and were read now; not those that nobody wants any more."""
    return [
        series
        for series in before
        if series not in reading.failures and (series is None or series in reading.answers)
    ]


def _some(series: Iterable[Series | None]) -> dict[str, object]:
    named = [str(one) for one in series if one is not None]
    return {"series": len(named), "for_example": named[0]} if named else {}
