"""A page of metrics, as groups of samples that have to change together."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from tests.matrix.collectors import FAMILIES

Labelled = frozenset[tuple[str, str]]
Sample = tuple[str, Labelled, float]


class Group(NamedTuple):
    """Samples that change together: of a series its value or what is normal for it, or a name."""

    part: str
    of: str
    labels: Labelled


State = Mapping[Group, frozenset[Sample]]
"""What is shown; a group without samples is left out."""


@dataclass(frozen=True)
class Page:
    """A scrape: what it shows of each workspace, and what it says of the exporter itself."""

    shown: Mapping[str, State]
    own: Mapping[tuple[str, Labelled], float]

    def own_value(self, name: str, **labels: str) -> float | None:
        """One sample about the exporter itself."""
        return self.own.get((name, frozenset(labels.items())))


_LINE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_NAMES = {"braze_segment_info": "segment_id", "braze_app_info": "app_id"}
_PARTS = {
    f"{family.metric}{suffix}": (part, family.metric)
    for family in FAMILIES
    for part, suffixes in (
        ("value", ("", "_timestamp_seconds", "_current", "_current_timestamp_seconds")),
        ("normal", ("_baseline", "_alert_threshold")),
    )
    for suffix in suffixes
}


def group_of(sample: Sample) -> Group:
    """The group a sample belongs to; one that nobody knows is a group of its own."""
    name, labels, _ = sample
    if name in _NAMES:
        kept = frozenset(each for each in labels if each[0] in ("workspace", _NAMES[name]))
        return Group("name", name, kept)
    part, of = _PARTS.get(name, ("unknown", name))
    return Group(part, of, frozenset(each for each in labels if each[0] != "baseline"))


def read_page(text: str) -> Page:
    """A page in the text format."""
    shown: dict[str, dict[Group, set[Sample]]] = {}
    own: dict[tuple[str, Labelled], float] = {}
    for sample in _read_samples(text.splitlines()):
        name, labels, value = sample
        if name.startswith("braze_exporter_") or name == "braze_up":
            own[name, labels] = value
        elif name.startswith("braze_"):
            workspace = dict(labels).get("workspace", "")
            shown.setdefault(workspace, {}).setdefault(group_of(sample), set()).add(sample)
    return Page(
        {
            workspace: {group: frozenset(samples) for group, samples in groups.items()}
            for workspace, groups in shown.items()
        },
        own,
    )


def _read_samples(lines: Iterable[str]) -> Iterable[Sample]:
    for line in lines:
        if line.startswith("braze_"):
            found = _LINE.fullmatch(line)
            assert found is not None, f"no line of the text format: {line}"
            yield found[1], _labels(found[2] or ""), float(found[3])


@cache  # pages differ in their values, not in their labels
def _labels(text: str) -> Labelled:
    return frozenset(
        (name, re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], value))
        for name, value in _LABEL.findall(text)
    )
