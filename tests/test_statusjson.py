"""The status for programs, held to its schema."""

import copy
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exporter import statusjson
from exporter.choice import Choice
from exporter.status import Status
from exporter.web import Request, Response
from tests import scenes

SCHEMA = Path(__file__).parent.parent / "docs" / "status.schema.json"


def strictly(schema: Any) -> Any:
    """The schema, under which nothing may be that it does not describe."""
    if isinstance(schema, list):
        return [strictly(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {name: strictly(each) for name, each in schema.items()}
    if "required" in strict:
        strict["additionalProperties"] = False
    return strict


def asked(status: Status, query: str = "", **headers: str) -> Response:
    return statusjson.answer(
        lambda: status, Request("GET", "/status.json", query=query, headers=headers)
    )


@pytest.mark.parametrize(
    "scene",
    [scenes.demo, scenes.failing, scenes.unpolled, scenes.nothing],
    ids=lambda s: s.__name__,
)
def test_it_is_what_the_schema_says(scene: Callable[[], Status]) -> None:
    """All that is required is there, and nothing that is not described."""
    jsonschema = pytest.importorskip("jsonschema", reason="make check-tools installs it")
    schema = strictly(json.loads(SCHEMA.read_text()))
    jsonschema.Draft202012Validator.check_schema(schema)
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    validator = jsonschema.Draft202012Validator(schema, format_checker=checker)
    document = json.loads(asked(scene()).body)

    assert [error.message for error in validator.iter_errors(document)] == []
    if document["workspaces"]:  # the schema can find fault
        broken = copy.deepcopy(document)
        broken["workspaces"][0]["key"] = "secret"
        assert not validator.is_valid(broken)


def test_every_property_of_the_schema_is_required() -> None:
    """So that whoever reads it need not ask whether it is there; unknown is null."""

    def check(schema: Any) -> None:
        if isinstance(schema, dict):
            if "properties" in schema:
                assert sorted(schema["required"]) == sorted(schema["properties"])
            for each in schema.values():
                check(each)

    check(json.loads(SCHEMA.read_text()))


def test_the_collapsed_segment() -> None:
    """Values as Braze gave them, moments in UTC, changes as shares."""
    document = statusjson.document_of(scenes.demo(), Choice())
    first = document["segments"][0]
    value, week = first["value"], first["baselines"]["1w"]

    assert first["segment_name"] == "Push Enabled - iOS"
    assert first["state"] == "dropped"
    assert first["bucket"] == "2026-11-22T00:00:00Z"
    assert first["changes"]["1w"] == value / week - 1
    assert value < first["threshold"] < week
    assert document["generated"] == "2026-11-22T14:40:07Z"


def test_the_query_chooses_and_sorts_but_does_not_page() -> None:
    document = json.loads(asked(scenes.many(250), "q=audience&sort=-name&page=2").body)
    names = [row["segment_name"] for row in document["segments"]]

    assert len(names) == 249
    assert names == sorted(names, reverse=True)
    assert document["sessions"] == []
    assert sum(document["counts"].values()) == 252  # counts are of everything


def test_it_is_json_that_no_cache_keeps() -> None:
    response = asked(scenes.demo(), **{"accept-encoding": "gzip"})
    headers = dict(response.headers)

    assert headers["Content-Type"] == "application/json"
    assert headers["Cache-Control"] == "no-store"
    assert json.loads(gzip.decompress(response.body))["workspaces"]


def test_half_a_character_in_a_name_breaks_nothing() -> None:
    document = json.loads(asked(scenes.named(["half \ud83d"])).body)
    assert document["segments"][0]["segment_name"] == "half \ud83d"
