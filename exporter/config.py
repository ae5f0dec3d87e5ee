"""Settings from flags, environment and file: merged, and validated by pydantic.

Past it, settings are frozen, typed and right.
"""

import socket
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from exporter import consistency, sources, values
from exporter.merging import merged
from exporter.mistakes import ConfigError as ConfigError  # raised here, so imported from here
from exporter.mistakes import Mistake
from exporter.reference import Row, rows_of
from exporter.shard import EVERYTHING
from exporter.wording import mistakes_of


class _Section(BaseModel):
    """Settings that stand together. A key without value, as when all beneath it is commented
    out, counts as not given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, given: object) -> object:
        if isinstance(given, Mapping):
            return {key: value for key, value in given.items() if value is not None}
        return {} if given is None else given


class Segments(_Section):
    """Which segments are read."""

    ids: values.Ids = Field(default=(), description="segments that are always read")
    discover: values.Boolean = Field(
        default_factory=lambda given: not given.get("ids"),
        description="also read those of `/segments/list` that pass the filters; "
        "by default exactly when `ids` is empty",
    )
    include: values.Regexes = Field(
        default=(), description="discovered names must match one of these; none means all"
    )
    exclude: values.Regexes = Field(
        default=(), description="discovered names must match none of these"
    )
    tags: tuple[values.Tag, ...] = Field(
        default=(), title="list of tags",
        description="discovered segments must have one of these; none means all",
    )  # fmt: skip
    limit: values.Count = Field(
        default=2000,
        ge=1,
        le=100_000,
        description="the most segments that are read; others are only counted",
    )
    zero_after: values.Duration = Field(
        default=timedelta(hours=6),
        description="how long after midnight a new day's first 0 is not believed",
    )


class Sessions(_Section):
    """Which sessions are counted."""

    units: values.Units = Field(
        default=("day", "hour"), title="list of day, hour", description="the buckets that are read"
    )
    workspace_total: values.Boolean = Field(
        default=False, description="also read the sessions of all apps together"
    )
    by_segment: values.Ids = Field(
        default=(),
        description="also read the sessions of these segments' users, for each app; "
        "the segments need analytics tracking",
    )


class Kpi(_Section):
    """Which figures of users are read, by day."""

    metrics: tuple[Literal["dau", "mau", "new_users", "uninstalls"], ...] = Field(
        default=(), title="list of dau, mau, new_users, uninstalls",
        description="daily and monthly active users, new users, uninstalls: of each app; "
        "without apps, of the whole workspace",
    )  # fmt: skip
    workspace_total: values.Boolean = Field(
        default=True, description="also read them of the whole workspace; "
        "unique users of apps do not add up to it",
    )  # fmt: skip


class Events(_Section):
    """Which custom events are counted."""

    names: tuple[values.Event, ...] = Field(
        default=(), title="list of names",
        description="custom events that are counted, for each app; "
        "without apps, for the whole workspace",
    )  # fmt: skip
    units: values.Units = Field(
        default=("day", "hour"), title="list of day, hour", description="the buckets that are read"
    )


class Alerts(_Section):
    """What counts as a drop, and what as a surge."""

    drop: values.Share = Field(
        default=0.3, description="fall below the baseline that counts as a drop"
    )
    surge: values.Rise = Field(
        default=1.0, description="rise above the baseline that counts as a surge, of uninstalls"
    )
    min_size: values.Count = Field(
        default=1000,
        description="no threshold for a segment, or monthly active users, of normally fewer users",
    )
    min_sessions: values.Count = Field(
        default=100, description="no threshold for a count of normally fewer sessions"
    )
    min_users: values.Count = Field(
        default=100, description="no threshold for a count of normally fewer users or uninstalls"
    )
    min_events: values.Count = Field(
        default=100, description="no threshold for a count of normally fewer events"
    )
    segments: Mapping[values.Id, values.Share] = Field(
        default_factory=dict, title="map of segment id to share",
        description="`drop` of single segments",
    )  # fmt: skip
    apps: Mapping[values.App, values.Share] = Field(
        default_factory=dict, title="map of app name to share",
        description="`drop` of single apps; a segment's own comes first",
    )  # fmt: skip


class Workspace(_Section):
    """One workspace of Braze, with its own key and limits."""

    endpoint: values.Url = Field(
        title="instance or URL",
        description="instance of Braze, such as `US-01`, or the https URL of its REST API",
    )
    api_key: values.Key = Field(default=None, description="the REST API key; better in a file")
    api_key_file: values.File = Field(
        default=None, description="file that holds the key; read again when it changes"
    )
    time_zone: values.Zone = Field(
        default=ZoneInfo("UTC"), description="the company's time zone in Braze"
    )
    segments: Segments = Field(default_factory=Segments)
    apps: Mapping[values.App, values.Id] = Field(
        default_factory=dict, title="map of app name to app_id",
        description="apps whose sessions, users and events are read; Braze cannot list them",
    )  # fmt: skip
    sessions: Sessions = Field(default_factory=Sessions)
    kpi: Kpi = Field(default_factory=Kpi)
    events: Events = Field(default_factory=Events)
    alerts: Alerts = Field(default_factory=Alerts)
    requests_per_hour: values.Count = Field(
        default=10_000,
        ge=1,
        le=250_000,
        description="the most requests the exporter sends; Braze's own limit is often 250,000",
    )
    reserve: values.Share = Field(
        default=0.1, le=0.9, description="part of Braze's own limit that is left untouched"
    )
    concurrency: values.Count = Field(
        default=4, ge=1, le=64, description="threads and connections of this workspace"
    )
    ca_file: values.File = Field(
        default=None, description="CA certificates to trust, instead of the usual"
    )
    allow_http: values.Boolean = Field(
        default=False, description="send the key unencrypted to hosts other than this one"
    )


class Poll(_Section):
    """How often Braze is asked, and how long its answers count."""

    segments: values.Interval = Field(
        default=timedelta(minutes=30), description="how often sizes are read"
    )
    sessions: values.Interval = Field(
        default=timedelta(minutes=5), description="how often they are read"
    )
    kpi: values.Interval = Field(
        default=timedelta(minutes=30), description="how often figures of users are read"
    )
    events: values.Interval = Field(
        default=timedelta(minutes=5), description="how often custom events are read"
    )
    discovery: values.Interval = Field(
        default=timedelta(hours=1), description="how often Braze's segments are listed"
    )
    settle: values.Duration = Field(
        default=timedelta(minutes=15), description="a bucket is complete so long after its end"
    )
    keep: values.Duration = Field(
        default=timedelta(hours=6), description="a value that cannot be read again stays so long"
    )
    timeout: values.Positive = Field(
        default=timedelta(seconds=15), description="longest time for one request, body included"
    )


class Web(_Section):
    """What the exporter's own web server does."""

    listen_address: values.Addresses = Field(
        default=(":10068",), title="list of addresses",
        description="where to listen; one address may stand without brackets",
    )  # fmt: skip
    telemetry_path: values.WebPath = Field(default="/metrics", description="where the metrics are")
    config_file: values.File = Field(
        default=None, description="TLS and basic auth, in exporter-toolkit's format: web-config.md"
    )


