"""docs/scaling.md says what `plan` and the hash say, and its values make shards of everything."""

import re
from functools import partial
from pathlib import Path

import pytest
import yaml

from exporter.config import load
from exporter.plan import Plan, Subject, assumed, plan
from exporter.shard import EVERYTHING, Shard
from tests.chartfiles import CHART, ROOT
from tests.fakes import a_watch
from tests.helm import MIDDLE, lint, render
from tests.kubernetes import faults
from tests.mounts import Node

PAGE = (ROOT / "docs/scaling.md").read_text()
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


def test_the_values_of_the_page_make_shards(tmp_path: Path) -> None:
    """Those that divide everything, each by its name, as the page has it."""
    [text] = re.findall(r"```yaml\n(config.*?)```", PAGE, re.DOTALL)
    values = yaml.safe_load(text)
    made = render(values, release="braze-exporter")
    shards = []
    for ordinal in range(values["shards"]):
        pod = Node(made, tmp_path, {"braze": {"production": "k"}}, ordinal).start()
        shards.append(load(pod.config, {}, pod.environment, partial(str, pod.hostname)).shard)

    assert lint(values) == []
    assert shards == [Shard(n, values["shards"]) for n in range(values["shards"])]
    assert f"`{pod.hostname}` is shard {shards[-1]}." in PAGE
    assert f"sets `BRAZE_EXPORTER_SHARD` to `{pod.environment['BRAZE_EXPORTER_SHARD']}`" in PAGE


def test_the_relabeling_of_the_page_is_one() -> None:
    """The operator takes it."""
    [text] = re.findall(r"`serviceMonitor.relabelings: (.*?)`", PAGE, re.DOTALL)
    monitor = {"enabled": True, "relabelings": yaml.safe_load(text)}
    workspaces = {"production": {"endpoint": "US-01"}}
    values = {
        "config": {"workspaces": workspaces}, "existingSecret": "a", "serviceMonitor": monitor,
    }  # fmt: skip
    made = render(values).one("ServiceMonitor")

    assert faults(made, MIDDLE) == []
    assert made["spec"]["endpoints"][0]["relabelings"] == monitor["relabelings"]


def test_the_commands_of_the_page_name_what_the_chart_makes() -> None:
    """The Deployment that is kept, and the pods that take over."""
    release, folder, shards = re.findall(
        r"helm -n braze upgrade (\S+) (\S+) .*--set shards=(\d+)", PAGE
    )[0]
    one = {"config": {"workspaces": {"a": {"endpoint": "US-01"}}}, "existingSecret": "braze"}
    before = render(one, release=release).one("Deployment")["metadata"]["name"]
    after = render(one | {"shards": int(shards)}, release=release).one("StatefulSet")

    assert ROOT / folder == CHART
    assert PAGE.count(f"deployment/{before}") == 2
    assert f"pod/{after['metadata']['name']}-{after['spec']['replicas'] - 1} " in PAGE
