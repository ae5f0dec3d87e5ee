"""What to do about a poll that failed, in words for the status page and the log: pure."""

from collections.abc import Mapping

from exporter.families import DISCOVERY, LIST
from exporter.model import Series

_SETTINGS = "Settings → APIs and Identifiers"
_REMEDIES = {
    "unauthorized": f"Braze does not know the key. Is it still in Braze ({_SETTINGS}), is endpoint "
    "the instance of this account, and is api_key_file the right file?",
    "forbidden": "The API key lacks the permission {permission}, or its allowed addresses lack "
    f"this machine's. A key cannot be changed: make a new one in Braze ({_SETTINGS}).",
    "not_found": "Braze has no such page. Is endpoint the REST endpoint of your instance?",
    "bad_request": "Braze does not know the id: a segment that was deleted, or an id of another "
    "workspace? Take it out of the settings.",
    "rate_limited": "The workspace's requests of this hour are used up, by whoever shares them. "
    "Polls go on by themselves when Braze allows it; if it stays, poll less often.",
    "server_error": "Braze has trouble: see its status page. The next poll tries again.",
    "unexpected_status": "Something else than Braze may have answered. Is endpoint right, is there "
    "a proxy in between?",
    "redirect": "Something else than Braze has answered: is endpoint the REST endpoint, is there a "
    "proxy in between?",
    "timeout": "Braze or the way to it is slow. If it stays: a longer poll.timeout, a lower "
    "concurrency.",
    "connection": "The exporter cannot reach Braze: look at DNS, firewall and proxy.",
    "tls": "The certificate is not trusted. Behind a proxy that opens TLS, name its authority in "
    "ca_file.",
    "invalid_response": "What came is not what Braze documents. A proxy in between? If it stays, "
    "report it with the exporter's log.",
    "too_large": "The answer is larger than any of Braze's should be: a proxy in between?",
    "not asked": "Too many refusals in a row: the rest was not asked. See the other reasons.",
    "the list of segments could not be read": "Discovery has failed: see there.",
    "internal error": "A mistake in the exporter: please report it with its log.",
}


def permission_of(endpoint: str) -> str:
    """`/segments/list` needs `segments.list` (Braze's documentation, each endpoint's page)."""
    return endpoint.strip("/").replace("/", ".")


def remedy(reason: str, endpoint: str) -> str:
    """What to do about a failure of `reason`, one of `catalog.REASONS` or our own, at `endpoint`;
    empty where nothing is known to help.
    """
    permission = permission_of(endpoint) or "of this endpoint"
    return _REMEDIES.get(reason, "").replace("{permission}", permission)


def alike(
    collector: str, failures: Mapping[Series | None, str]
) -> dict[tuple[str, str], list[tuple[Series | None, str]]]:
    """Failures of a poll of `collector` by what they have in common, their reason and endpoint:
    what is said of each can hold another piece of its answer.
    """
    found: dict[tuple[str, str], list[tuple[Series | None, str]]] = {}
    whole = LIST if collector == DISCOVERY else ""
    for series, text in failures.items():
        endpoint = series.family.endpoint if series is not None else whole
        found.setdefault((reason_of(text), endpoint), []).append((series, text))
    return found


def reason_of(failure: str) -> str:
    """The kind of a failure: what stands before its details."""
    return failure.partition(":")[0]
