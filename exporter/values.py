"""What single settings may be: how each kind is written, and what the reference calls it.

With `config` the only module that knows pydantic.
"""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo

from exporter import names, quantities
from exporter.instances import rest_url
from exporter.secretfile import key_fault
from exporter.shard import Shard, shard_of


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


def _shard(value: object, info: ValidationInfo) -> Shard:
    return shard_of(value, info.context() if info.context else "")


Boolean = Annotated[bool, BeforeValidator(quantities.boolean), Field(title="boolean")]
Count = Annotated[int, BeforeValidator(quantities.whole_number), Field(title="number", ge=0)]
Duration = Annotated[timedelta, BeforeValidator(quantities.duration), Field(title="duration")]
Interval = Annotated[Duration, Field(ge=timedelta(seconds=1))]
Positive = Annotated[Duration, Field(gt=timedelta(0))]
Share = Annotated[float, BeforeValidator(quantities.share), Field(title="share")]
Rise = Annotated[float, BeforeValidator(quantities.rise), Field(title="rise")]
File = Annotated[Path | None, BeforeValidator(names.file), Field(title="path")]
Key = Annotated[SecretStr | None, BeforeValidator(_key), Field(title="secret")]
Url = Annotated[str, BeforeValidator(lambda value: rest_url(quantities.text(value)))]
Id = Annotated[str, BeforeValidator(names.identifier)]
Ids = Annotated[tuple[Id, ...], Field(title="list of ids")]
App = Annotated[str, BeforeValidator(names.app)]
Tag = Annotated[str, BeforeValidator(names.tag)]
Regex = Annotated[re.Pattern[str], BeforeValidator(quantities.regex)]
Regexes = Annotated[tuple[Regex, ...], Field(title="list of regexes")]
Zone = Annotated[ZoneInfo, BeforeValidator(names.time_zone), Field(title="time zone")]
Address = Annotated[str, BeforeValidator(lambda value: str(quantities.address(value)))]
Addresses = Annotated[
    tuple[Address, ...],
    BeforeValidator(lambda value: (value,) if isinstance(value, str | int) else _some(value)),
]
Event = Annotated[str, BeforeValidator(names.event)]
Units = Annotated[tuple[Literal["day", "hour"], ...], BeforeValidator(_some)]
WebPath = Annotated[str, BeforeValidator(names.telemetry_path), Field(title="path of a URL")]
Name = Annotated[str, BeforeValidator(names.workspace)]
ShardOf = Annotated[Shard, BeforeValidator(_shard), Field(title="shard")]
