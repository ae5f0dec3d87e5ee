"""What the users of the made-up apps do besides sessions: figures by day, and custom events."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from types import MappingProxyType

_NIGHTLY = time(12, 5)


@dataclass(frozen=True, slots=True)
class Kpi:
    """A figure of `/kpi/`: so many a day `per_session` of a plain day's sessions.

    Of all apps together it is `together` of their sum: who uses two apps counts in each, and once
    in the workspace (DOCS). What is `unique` grows fast in the morning and slowly at night. What is
    `nightly` is a snapshot that stands until the next run, at 12:05 UTC (DOCS).
    """

    per_session: float
    together: float
    unique: bool = False
    nightly: bool = False

    def so_far(self, passed: float) -> float:
        """Which part of a day's value is there once this part of the day has passed."""
        if self.nightly:
            return 1.0
        return 1 - (1 - passed) ** 2 if self.unique else passed


KPIS: Mapping[str, Kpi] = MappingProxyType(
    {
        "dau": Kpi(0.42, 0.83, unique=True),
        "mau": Kpi(2.9, 0.78, nightly=True),
        "new_users": Kpi(0.011, 0.96),
        "uninstalls": Kpi(0.006, 1.0),
    }
)
"""By the word for it in the path and in the points."""

EVENTS: Mapping[str, float] = MappingProxyType(
    {"added_to_cart": 0.31, "completed_checkout": 0.08, "invited_a_friend": 0.012}
)
"""The custom events there are, with how many of them there are per session."""


def last_run(instant: datetime) -> datetime:
    """When the nightly figures were last computed, up to `instant`."""
    run = datetime.combine(instant.astimezone(UTC).date(), _NIGHTLY, UTC)
    return run if run <= instant else run - timedelta(days=1)
