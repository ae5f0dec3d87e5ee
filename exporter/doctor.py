"""Does it work with this account? Runs the checks, each only where those it rests on went well."""

import errno
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from http import HTTPStatus
from typing import NamedTuple

from exporter import accountchecks, loopback, quantities, waychecks, webconfig, zonecheck
from exporter.causes import CAUSES
from exporter.config import ConfigError, Settings
from exporter.findings import Finding, State
from exporter.patient import Means, Patient


class Step(NamedTuple):
    """A check, and those without which it means nothing."""

    name: str
    check: Callable[[Patient], list[Finding]]
    rests_on: tuple[str, ...] = ()


STEPS: tuple[Step, ...] = (
    Step("key", waychecks.key),
    Step("proxy", waychecks.proxy),
    Step("dns", waychecks.dns),
    Step("tcp", waychecks.tcp, ("dns",)),
    Step("tls", waychecks.tls, ("proxy", "tcp")),
    Step("answer", waychecks.answer, ("key", "tls")),
    Step("clock", waychecks.clock, ("answer",)),
    Step("account", accountchecks.account, ("answer",)),
    Step("rate-limit", accountchecks.rate_limit, ("account",)),
    Step("permission", accountchecks.permission, ("rate-limit",)),
    Step("segment", accountchecks.segment, ("rate-limit",)),
    Step("app", accountchecks.app, ("rate-limit",)),
    Step("tracking", accountchecks.tracking, ("rate-limit",)),
    Step("kpi", accountchecks.kpi, ("rate-limit",)),
    Step("event", accountchecks.event, ("rate-limit",)),
    Step("time", accountchecks.time, ("rate-limit",)),
    Step("time-zone", zonecheck.time_zone, ("clock", "rate-limit")),
)
"""What is checked of each workspace, in this order."""


class Doctor:
    """Examines what `read` gives as settings, once.

    `requests` counts what it sent to Braze, by workspace. Nothing is ever written anywhere.
    """

    def __init__(self, read: Callable[[], Settings], means: Means) -> None:
        self._read = read
        self._means = means
        self.requests: dict[str, int] = {}
        self.usable = False
        """Whether the settings could be read."""

    def findings(self, only: Collection[str] = ()) -> Iterator[Finding]:
        """What it finds, one by one; of the workspaces `only` where there are any named."""
        try:
            settings = self._read()
        except ConfigError as error:
            yield CAUSES["settings-wrong"].finding("settings-wrong", "", {"mistakes": error})
            return
        self.usable = True
        chosen = {
            name: workspace
            for name, workspace in settings.workspaces.items()
            if not only or name in only
        }
        count = f"{len(settings.workspaces)} workspace{'s' * (len(settings.workspaces) != 1)}"
        yield Finding("", "settings", State.OK, f"good: {count}")
        yield from _web(settings)
        for name, workspace in chosen.items():
            with closing(Patient(name, workspace, settings.poll, self._means)) as patient:
                for finding in examine(patient):
                    self.requests[name] = patient.requests
                    yield finding
        for address in settings.web.listen_address:
            yield _port(address, self._means)


def examine(patient: Patient, steps: Sequence[Step] = STEPS) -> Iterator[Finding]:
    """What `steps` find; a step that rests on one that failed, or was skipped for that, is
    skipped.
    """
    blocked: dict[str, str] = {}
    for step in steps:
        reason = next((blocked[name] for name in step.rests_on if name in blocked), None)
        if reason is not None:
            blocked[step.name] = reason
            yield patient.skipped(step.name, f"because of {reason}")
            continue
        found = step.check(patient)
        if any(finding.state is State.FAILED for finding in found):
            blocked[step.name] = step.name
        yield from found


def _web(settings: Settings) -> Iterator[Finding]:
    """What is wrong with the file of TLS and passwords, without which nothing is served."""
    path = settings.web.config_file
    mistakes = webconfig.read(path).mistakes if path is not None else ()
    if mistakes:
        details = {"mistakes": "\n".join(mistakes)}
        yield CAUSES["web-config-wrong"].finding("web-config-wrong", "", details)


def _port(address: str, means: Means) -> Finding:
    where = quantities.address(address)
    causes: Mapping[int, str] = {errno.EADDRINUSE: "port-taken", errno.EACCES: "port-forbidden"}
    try:
        means.probes.listen(where.host, where.port)
    except OSError as error:
        cause = causes.get(error.errno or 0, "address-foreign")
        if cause == "port-taken" and _is_exporter(where.host, where.port):
            return Finding("", "port", State.OK, f"an exporter listens on {address} already")
        details = {"address": address, "detail": error.strerror}
        return CAUSES[cause].finding(cause, "", details)
    return Finding("", "port", State.OK, f"{address} is free")


def _is_exporter(host: str, port: int) -> bool:
    try:
        return loopback.ask(host, port, "/-/healthy") == (HTTPStatus.OK, "healthy")
    except OSError:
        return False
