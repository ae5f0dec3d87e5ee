"""The list of all settings, and how each is written in the file, the environment and a flag."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, get_args

from exporter.mistakes import KeyPath
from exporter.quantities import format_duration, format_share

PREFIX = "BRAZE_EXPORTER_"
_FLAGS = {
    "web.listen_address": "--web.listen-address",
    "web.telemetry_path": "--web.telemetry-path",
    "web.config_file": "--web.config.file",
    "log.level": "--log.level",
    "log.format": "--log.format",
}


class _Field(Protocol):
    """What is read of a pydantic field, so that pydantic stays behind its one door."""

    annotation: Any  # a type, and types of types have no better name
    title: str | None
    description: str | None
    metadata: list[Any]  # among others the limits, each an object with `ge`, `gt`, `le` or `lt`
    default: Any  # of any field's type
    default_factory: Any  # likewise

    def is_required(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Row:
    """One setting. `<name>` in its path stands for the name of any workspace."""

    path: str
    type: str
    default: str
    description: str
    environment: str
    flag: str

    @property
    def keys(self) -> tuple[str, ...]:
        """The path, key by key."""
        return tuple(self.path.split("."))

    @property
    def is_list(self) -> bool:
        """Whether it takes several values."""
        return self.type.startswith("list of ")

    @property
    def is_map(self) -> bool:
        """Whether its keys are the user's own words."""
        return self.type.startswith("map of ")


def rows_of(fields: Mapping[str, _Field], path: tuple[str, ...] = ()) -> Iterator[Row]:
    """A row for each of these fields, and for those of the sections among them."""
    for name, field in fields.items():
        here = (*path, name)
        section = getattr(field.annotation, "model_fields", None)
        by_name = [getattr(each, "model_fields", None) for each in get_args(field.annotation)]
        if section is not None:
            yield from rows_of(section, here)
        elif by_name and by_name[-1] is not None:
            yield from rows_of(by_name[-1], (*here, "<name>"))
        else:
            yield Row(
                path=".".join(here),
                type=f"{field.title}{_limits(field.metadata)}",
                default="required" if field.is_required() else _default(field),
                description=field.description or "",
                environment=variable(here),
                flag=_FLAGS.get(".".join(here), ""),
            )


def _limits(metadata: Sequence[object]) -> str:
    """`, 1 to 64` or `, at least 1s`; of several lower limits the highest counts."""
    lower = [each.ge for each in metadata if hasattr(each, "ge")]
    above = [each.gt for each in metadata if hasattr(each, "gt")]
    upper = [each.le for each in metadata if hasattr(each, "le")]
    if lower and upper:
        return f", {_written(max(lower))} to {_written(min(upper))}"
    if upper:
        return f", at most {_written(min(upper))}"
    if above:
        return f", more than {_written(max(above))}"
    return f", at least {_written(max(lower))}" if lower else ""


def _default(field: _Field) -> str:
    """The default as one would write it in the file; empty for none."""
    if field.default_factory is not None:
        return "{}" if field.default_factory is dict else ""
    return "" if field.default is None else _written(field.default)


def _written(value: object) -> str:
    """A value as one would write it in the file."""
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, float):
        return format_share(value)
    return json.dumps(value) if isinstance(value, bool | tuple) else str(value)


def find(rows: Sequence[Row], path: KeyPath) -> Row | None:
    """The setting at this path of a settings tree."""
    return next(
        (row for row in rows if _leads(path, row.keys) and len(path) == len(row.keys)), None
    )


def within(rows: Sequence[Row], path: KeyPath) -> Iterator[Row]:
    """The settings in the section at this path; none if it is no section."""
    return (row for row in rows if len(path) < len(row.keys) and _leads(path, row.keys))


def variable(path: Sequence[str]) -> str:
    """`("log", "level")` -> `BRAZE_EXPORTER_LOG__LEVEL`."""
    return PREFIX + "__".join(path).upper()


def render_settings_table(rows: Sequence[Row]) -> str:
    """The settings as a Markdown table."""
    return "\n".join(("| setting | type | default | what |", "|---|---|---|---|", *_lines(rows)))


def _lines(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        flag = f"<br>`{row.flag}`" if row.flag else ""
        default = f"`{row.default}`" if row.default else ""
        names = f"`{row.path}`<br>`{row.environment}`{flag}"
        yield f"| {names} | {row.type} | {default} | {row.description} |"


def _leads(path: KeyPath, pattern: tuple[str, ...]) -> bool:
    """Whether this path is the beginning of what the pattern stands for."""
    return len(path) <= len(pattern) and all(
        wanted.startswith("<") or key == wanted for key, wanted in zip(path, pattern, strict=False)
    )
