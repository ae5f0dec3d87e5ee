"""What is generated in the chart: copies of rules and dashboards, schema and table of its values.

`make chart` writes it. `values.yaml` is the source of the last two: `# -- text` above a value
describes it, `# @schema …` narrows what may stand there, by the name of a shape or in JSON Schema's
own words. The rest follows from the default.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from exporter.config import reference
from exporter.reference import Row
from tests.tables import between

ROOT = Path(__file__).parent.parent
CHART = ROOT / "helm/braze-exporter"

Schema = dict[str, Any]
"""A schema, or a part of one, in the words of JSON Schema draft-07."""

TEXT: Schema = {"type": "string", "minLength": 1}
FREE: Schema = {"type": "object", "additionalProperties": True}


def closed(required: list[str], **properties: Schema) -> Schema:
    """An object that has these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def listed(items: Schema) -> Schema:
    """A list of such items."""
    return {"type": "array", "items": items}


def mount(source: str) -> Schema:
    """A volume of the user's, by the name of its source."""
    return closed(
        ["name", source, "mountPath"],
        **{"name": TEXT, source: TEXT, "mountPath": TEXT, "items": listed(FREE)},
        defaultMode={"type": "integer", "minimum": 0, "maximum": 511},
    )


WORDS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
DURATION: Schema = {"type": "string", "pattern": "^(([0-9]+(ms|[smhdwy]))+)?$"}
SECRET: Schema = closed(["existingSecret"], existingSecret=TEXT, existingSecretKey=TEXT)
WORKSPACE: Schema = {"pattern": "^[a-z][a-z0-9]*(_[a-z0-9]+)*_?$", "maxLength": 63}
PATHS = listed(closed(["path", "pathType"], path=TEXT, pathType=TEXT))
OVERRIDE = closed(
    [],
    expr=TEXT,
    **{"for": DURATION, "keep_firing_for": DURATION},
    severity=TEXT,
    labels=WORDS,
    annotations=WORDS,
)

SHAPES: dict[str, Schema] = {
    "words": WORDS,
    "objects": listed(FREE),
    "strings": listed({"type": "string"}),
    "duration": DURATION,
    "limit": {"type": ["integer", "null"], "minimum": 0},
    "pods": {"type": ["integer", "string", "null"], "minimum": 0, "pattern": "^[0-9]+%$"},
    "port": {"type": "integer", "minimum": 1, "maximum": 65535},
    "pull secrets": listed({"anyOf": [TEXT, closed(["name"], name=TEXT)]}),
    "secret mounts": listed(mount("secretName")),
    "configmap mounts": listed(mount("configMap")),
    "hosts": listed(closed(["host", "paths"], host={"type": "string"}, paths=PATHS)),
    "overrides": {"type": "object", "additionalProperties": OVERRIDE},
    "api keys": {
        "type": "object",
        "propertyNames": WORKSPACE,
        "additionalProperties": {"oneOf": [SECRET, closed(["value"], value=TEXT)]},
    },
}


@dataclass(frozen=True)
class Value:
    """A value of the chart; `note` is what `@schema` says."""

    path: str
    default: Any
    description: str
    note: str


def values() -> list[Value]:
    """All values of the chart, sections before what they hold."""
    text = (CHART / "values.yaml").read_text()
    return list(_values(yaml.compose(text, yaml.SafeLoader), text.splitlines(), ()))


def _values(node: Any, lines: list[str], above: tuple[str, ...]) -> Iterator[Value]:
    for key, value in node.value:
        comment = _comment(lines, key.start_mark.line)
        description = " ".join(re.findall(r"^(?!@schema)(.*)$", comment, re.MULTILINE))
        note = re.search(r"^@schema (.*)$", comment, re.MULTILINE)
        path = (*above, key.value)
        yield Value(
            path=".".join(path),
            default=yaml.SafeLoader("").construct_document(value),
            description=description.strip(),
            note=note[1] if note else "",
        )
        if isinstance(value, yaml.MappingNode):
            inner = list(_values(value, lines, path))
            if any(each.description for each in inner):
                yield from inner


def _comment(lines: list[str], line: int) -> str:
    """The comment above a line from `--` on; empty if there is none."""
    begin = line
    while begin and lines[begin - 1].strip().startswith("#"):
        begin -= 1
    comment = "\n".join(each.strip().removeprefix("#").strip() for each in lines[begin:line])
    _, found, rest = comment.rpartition("-- ")
    return rest if found else comment if comment.startswith("@schema") else ""


def values_table() -> str:
    """A row for each value that is described."""
    rows = ["| value | default | what |", "|---|---|---|"]
    described = [value for value in values() if value.description]
    sections = {value.path.rpartition(".")[0] for value in described}
    for value in described:
        section = value.path in sections
        default = "" if section else f"`{json.dumps(value.default, ensure_ascii=False)}`"
        rows.append(f"| `{value.path}` | {default} | {value.description.replace('|', '&#124;')} |")
    return "\n".join(rows)


