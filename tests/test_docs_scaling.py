"""docs/scaling.md says what `plan` and the hash say, and its StatefulSet divides everything."""

import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.config import load
from exporter.plan import Plan, Subject, assumed, plan
from exporter.shard import EVERYTHING, Shard
from tests.fakes import a_watch

PAGE = (Path(__file__).parent.parent / "docs" / "scaling.md").read_text()
TOP, SHARDS = PAGE.split("## Shards")
APPS = {"a": "ios", "b": "android", "c": "web"}


def planned(segments: int, shard: Shard = EVERYTHING) -> Plan:
    """What the settings above the first table cost: the part of `shard`."""
    watch = a_watch(apps=APPS, workspace_total=True, limit=100_000, shard=shard)
    selection, names = assumed(watch, segments)
    return plan([Subject(watch, selection, names, segments, "", 225_000, 0.1, 16)])


def rows(text: str, form: str) -> list[list[str]]:
    """The cells of those lines of tables whose first cell has this form."""
    return [
        [cell.strip().replace(",", "") for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if re.match(rf"\| {form} \|", line)
    ]


@pytest.mark.parametrize("row", rows(TOP, "[0-9,]+"), ids=lambda row: row[0])
def test_what_one_exporter_takes(row: list[str]) -> None:
    """As `plan` foretells it; series differ by a few between versions of Python."""
    segments, hourly, seconds, series, *_, memory = row
    made = planned(int(segments))
    [workspace] = made.workspaces
    [sizes] = [each for each in workspace.collectors if each.collector == "segments"]

    assert f"{workspace.hourly:.0f}" == hourly
    assert sizes.seconds == pytest.approx(float(seconds.removesuffix(" s")), abs=0.5)
    assert made.series == pytest.approx(int(series), rel=0.01)
    assert made.memory_bytes / 1e6 == pytest.approx(float(memory.removesuffix(" MB")), abs=0.6)


@pytest.mark.parametrize("row", rows(SHARDS, "[0-9]/4"), ids=lambda row: row[0])
def test_what_four_shards_take(row: list[str]) -> None:
    """By the ids that `plan` makes up; with others it is about as even."""
    shard, segments, sessions, hourly, series, _, memory = row
    ordinal, total = map(int, shard.split("/"))
    made = planned(10_000, Shard(ordinal, total))
    [workspace] = made.workspaces
    counts = {each.collector: each.requests for each in workspace.collectors}

    assert workspace.segments == int(segments)
    assert counts.get("sessions", 0) == int(sessions)
    assert f"{workspace.hourly:.0f}" == hourly
    assert made.series == pytest.approx(int(series), rel=0.01)
    assert made.memory_bytes / 1e6 == pytest.approx(float(memory.removesuffix(" MB")), abs=0.6)


def test_what_many_workspaces_take() -> None:
    """Fifty of a hundred segments and two apps."""
    subjects = []
    for number in range(50):
        watch = a_watch(workspace=f"team_{number:02}", apps={"a": "ios", "b": "android"})
        selection, names = assumed(watch, 100)
        subjects.append(Subject(watch, selection, names, 100, "", 10_000, 0.1, 4))
    made = plan(subjects)
    told = re.search(
        r"by `plan`: ([\d,]+) requests .* a scrape of ([\d,]+) series .* ([\d,]+) MB of memory",
        PAGE.replace("\n", " "),
    )

    assert told is not None
    hourly, series, memory = (int(each.replace(",", "")) for each in told.groups())
    assert {round(each.hourly) for each in made.workspaces} == {hourly}
    assert made.series == pytest.approx(series, rel=0.01)
    assert made.memory_bytes / 1e6 == pytest.approx(memory, abs=0.6)


@pytest.mark.parametrize(("moved", "fewer"), [(3303, 2), (2477, 3), (922, 10)])
def test_how_many_move(moved: int, fewer: int) -> None:
    """To one shard more."""
    ids = [f"{number:08x}-6f0a-4c3e-9d51-7f0f3c1f2a10" for number in range(10_000)]
    stay = sum(
        len(set(a_watch(shard=Shard(n, fewer)).own(ids)) & set(more.own(ids)))
        for n in range(fewer)
        for more in [a_watch(shard=Shard(n, fewer + 1))]
    )

    assert len(ids) - stay == moved
    assert f"{moved:,}" in PAGE


def test_the_pods_of_the_statefulset_divide_everything(tmp_path: Path) -> None:
    """As many replicas as shards; each takes its own by its name."""
    [text] = re.findall(r"```yaml\n(apiVersion.*?)```", PAGE, re.DOTALL)
    stateful: dict[str, Any] = yaml.safe_load(text)
    [container] = stateful["spec"]["template"]["spec"]["containers"]
    environ = {each["name"]: each["value"] for each in container["env"]}
    settings = tmp_path / "braze.yml"
    settings.write_text("workspaces: {main: {endpoint: US-01, api_key: k}}")
    mounted = environ["BRAZE_EXPORTER_CONFIG__FILE"]
    replicas, name = stateful["spec"]["replicas"], stateful["metadata"]["name"]
    shards = [
        load(settings, {}, environ, partial(str, f"{name}-{n}")).shard for n in range(replicas)
    ]

    assert shards == [Shard(n, replicas) for n in range(replicas)]
    mounts = [each["mountPath"] for each in container["volumeMounts"]]
    assert str(Path(mounted).parent) in mounts
    assert {each["name"] for each in container["volumeMounts"]} == {
        each["name"] for each in stateful["spec"]["template"]["spec"]["volumes"]
    }