class Log(_Section):
    """What is logged."""

    level: Literal["debug", "info", "warn", "error"] = Field(
        default="info", title="debug, info, warn or error", description="least level to log"
    )
    format: Literal["logfmt", "json"] = Field(
        default="logfmt", title="logfmt or json", description="how a line of the log looks"
    )


class Settings(_Section):
    """All settings."""

    workspaces: Mapping[values.Name, Workspace] = Field(default_factory=dict)
    poll: Poll = Field(default_factory=Poll)
    web: Web = Field(default_factory=Web)
    log: Log = Field(default_factory=Log)
    shard: values.ShardOf = Field(
        default=EVERYTHING, description="the part that this exporter polls, counted from 0; "
        "`auto/3` takes the number from the end of the host's name: scaling.md",
    )  # fmt: skip


def load(
    config_file: Path | None,
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    hostname: Callable[[], str] = socket.gethostname,
    *,
    key_files: bool = True,
) -> Settings:
    """The settings of these sources: flags over environment over file over defaults.

    `flags` has the flags given, without dashes: `{"log.level": "debug"}`. Raises ConfigError with
    every mistake in all of them, and with those in files of keys unless they do not matter.
    """
    rows = reference()
    given = sources.read(config_file, flags, environ, rows)
    tree = merged(consistency.without_weaker_keys(given.trees))
    settings, mistakes = _validated(tree, rows, hostname)
    mistakes += consistency.mistakes(tree, known=Settings.model_fields, key_files=key_files)
    found = given.lines(mistakes)
    if settings is None or found:
        raise ConfigError(found)
    return settings


def reference() -> tuple[Row, ...]:
    """Every setting, in the order of the file."""
    return tuple(rows_of(Settings.model_fields))


def _validated(
    tree: Mapping[str, object], rows: Sequence[Row], hostname: Callable[[], str]
) -> tuple[Settings | None, list[Mistake]]:
    """The settings this tree stands for, or what is wrong with its single values and keys."""
    try:
        return Settings.model_validate(tree, context=hostname), []
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False)
    return None, list(mistakes_of(details, rows))