def values_schema() -> Schema:
    """The schema of all values. `enabled` is there for charts that hold this one."""
    schema: Schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the chart braze-exporter",
        "type": "object",
        "additionalProperties": False,
        "properties": {"enabled": {"type": "boolean"}},
    }
    found = values()
    for value in found:
        here = schema
        *above, name = value.path.split(".")
        for each in above:
            here = here["properties"][each]
        holds = any(each.path.startswith(f"{value.path}.") for each in found)
        here["properties"][name] = _schema_of(value, holds)
    return schema


def _schema_of(value: Value, holds: bool) -> Schema:
    schema = _by_default(value.default)
    if holds:
        schema |= {"properties": {}, "additionalProperties": False}
    if value.note == "settings":
        schema = settings_schema()
    elif value.note in SHAPES:
        schema = SHAPES[value.note]
    elif value.note:
        schema |= yaml.safe_load(value.note)
    described = {"description": value.description} if value.description else {}
    return described | schema


def _by_default(default: object) -> Schema:
    if isinstance(default, dict):
        return dict(FREE)
    kinds = {bool: "boolean", int: "integer", str: "string", list: "array"}
    return {"type": kinds[type(default)]} if default is not None else {}


STRINGS: Schema = {"type": ["array", "null"], "items": {"type": "string"}}
SHARE: Schema = {"type": ["string", "number", "null"], "minimum": 0, "maximum": 1}

SETTINGS: dict[str, Schema] = {
    "boolean": {"type": ["boolean", "null"]},
    "duration": {"type": ["string", "integer", "null"]},
    "share": SHARE,
    "rise": {"type": ["string", "number", "null"], "minimum": 0, "maximum": 10},
    "instance or URL": {"type": ["string", "null"]},
    "path": {"type": ["string", "null"]},
    "path of a URL": {"type": ["string", "null"]},
    "secret": {"type": ["string", "null"]},
    "time zone": {"type": ["string", "null"]},
    "shard": {"type": ["string", "null"], "pattern": "^([0-9]+|auto)/[0-9]+$"},
    "list of ids": STRINGS,
    "list of names": STRINGS,
    "list of regexes": STRINGS,
    "list of tags": STRINGS,
    "list of addresses": {"type": ["array", "string", "null"], "items": {"type": "string"}},
    "map of app name to app_id": {
        "type": ["object", "null"],
        "additionalProperties": {"type": "string"},
    },
}


def settings_schema() -> Schema:
    """The settings of the exporter, from its own list of them. What a text means, it judges."""
    schema = closed([])
    for row in reference():
        here = schema
        *above, name = row.keys
        for key in above:
            if key == "<name>":
                here.setdefault("propertyNames", WORKSPACE)
                if here["additionalProperties"] is False:
                    here["additionalProperties"] = closed(["endpoint"])
                here = here["additionalProperties"]
            else:
                here = here["properties"].setdefault(key, closed([]))
        here["properties"][name] = {"description": row.description} | _setting(row)
    return schema


def _setting(row: Row) -> Schema:
    kind = row.type
    if kind in SETTINGS:
        return SETTINGS[kind]
    if row.is_map:
        return {"type": ["object", "null"], "additionalProperties": SHARE}
    if row.is_list:
        words = kind.removeprefix("list of ").split(", ")
        return {"type": ["array", "null"], "items": {"enum": words}}
    if kind.startswith("number"):
        limits = re.fullmatch(r"number, (?:at least )?([0-9]+)(?: to ([0-9]+))?", kind)
        assert limits is not None, kind
        most = {"maximum": int(limits[2])} if limits[2] else {}
        return {"type": ["integer", "null"], "minimum": int(limits[1])} | most
    if kind.startswith(("duration", "share")):
        return SETTINGS[kind.partition(",")[0]]
    return {"enum": [*re.split(", | or ", kind), None]}


def files() -> dict[Path, str]:
    """Each generated file, or file with a generated part, as it has to be."""
    readme = CHART / "README.md"
    copies = {
        CHART / "files/rules" / path.name: path.read_text()
        for path in (ROOT / "prometheus/rules").glob("*.yml")
    } | {
        CHART / "files/dashboards" / path.name: path.read_text()
        for path in (ROOT / "grafana/dashboards").glob("*.json")
    }
    return copies | {
        CHART / "values.schema.json": json.dumps(values_schema(), indent=2, ensure_ascii=False)
        + "\n",
        readme: between(readme.read_text(), "values", f"\n{values_table()}\n"),
    }


def copies() -> set[Path]:
    """The files that are there as copies, the ones without a source included."""
    return {path for path in (CHART / "files").rglob("*") if path.is_file()}


if __name__ == "__main__":
    wanted = files()
    for path in copies() - set(wanted):
        path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
