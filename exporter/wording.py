"""What pydantic finds wrong with a setting, in our own words and without the value."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from exporter.mistakes import KeyPath, Mistake, did_you_mean
from exporter.reference import Row, find, within

_SENTENCES = {
    "model_type": "must be a section, one `key: value` a line",
    "dict_type": "must be a map, one `key: value` a line",
    "mapping_type": "must be a map, one `key: value` a line",
    "tuple_type": "must be a list, such as [one, two]",
    "too_short": "must not be empty",
}
_LIMITS = frozenset({"greater_than_equal", "greater_than", "less_than_equal", "less_than"})


def mistakes_of(details: Iterable[Mapping[str, Any]], rows: Sequence[Row]) -> Iterator[Mistake]:
    """The mistakes that pydantic's `ErrorDetails` describe."""
    for detail in details:
        # A default that depends on a wrong value is no mistake of its own.
        if detail["type"] != "default_factory_not_called":
            yield _mistake(detail, rows)


def _mistake(detail: Mapping[str, Any], rows: Sequence[Row]) -> Mistake:
    kind: str = detail["type"]
    location: KeyPath = detail["loc"]
    context: Mapping[str, object] = detail.get("ctx", {})
    if location[-1:] == ("[key]",):
        return Mistake(location[:-1], _sentence(kind, context), of_key=True)
    row = find(rows, location)
    if kind == "extra_forbidden":
        return Mistake(location, _unknown(location, rows), of_key=True)
    if kind == "missing":
        about = f"; it is the {row.description}" if row else ""
        return Mistake(location, f"is missing{about}", of_key=True)
    if kind in _LIMITS and row:
        return Mistake(location, f"must be a {row.type}")
    return Mistake(location, _sentence(kind, context))


def _sentence(kind: str, context: Mapping[str, object]) -> str:
    """What is wrong with a value and what it must be."""
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        return f"must be {str(context['expected']).replace(chr(39), '')}"
    # A kind that is not listed is one we did not know of; pydantic's own text could hold a value.
    return _SENTENCES.get(kind, "is not valid here")


def _unknown(path: KeyPath, rows: Sequence[Row]) -> str:
    """That there is no such key, and which one may have been meant."""
    key = str(path[-1])
    siblings = list(dict.fromkeys(row.keys[len(path) - 1] for row in within(rows, path[:-1])))
    if hint := did_you_mean(key, siblings):
        return f"is not a setting{hint}"
    elsewhere = [row.path for row in rows if row.keys[-1] == key]
    if len(elsewhere) == 1:
        return f"is not a setting here; did you mean {elsewhere[0]}?"
    return f"is not a setting; here may stand {', '.join(siblings)}"
