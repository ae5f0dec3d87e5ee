"""A workspace that is being examined: its settings, and what was learned of it so far."""

import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

from exporter.causes import CAUSES
from exporter.client import BrazeError
from exporter.columns import printable
from exporter.config import Poll, Workspace
from exporter.families import DISCOVERY
from exporter.findings import Finding, State
from exporter.instances import INSTANCES
from exporter.model import Answer, Segment, Series, Unit
from exporter.pacing import PATIENCE
from exporter.poller import key_of, watch_of
from exporter.probes import Addresses, Probes
from exporter.secretfile import ApiKey
from exporter.visit import Visit
from exporter.watch import Selection, select

_LENGTH = {Unit.DAY: 7, Unit.HOUR: 48}  # points of each answer: enough to see whether there are any

Listing = tuple[Segment, ...] | BrazeError
Said = Answer | BrazeError


@dataclass(frozen=True, slots=True)
class Means:
    """What the examination uses of the world: probes of the way, the clock in epoch seconds, and
    Braze's instances by name. `find_instance` allows to send the key to all of those.
    """

    probes: Probes = field(default_factory=Probes)
    now: Callable[[], float] = time.time
    instances: Mapping[str, str] = field(default_factory=lambda: INSTANCES)
    find_instance: bool = False


class Patient:
    """One workspace under examination. Everything is asked of Braze once and remembered."""

    def __init__(self, name: str, workspace: Workspace, poll: Poll, means: Means) -> None:
        self.name = name
        self.workspace = workspace
        self.means = means
        self.watch = watch_of(name, workspace, poll)
        url = urlsplit(workspace.endpoint)
        self.host = url.hostname or ""
        self.encrypted = url.scheme == "https"
        self.port = url.port or (443 if self.encrypted else 80)
        self.proxied = False
        self.addresses: Addresses = ()
        self.socket: socket.socket | None = None
        self.timeout = min(poll.timeout, timedelta(seconds=2 * PATIENCE)).total_seconds()
        self._key = ApiKey.of("")
        self._visit: Visit | None = None
        self._listing: Listing | None = None
        self.answers: dict[Series, Said] = {}
        self.elsewhere = 0
        """Requests to other instances than the workspace's."""

    def take_key(self) -> None:
        """Read the key for the first time. Raises KeyFileError."""
        self._key = key_of(self.name, self.workspace)

    @property
    def visit(self) -> Visit:
        """What asks Braze, from the first question on."""
        if self._visit is None:
            now = self.means.now
            self._visit = Visit(self.name, self.workspace, self.timeout, self._key, now)
        return self._visit

    def visit_elsewhere(self, endpoint: str) -> Visit:
        """A visit to another instance, with the same key."""
        there = self.workspace.model_copy(update={"endpoint": endpoint})
        return Visit(self.name, there, min(self.timeout, 5.0), self._key, self.means.now)

    def listing(self) -> Listing:
        """The list of segments, or why it cannot be read. A request a hundred segments."""
        if self._listing is None:
            try:
                self._listing = self.visit.client.segments()
            except BrazeError as error:
                self._listing = error
        return self._listing

    def answer(self, series: Series) -> Said:
        """The newest points of `series`, or why they cannot be read. One request."""
        if series not in self.answers:
            try:
                length = _LENGTH[series.family.unit]
                self.answers[series] = self.visit.client.data_series(series, length)
            except BrazeError as error:
                self.answers[series] = error
        return self.answers[series]

    @property
    def listed(self) -> tuple[Segment, ...] | None:
        """The list of segments where it is asked for and can be read."""
        listing = self.listing() if DISCOVERY in self.watch.intervals else None
        return listing if isinstance(listing, tuple) else None

    @property
    def selection(self) -> Selection:
        """The segments whose size is polled: the explicit ones where the list cannot be read."""
        return select(self.listed, self.watch)

    @property
    def wanted(self) -> tuple[Series, ...]:
        """The series that the settings ask for."""
        return self.watch.wanted_of_all(self.selection.selected)

    def ok(self, check: str, what: str) -> Finding:
        """All is well."""
        return Finding(self.name, check, State.OK, what)

    def skipped(self, check: str, because: str) -> Finding:
        """Nothing was looked at."""
        return Finding(self.name, check, State.SKIPPED, because)

    def found(self, cause: str, /, **details: object) -> Finding:
        """Something is wrong; `details` fill in what the cause leaves open."""
        given: dict[str, object] = {"host": self.host, "port": self.port} | details
        # A terminal obeys some characters, and what Braze or a proxy said may hold them.
        shown = {name: printable(str(value)) for name, value in given.items()}
        return CAUSES[cause].finding(cause, self.name, shown)

    @property
    def requests(self) -> int:
        """How many were sent."""
        return self.elsewhere + (self._visit.requests if self._visit is not None else 0)

    def close(self) -> None:
        """Give back what is open."""
        if self.socket is not None:
            self.socket.close()
        if self._visit is not None:
            self._visit.close()
