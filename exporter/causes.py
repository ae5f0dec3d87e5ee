"""What `doctor` checks, in the order in which things go wrong, and all it can find wrong.

`docs/doctor.md` is generated from both.
"""

from exporter.accountcauses import ACCOUNT
from exporter.findings import Cause
from exporter.waycauses import WAY

CHECKS: dict[str, str] = {
    "settings": "Are the settings free of mistakes?",
    "key": "Is there an API key to send?",
    "proxy": "Does the proxy that the environment names let us through?",
    "dns": "Has the host an address?",
    "tcp": "Does the host take connections?",
    "tls": "Is it the host it says, by a certificate that we trust?",
    "answer": "Does Braze answer a request?",
    "clock": "Does this machine's clock agree with Braze's?",
    "account": "Does Braze know the key?",
    "rate-limit": "Is enough of Braze's rate limit left?",
    "permission": "May the key read each endpoint that the settings need?",
    "segment": "Are there segments to read, and does Braze know those named by their id?",
    "app": "Does Braze know each app, and does it have sessions?",
    "tracking": "Do the segments under `by_segment` have analytics tracking?",
    "kpi": "Has Braze values of each figure under `kpi.metrics`?",
    "event": "Has Braze counted each event under `events.names`?",
    "time": "Can the times in Braze's answers be read?",
    "time-zone": "Is `time_zone` the company's time zone in Braze?",
    "port": "Can the exporter listen where it is to?",
}
"""Each check and the question it answers."""

CAUSES: dict[str, Cause] = WAY | ACCOUNT
"""Everything that can be found wrong, by the name that `--json` gives it."""
