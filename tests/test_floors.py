"""The program's layers: imports go down, never up or sideways in a circle."""

import ast
from pathlib import Path

import pytest

import exporter

PACKAGE = Path(exporter.__file__).parent

# From the ground up, a paragraph a floor.
PLAN = """
__init__ columns files findings mistakes model negotiation passwords probes progress quantities
redaction refusals schedule shard steps tls trend

accountcauses buckets display families instances logs loopback merging names pacing reference
secretfile signals waycauses web yamlfile

catalog connections conversation history limiter past remedies

admission baselines causes consistency environment exposition journal transport watch webformat
wording

client holding server sources telemetry values

config poll rendering standing webconfig

account discover recall replay rows snapshot

poller samplefile scraped status visit

backfill choice madeup once patient

page plan statusjson waychecks zonecheck

accountchecks daemon

doctor

commands

backfilling demonstration inquiries

cli

__main__
"""
FLOORS = tuple(frozenset(names.split()) for names in PLAN.strip().split("\n\n"))
FLOOR = {name: floor for floor, names in enumerate(FLOORS) for name in names}

# The package's own public face, which anything may read.
EVERYWHERE = {"__init__"}

# One module, one outside library: what it can do to us stands in one place.
ONE_DOOR = {
    "requests": {"transport"},
    "apscheduler": {"schedule"},
    "pydantic": {"config", "values"},
    "pydantic_settings": {"merging"},
    "prometheus_client": {"telemetry"},
    "h11": {"conversation"},
    "jinja2": {"page"},
    "tqdm": {"progress"},
    "bcrypt": {"passwords"},
}


def modules() -> list[Path]:
    return sorted(PACKAGE.glob("*.py"))


def imports(path: Path) -> set[str]:
    """The full names that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            if node.module in ("exporter", "exporter.simulator"):
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def ours(path: Path) -> set[str]:
    """The modules of the package that a file imports."""
    names = {name.split(".")[1] for name in imports(path) if name.startswith("exporter.")}
    return {name for name in names if (PACKAGE / f"{name}.py").exists()} - EVERYWHERE


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.stem)
def test_imports_go_down(path: Path) -> None:
    """A module imports only from floors below its own."""
    assert path.stem in FLOOR, f"{path.stem} stands on no floor yet"
    too_high = {name for name in ours(path) if FLOOR[name] >= FLOOR[path.stem]}

    assert too_high == set()


def test_every_module_of_the_floors_is_there() -> None:
    """The picture of the floors names nothing that is gone."""
    assert set(FLOOR) == {path.stem for path in modules()}


def test_the_simulator_knows_nothing_of_ours() -> None:
    """The oracle is written from Braze's documentation alone."""
    for path in (PACKAGE / "simulator").glob("*.py"):
        foreign = {name for name in imports(path) if name.startswith("exporter")}

        assert all(name.startswith("exporter.simulator") for name in foreign), path


@pytest.mark.parametrize(("library", "doors"), ONE_DOOR.items())
def test_a_library_has_one_door(library: str, doors: set[str]) -> None:
    """`requests`, `apscheduler`, `pydantic` and the others are each imported in one module."""
    importing = {
        path.stem
        for path in PACKAGE.rglob("*.py")
        if any(name.split(".")[0] == library for name in imports(path))
    }

    assert importing == doors


def test_no_module_is_long() -> None:
    """A file that grows past 300 lines has missed a seam."""
    long = {
        str(path): lines
        for path in PACKAGE.rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 300
    }

    assert long == {}


def test_every_file_says_what_it_is_for() -> None:
    """The first line of a module is one sentence."""
    for path in PACKAGE.rglob("*.py"):
        doc = ast.get_docstring(ast.parse(path.read_text()))

        assert doc, path
        assert doc.splitlines()[0].endswith((".", ":")), path
