"""What is generated in the chart is up to date: `make chart` writes it anew."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.chartfiles import CHART, ROOT, copies, files, values
from tests.helm import VALID, render, values_of
from tests.machine import library

VALUES = (CHART / "values.yaml").read_text()


@pytest.mark.parametrize(("path", "wanted"), files().items(), ids=lambda value: str(value)[-30:])
def test_generated_files_are_up_to_date(path: Path, wanted: str) -> None:
    """Copies are the same byte for byte, the schema and the table follow from `values.yaml`."""
    assert path.read_bytes() == wanted.encode()


def test_no_copy_is_left_of_what_is_gone() -> None:
    """And the rules are among the copies: a glob that finds nothing would compare nothing."""
    assert copies() == {path for path in files() if CHART / "files" in path.parents}
    assert CHART / "files/rules/braze-exporter.yml" in copies()


def test_every_value_is_described() -> None:
    """Itself, or what it holds."""
    found = values()
    described = {value.path for value in found if value.description}
    for value in found:
        holds = any(path.startswith(f"{value.path}.") for path in described)
        assert value.description or holds, value.path
        assert not value.description.endswith("."), value.path


def test_values_are_put_in_the_schema_with_their_defaults() -> None:
    """The schema accepts them all, and is one itself."""
    validator = library("jsonschema").Draft7Validator
    schema = json.loads((CHART / "values.schema.json").read_text())

    validator.check_schema(schema)
    assert list(validator(schema).iter_errors(yaml.safe_load(VALUES))) == []
    assert "$ref" not in str(schema), "nothing to be fetched"


def test_every_value_is_used_by_a_template() -> None:
    """One that is not would promise what nobody does."""
    templates = "".join(path.read_text() for path in (CHART / "templates").rglob("*.*"))
    for value in values():
        assert re.search(rf"[.\"]{value.path.rpartition('.')[2]}\b", templates), value.path


def test_every_value_is_set_in_one_of_the_valid_files() -> None:
    """So that what it does is rendered, and judged, at least once."""
    found = [values_of(path) for path in VALID]
    unset = {
        value.path
        for value in values()
        if not any(_holds(each, value.path.split(".")) for each in found)
    }

    assert unset == UNSET


UNSET = {
    "automountServiceAccountToken",
    "enableServiceLinks",
    "resources",
    "securityContext",
    "serviceAccount.automountServiceAccountToken",
    "image.registry",
}
"""Values whose default is what all the files are judged with."""


def _holds(tree: object, keys: list[str]) -> bool:
    for key in keys:
        if not isinstance(tree, dict) or key not in tree:
            return False
        tree = tree[key]
    return True


def test_the_image_is_named_in_one_place() -> None:
    """The placeholder of its home stands in the values, and in what Artifact Hub reads."""
    named = [
        path.relative_to(ROOT)
        for path in CHART.rglob("*")
        if path.is_file() and "OWNER/" in path.read_text() and path.name != "README.md"
    ]

    assert sorted(path.name for path in named) == ["Chart.yaml", "NOTES.txt", "values.yaml"]


def test_checkov_skips_only_what_is_there() -> None:
    """Its exceptions are files of values, by their name."""
    skipped = yaml.safe_load((ROOT / ".checkov.yaml").read_text())["skip-path"]

    assert set(skipped) <= {path.stem for path in VALID}


def test_yamllint_finds_nothing_in_the_chart_and_what_it_renders(tmp_path: Path) -> None:
    """Rendered lines may be as long as what stands in them, and begin after an empty one."""
    library("yamllint")
    made = {text: name for path in VALID for name, text in render(values_of(path)).texts.items()}
    (tmp_path / "rendered").mkdir()
    for number, (text, name) in enumerate(made.items()):
        (tmp_path / f"rendered/{number}-{Path(name).name}").write_text(text)
    rendered = (
        f"{{extends: {ROOT / '.yamllint.yaml'}, rules: {{line-length: disable, "
        "empty-lines: {max-start: 1, max-end: 1}}}"
    )
    for options in (["helm", "tests/chart"], ["-d", rendered, str(tmp_path / "rendered")]):
        done = subprocess.run(
            [sys.executable, "-m", "yamllint", "--strict", *options],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
