"""Settings from flags, environment and file: merged by pydantic-settings, validated by pydantic.

The one module that knows pydantic. Past it, settings are frozen, typed and right.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource

from exporter import consistency, names, quantities, sources
from exporter.instances import rest_url
from exporter.mistakes import ConfigError as ConfigError  # raised here, so imported from here
from exporter.mistakes import Mistake
from exporter.reference import Row, rows_of
from exporter.secretfile import key_fault
from exporter.wording import mistakes_of


def _key(value: object) -> SecretStr | None:
    """The key to Braze, which goes into a header: visible ASCII characters only."""
    if value is None:
        return None
    key = value if isinstance(value, SecretStr) else SecretStr(quantities.text(value))
    if fault := key_fault(key.get_secret_value()):
        raise ValueError(fault)
    return key


def _some(value: object) -> object:
    """At least one. pydantic's own check of the length also counts what is there but wrong."""
    if value in ([], ()):
        raise ValueError("must not be empty")
    return value


_Boolean = Annotated[bool, BeforeValidator(quantities.boolean), Field(title="boolean")]
_Count = Annotated[int, BeforeValidator(quantities.whole_number), Field(title="number", ge=0)]
_Duration = Annotated[timedelta, BeforeValidator(quantities.duration), Field(title="duration")]
_Interval = Annotated[_Duration, Field(ge=timedelta(seconds=1))]
_Positive = Annotated[_Duration, Field(gt=timedelta(0))]
_Share = Annotated[float, BeforeValidator(quantities.share), Field(title="share")]
_File = Annotated[Path | None, BeforeValidator(names.file), Field(title="path")]
_Key = Annotated[SecretStr | None, BeforeValidator(_key), Field(title="secret")]
_Url = Annotated[str, BeforeValidator(lambda value: rest_url(quantities.text(value)))]
_Id = Annotated[str, BeforeValidator(names.identifier)]
_Ids = Annotated[tuple[_Id, ...], Field(title="list of ids")]
_App = Annotated[str, BeforeValidator(names.app)]
_Tag = Annotated[str, BeforeValidator(names.tag)]
_Regex = Annotated[re.Pattern[str], BeforeValidator(quantities.regex)]
_Regexes = Annotated[tuple[_Regex, ...], Field(title="list of regexes")]
_Zone = Annotated[ZoneInfo, BeforeValidator(names.time_zone), Field(title="time zone")]
_Address = Annotated[str, BeforeValidator(lambda value: str(quantities.address(value)))]
_Addresses = Annotated[
    tuple[_Address, ...],
    BeforeValidator(lambda value: (value,) if isinstance(value, str | int) else _some(value)),
]
_Units = Annotated[tuple[Literal["day", "hour"], ...], BeforeValidator(_some)]
_WebPath = Annotated[str, BeforeValidator(names.telemetry_path), Field(title="path of a URL")]
_Name = Annotated[str, BeforeValidator(names.workspace)]


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

    ids: _Ids = Field(default=(), description="segments that are always read")
    discover: _Boolean = Field(
        default_factory=lambda given: not given.get("ids"),
        description="also read those of `/segments/list` that pass the filters; "
        "by default exactly when `ids` is empty",
    )
    include: _Regexes = Field(
        default=(), description="discovered names must match one of these; none means all"
    )
    exclude: _Regexes = Field(default=(), description="discovered names must match none of these")
    tags: tuple[_Tag, ...] = Field(
        default=(), title="list of tags",
        description="discovered segments must have one of these; none means all",
    )  # fmt: skip
    limit: _Count = Field(
        default=2000,
        ge=1,
        le=100_000,
        description="the most segments that are read; others are only counted",
    )
    zero_after: _Duration = Field(
        default=timedelta(hours=6),
        description="how long after midnight a new day's first 0 is not believed",
    )


class Sessions(_Section):
    """Which sessions are counted."""

    units: _Units = Field(
        default=("day", "hour"), title="list of day, hour", description="the buckets that are read"
    )
    workspace_total: _Boolean = Field(
        default=False, description="also read the sessions of all apps together"
    )
    by_segment: _Ids = Field(
        default=(),
        description="also read the sessions of these segments' users, for each app; "
        "the segments need analytics tracking",
    )


class Alerts(_Section):
    """What counts as a drop."""

    drop: _Share = Field(default=0.3, description="fall below the baseline that counts as a drop")
    min_size: _Count = Field(
        default=1000, description="no threshold for a segment with normally fewer users"
    )
    min_sessions: _Count = Field(
        default=100, description="no threshold for a count of normally fewer sessions"
    )
    segments: Mapping[_Id, _Share] = Field(
        default_factory=dict, title="map of segment id to share",
        description="`drop` of single segments",
    )  # fmt: skip
    apps: Mapping[_App, _Share] = Field(
        default_factory=dict, title="map of app name to share",
        description="`drop` of single apps; a segment's own comes first",
    )  # fmt: skip


