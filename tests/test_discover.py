"""Rows of segments, and the forms in which they are written."""

import json

import yaml

from exporter.client import BrazeError
from exporter.discover import Row, as_json, as_table, as_yaml, rows, to_size, with_sizes
from exporter.model import Answer, Segment, Series
from tests.fakes import NOW, a_watch, days
from tests.inline import Inline

ONE, TWO = Segment("s1", "One", tracked=True, tags=("a", "b")), Segment("s2", "Two")


def test_the_list_is_shown_with_what_the_settings_select() -> None:
    """Explicit ids that are not in the list, as archived ones, are there too."""
    found = rows([ONE, TWO], a_watch(ids=("s2", "gone"), discover=False))

    assert [(row.segment.id, row.selected) for row in found] == [
        ("s1", False), ("s2", True), ("gone", True),
    ]  # fmt: skip


def test_sizes_are_asked_of_all_of_none_or_of_the_first_selected() -> None:
    found = [Row("shop", Segment(f"s{n}", "x"), selected=n % 2 == 0) for n in range(300)]

    assert len(to_size(found, sizes=True)) == 300
    assert to_size(found, sizes=False) == []
    assert len(to_size(found, None)) == 100
    assert all(row.selected for row in to_size(found, None))


def sized(answers: dict[str, Answer | BrazeError], watch_ids: list[str]) -> dict[str, Row]:
    def read(series: Series, _length: int) -> Answer:
        said = answers[series.label("segment_id") or ""]
        if isinstance(said, BrazeError):
            raise said
        return said

    wanted = [Row("production", Segment(each, each), selected=True) for each in watch_ids]
    return with_sizes(wanted, a_watch(), read, threads=Inline(), width=1, done=lambda: None)


def test_a_size_is_of_its_newest_day() -> None:
    """One without points has none; one that is refused says why."""
    found = sized(
        {
            "s1": Answer(NOW, days(5, 7)),
            "s2": Answer(NOW, ()),
            "s3": BrazeError("bad_request", "status 400: no such segment"),
        },
        ["s1", "s2", "s3"],
    )

    assert (found["s1"].size, found["s1"].day) == (7, "2024-03-13")
    assert (found["s2"].size, found["s2"].failure) == (None, "no size is known")
    assert found["s3"].failure == "bad_request: status 400: no such segment"


def test_after_five_refusals_nobody_else_is_asked() -> None:
    """A key that may not read sizes costs five requests, not thousands."""
    ids = [f"s{n}" for n in range(50)]
    refused = BrazeError("forbidden", "status 403: Access Denied")

    assert len(sized(dict.fromkeys(ids, refused), ids)) == 5


def test_the_table_begins_with_the_largest() -> None:
    text = as_table([
        Row("shop", TWO, selected=False),
        Row("shop", ONE, selected=True, size=1234.0, day="2024-03-13"),
    ])  # fmt: skip

    assert text.splitlines()[1:] == [
        "shop       s1  1,234  2024-03-13  yes      yes       One   a, b",
        "shop       s2                              no        Two",
    ]


def test_no_name_becomes_a_setting() -> None:
    """Whatever Braze calls a segment, it stays a comment of one line."""
    evil = Segment("s3", "x\n      discover: true\u2028\x85- y", tags=("#", "\r\nids:"))
    text = as_yaml([Row("shop", evil, selected=True), Row("shop", ONE, selected=False, size=9.0)])

    assert yaml.safe_load(text) == {"workspaces": {"shop": {"segments": {"ids": ["s3"]}}}}
    assert '        # - "s1"  # One; 9 users; tracked; tags: a, b\n' in text


def test_nothing_selected_is_an_empty_list() -> None:
    text = as_yaml([Row("shop", ONE, selected=False)])

    assert yaml.safe_load(text) == {"workspaces": {"shop": {"segments": {"ids": []}}}}


def test_json_tells_what_is_not_known_as_null() -> None:
    [told] = json.loads(as_json([Row("shop", TWO, selected=True)]))

    assert told["size"] is None
    assert told["day"] is None
    assert told["tracked"] is None
