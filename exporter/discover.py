"""The segments of a workspace with their sizes: which there are, and which the settings select."""

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter

from exporter.client import BrazeError
from exporter.columns import aligned, printable
from exporter.families import SEGMENTS
from exporter.history import observe_level
from exporter.model import Answer, Segment, Series
from exporter.poll import spread
from exporter.refusals import Refusals
from exporter.watch import Watch, select

UNASKED = 100
"""Sizes that are asked for unless told otherwise; each is a request."""


@dataclass(frozen=True, slots=True)
class Row:
    """A segment; `size` is of `day`, None where it was not asked for or could not be read."""

    workspace: str
    segment: Segment
    selected: bool
    size: float | None = None
    day: str = ""
    failure: str = ""


def rows(listing: Sequence[Segment], watch: Watch) -> list[Row]:
    """The segments of the list, then those of the settings that are not in it, archived maybe."""
    selected = frozenset(select(listing, watch).selected)
    listed = {segment.id for segment in listing}
    others = [Segment(each, each) for each in watch.ids if each not in listed]
    return [Row(watch.workspace, one, one.id in selected) for one in (*listing, *others)]


def to_size(found: Iterable[Row], sizes: bool | None) -> list[Row]:
    """Whose size to ask for: of all, of none, or (None) of the first hundred selected."""
    if sizes is not None:
        return list(found) if sizes else []
    return [row for row in found if row.selected][:UNASKED]


def with_sizes(
    wanted: Sequence[Row],
    watch: Watch,
    read: Callable[[Series, int], Answer],
    *,
    threads: Executor,
    width: int,
    done: Callable[[], object],
) -> dict[str, Row]:
    """The same rows with their sizes, by segment id; `done` is called after each.

    After five refusals of the key or of the whole workspace the rest is not asked. Raises
    Interrupted.
    """
    sizes = watch.wanted(SEGMENTS, [row.segment.id for row in wanted])
    series = dict(zip(sizes, wanted, strict=True))
    sized: dict[str, Row] = {}
    refusals = Refusals(5)

    def attempt(one: Series) -> Answer | BrazeError:
        try:
            return read(one, 2)
        except BrazeError as error:
            return error

    hopeful = (one for one in series if not refusals.final(one.family.endpoint))
    for one, said in spread(attempt, hopeful, threads, width):
        row = series[one]
        if isinstance(said, BrazeError):
            refusals.note(one.family.endpoint, said.reason)
            sized[row.segment.id] = replace(row, failure=str(said))
        else:
            refusals.note(one.family.endpoint, None)
            sized[row.segment.id] = _sized(row, said, watch)
        done()
    return sized


def _sized(row: Row, answer: Answer, watch: Watch) -> Row:
    value = observe_level(answer.points, answer.sent, watch.zero_after).value
    if value is None:
        return replace(row, failure="no size is known")
    day = datetime.fromtimestamp(value.start, watch.zone).date().isoformat()
    return replace(row, size=value.value, day=day)


def as_table(found: Sequence[Row]) -> str:
    """For people: the largest first, what has no size last."""
    ordered = sorted(found, key=lambda row: -1 if row.size is None else row.size, reverse=True)
    ordered.sort(key=attrgetter("workspace"))
    head = ("WORKSPACE", "ID", "SIZE", "DAY", "TRACKED", "SELECTED", "NAME", "TAGS")
    body = [
        (
            row.workspace,
            row.segment.id,
            "" if row.size is None else f"{row.size:,.0f}",
            row.day,
            _yes(row.segment.tracked),
            _yes(row.selected),
            row.segment.name,
            ", ".join(row.segment.tags),
        )
        for row in ordered
    ]
    return aligned([head, *body], right=[2])


def as_json(found: Iterable[Row]) -> str:
    """For programs: a list in the order of Braze's, sizes null where they are not known."""
    objects = [
        {
            "workspace": row.workspace,
            "id": row.segment.id,
            "name": row.segment.name,
            "tags": list(row.segment.tags),
            "tracked": row.segment.tracked,
            "selected": row.selected,
            "size": row.size,
            "day": row.day or None,
        }
        for row in found
    ]
    return json.dumps(objects, indent=2) + "\n"


def as_yaml(found: Sequence[Row]) -> str:
    """For the settings: the selected ids, each with its name behind it; the others commented out.

    What is quoted is so as YAML reads it, too: JSON's pairs of surrogates are two characters there.

    Names are comments only, so nothing that Braze says of a segment becomes a setting.
    """
    text = (
        "# Put `segments` in the place of that of each workspace in your settings.\nworkspaces:\n"
    )
    for workspace in dict.fromkeys(row.workspace for row in found):
        text += f"  {json.dumps(workspace, ensure_ascii=False)}:\n    segments:\n      ids:\n"
        mine = [row for row in found if row.workspace == workspace]
        if not any(row.selected for row in mine):
            text = text.removesuffix("\n") + " []\n"
        text += "".join(map(_item, mine))
    return text


def _item(row: Row) -> str:
    about = [printable(row.segment.name)]
    about += [] if row.size is None else [f"{row.size:,.0f} users"]
    about += ["tracked"] if row.segment.tracked else []
    about += [f"tags: {printable(', '.join(row.segment.tags))}"] if row.segment.tags else []
    off = "" if row.selected else "# "
    return (
        f"        {off}- {json.dumps(row.segment.id, ensure_ascii=False)}  # {'; '.join(about)}\n"
    )


def _yes(known: bool | None) -> str:
    return "" if known is None else ("yes" if known else "no")


FORMS: dict[str, Callable[[Sequence[Row]], str]] = {
    "table": as_table,
    "json": as_json,
    "yaml": as_yaml,
}
"""How the rows can be written."""