class Workspace(_Section):
    """One workspace of Braze, with its own key and limits."""

    endpoint: _Url = Field(
        title="instance or URL",
        description="instance of Braze, such as `US-01`, or the https URL of its REST API",
    )
    api_key: _Key = Field(default=None, description="the REST API key; better in a file")
    api_key_file: _File = Field(
        default=None, description="file that holds the key; read again when it changes"
    )
    time_zone: _Zone = Field(
        default=ZoneInfo("UTC"), description="the company's time zone in Braze"
    )
    segments: Segments = Field(default_factory=Segments)
    apps: Mapping[_App, _Id] = Field(
        default_factory=dict, title="map of app name to app_id",
        description="apps whose sessions are read; Braze cannot list them",
    )  # fmt: skip
    sessions: Sessions = Field(default_factory=Sessions)
    alerts: Alerts = Field(default_factory=Alerts)
    requests_per_hour: _Count = Field(
        default=10_000,
        ge=1,
        le=250_000,
        description="the most requests the exporter sends; Braze's own limit is often 250,000",
    )
    reserve: _Share = Field(
        default=0.1, le=0.9, description="part of Braze's own limit that is left untouched"
    )
    concurrency: _Count = Field(
        default=4, ge=1, le=64, description="threads and connections of this workspace"
    )
    ca_file: _File = Field(
        default=None, description="CA certificates to trust, instead of the usual"
    )
    allow_http: _Boolean = Field(
        default=False, description="send the key unencrypted to hosts other than this one"
    )


class Poll(_Section):
    """How often Braze is asked, and how long its answers count."""

    segments: _Interval = Field(
        default=timedelta(minutes=30), description="how often sizes are read"
    )
    sessions: _Interval = Field(default=timedelta(minutes=5), description="how often they are read")
    discovery: _Interval = Field(
        default=timedelta(hours=1), description="how often Braze's segments are listed"
    )
    settle: _Duration = Field(
        default=timedelta(minutes=15), description="a bucket is complete so long after its end"
    )
    keep: _Duration = Field(
        default=timedelta(hours=6), description="a value that cannot be read again stays so long"
    )
    timeout: _Positive = Field(
        default=timedelta(seconds=15), description="longest time for one request, body included"
    )


class Web(_Section):
    """What the exporter's own web server does."""

    listen_address: _Addresses = Field(
        default=(":10068",), title="list of addresses",
        description="where to listen; one address may stand without brackets",
    )  # fmt: skip
    telemetry_path: _WebPath = Field(default="/metrics", description="where the metrics are")
    config_file: _File = Field(
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

    workspaces: Mapping[_Name, Workspace] = Field(default_factory=dict)
    poll: Poll = Field(default_factory=Poll)
    web: Web = Field(default_factory=Web)
    log: Log = Field(default_factory=Log)


def load(
    config_file: Path | None, flags: Mapping[str, object], environ: Mapping[str, str]
) -> Settings:
    """The settings of these sources: flags over environment over file over defaults.

    `flags` has the flags that were given, without dashes: `{"log.level": "debug"}`. Raises
    ConfigError with every mistake in all of them.
    """
    rows = reference()
    given = sources.read(config_file, flags, environ, rows)
    tree = _merged(consistency.without_weaker_keys(given.trees))
    settings, mistakes = _validated(tree, rows)
    found = given.lines([*mistakes, *consistency.mistakes(tree)])
    if settings is None or found:
        raise ConfigError(found)
    return settings


def reference() -> tuple[Row, ...]:
    """Every setting, in the order of the file."""
    return tuple(rows_of(Settings.model_fields))


def _validated(
    tree: Mapping[str, object], rows: Sequence[Row]
) -> tuple[Settings | None, list[Mistake]]:
    """The settings this tree stands for, or what is wrong with its single values and keys."""
    try:
        return Settings.model_validate(tree), []
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False)
    return None, list(mistakes_of(details, rows))


def _merged(trees: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """The trees, strongest first, as one: merged key by key, lists replaced whole."""

    class Merged(BaseSettings):
        tree: dict[str, object] = Field(default_factory=dict)

        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *_: object, **__: object
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            """Nothing but these trees; the environment is already one of them."""
            return tuple(InitSettingsSource(settings_cls, {"tree": tree}) for tree in trees)

    return Merged().tree
