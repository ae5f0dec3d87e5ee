"""Exporters with the same settings and different shards, at work together against the simulator."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import pytest

from exporter.cli import main
from exporter.shard import Shard
from exporter.simulator import Server
from tests.doubles import KEY, Process, Running, eventually
from tests.helm import render
from tests.mounts import Node

TOTAL = 3
Run = Callable[..., Running]
Settings = Callable[..., Path]
Out = pytest.CaptureFixture[str]


def everything(simulator: Server) -> dict[str, object]:
    """The settings of a workspace that watch all the simulator has."""
    world = simulator.simulator.world
    return {
        "endpoint": simulator.url,
        "apps": {app.name: app.id for app in world.apps},
        "sessions": {
            "workspace_total": True,
            "by_segment": [each.id for each in world.segments if each.tracked],
        },
    }


@pytest.fixture
def settings(simulator: Server, tmp_path: Path) -> Settings:
    """Writes the settings of one shard, which watch everything the simulator has."""

    def written(shard: str = "0/1", **changes: object) -> Path:
        shop = {**everything(simulator), "api_key": KEY, **changes}
        path = tmp_path / f"{shard.replace('/', '-of-')}.yml"
        tree = {
            "workspaces": {"shop": shop},
            "web": {"listen_address": "127.0.0.1:0"},
            "shard": shard,
        }
        path.write_text(json.dumps(tree))
        return path

    return written


def values(found: Mapping[str, float]) -> dict[str, float]:
    """What is exported of Braze, apart from buckets that still fill, which differ by the second."""
    return {
        name: value
        for name, value in found.items()
        if name.startswith("braze_")
        and not name.startswith(("braze_exporter_", "braze_up"))
        and "_current" not in name
    }


def asked(server: Server) -> Counter[tuple[str, frozenset[tuple[str, str]]]]:
    """The questions for newest points, by what they ask."""
    return Counter(
        (request.path, frozenset(request.query.items()))
        for request in server.requests
        if request.path != "/segments/list" and "ending_at" not in request.query
    )


def ready(exporter: Running) -> None:
    eventually(lambda: exporter.ask("/-/ready").status == 200, "everything was polled once")


def past_is_read(exporter: Running) -> bool:
    """Whether each series of hours has its baselines, which need the longest history."""
    found = exporter.samples()
    hours = {name for name in found if name.partition("{")[0].endswith("sessions_hourly")}
    known = {name.replace("_baseline{", "{").partition(',baseline="')[0] for name in found}
    return bool(hours) and all(name.rstrip("}") in known for name in hours)


def by_hand(ordinal: int, _: Server, settings: Settings, __: Path, running: Run) -> Running:
    """A shard whose settings say which one it is."""
    return running(settings(f"{ordinal}/{TOTAL}"))


def by_chart(ordinal: int, simulator: Server, _: Settings, folder: Path, running: Run) -> Running:
    """A shard as the chart makes it: a pod, which has its number in its name."""
    workspaces = {"shop": everything(simulator)}
    made = render(
        {"config": {"workspaces": workspaces}, "existingSecret": "braze", "shards": TOTAL}
    )
    root = folder / f"pod-{ordinal}"
    pod = Node(made, root, {"braze": {"shop": KEY}}, ordinal).start()
    environ = {**pod.environment, "BRAZE_EXPORTER_WEB__LISTEN_ADDRESS": "127.0.0.1:0"}
    return running(pod.config, environ, pod.hostname)


@pytest.mark.parametrize("start", [by_hand, by_chart])
def test_three_shards_are_one_exporter(
    start: Callable[..., Running],
    simulator: Server,
    settings: Settings,
    tmp_path: Path,
    running: Run,
) -> None:
    """Every sample of an exporter that reads everything is one shard's: the same value, once.

    And Braze gets the same questions, each from one of them.
    """
    alone = running(settings())
    eventually(lambda: past_is_read(alone), "all is known", 30)
    expected, questions = values(alone.samples()), asked(simulator)
    alone.stop()
    simulator.forget()
    shards = [start(n, simulator, settings, tmp_path, running) for n in range(TOTAL)]

    def together() -> dict[str, float]:
        return {name: value for each in shards for name, value in values(each.samples()).items()}

    eventually(lambda: together() == expected, "the shards say what one alone says", 30)
    assert sum(len(values(each.samples())) for each in shards) == len(expected)
    assert all(values(each.samples()) for each in shards)
    assert asked(simulator) == questions
    assert set(questions.values()) == {1}


def test_each_shard_tells_which_it_is(settings: Settings, running: Run) -> None:
    """And how many segments all of them select, so that `max by` is right over them."""
    shards = [running(settings(f"{ordinal}/{TOTAL}")) for ordinal in range(TOTAL)]
    for ordinal, each in enumerate(shards):
        ready(each)
        assert each.value("braze_exporter_shard_ordinal", workspace="shop") == ordinal
        assert each.value("braze_exporter_total_shards", workspace="shop") == TOTAL
        assert each.value("braze_exporter_segments", workspace="shop", state="selected") == 12


def test_an_exporter_that_is_alone_is_one_of_one(settings: Settings, running: Run) -> None:
    """A rule that counts shards needs no exception for it."""
    exporter = running(settings())

    assert exporter.value("braze_exporter_shard_ordinal", workspace="shop") == 0
    assert exporter.value("braze_exporter_total_shards", workspace="shop") == 1


def test_a_shard_with_nothing_to_do_is_well(
    simulator: Server, running: Run, settings: Settings
) -> None:
    """Ready and healthy, and asks Braze nothing: there may be more shards than segments."""
    [only] = simulator.simulator.world.segments[:1]
    idle = next(n for n in range(50) if not Shard(n, 50).has("shop", "segment", only.id))
    changes = {"segments": {"ids": [only.id]}, "apps": {}, "sessions": {}}
    exporter = running(settings(f"{idle}/50", **changes))

    ready(exporter)
    assert exporter.ask("/-/healthy").status == 200
    assert exporter.ask("/").status == 200
    assert values(exporter.samples()) == {}
    assert exporter.value("braze_exporter_segments", workspace="shop", state="selected") == 1
    assert exporter.value("braze_exporter_shard_ordinal", workspace="shop") == idle
    assert simulator.requests == ()


def test_a_shard_that_selects_nothing_has_read_the_list_all_the_same(
    simulator: Server, running: Run, settings: Settings
) -> None:
    """Its collectors succeed: nothing to ask is no failure."""
    names = {each.name for each in simulator.simulator.world.segments[:1]}
    ids = [each.id for each in simulator.simulator.world.segments if each.name in names]
    idle = next(n for n in range(50) if not Shard(n, 50).has("shop", "segment", ids[0]))
    segments = {"ids": ids, "discover": True, "limit": 1}
    exporter = running(settings(f"{idle}/50", segments=segments, apps={}, sessions={}))

    ready(exporter)
    for collector in ("discovery", "segments"):
        success = exporter.value(
            "braze_exporter_collector_success", workspace="shop", collector=collector
        )
        assert success == 1, collector


def test_a_reload_changes_the_shard(simulator: Server, running: Run, settings: Settings) -> None:
    """What it keeps stays without a gap, what it loses is gone at once, what it gains is read."""
    path = settings("0/2")
    exporter = running(path)
    eventually(lambda: past_is_read(exporter), "all is known", 30)
    before = values(exporter.samples())
    path.write_text(settings("0/3").read_text())
    simulator.forget()

    assert exporter.ask("/-/reload", "POST").status == 200
    at_once = values(exporter.samples())
    assert at_once
    assert at_once.items() < before.items()
    assert exporter.value("braze_exporter_total_shards", workspace="shop") == 3
    path.write_text(settings("0/1").read_text())
    assert exporter.ask("/-/reload", "POST").status == 200
    eventually(lambda: values(exporter.samples()).keys() > before.keys(), "the others are read", 30)


def sizes(page: str) -> set[str]:
    """The segments whose size stands on a page or in a file."""
    return {
        line.partition("}")[0]
        for line in page.splitlines()
        if line.startswith("braze_segment_size{")
    }


def test_once_and_backfill_do_the_part_of_their_shard(
    settings: Settings, tmp_path: Path, capsys: Out
) -> None:
    """As `serve` does: together they write what one alone would, without one series twice."""
    polled: list[set[str]] = []
    written: list[set[str]] = []
    for shard in ("0/1", "0/2", "1/2"):
        flag = f"--config.file={settings(shard, apps={}, sessions={})}"
        assert main(["once", flag]) == 0
        polled.append(sizes(capsys.readouterr().out))
        output = tmp_path / "history.om"
        more = (f"--output={output}", "--days=1", "--step=1h", "--job=braze", "--instance=a")
        assert main(["backfill", flag, *more]) == 0
        capsys.readouterr()
        text = output.read_text().replace('job="braze",instance="a",', "")
        written.append(sizes(text))

    for alone, *parts in (polled, written):
        assert alone == parts[0] | parts[1]
        assert not parts[0] & parts[1]
        assert all(parts)


def test_plan_is_of_the_shard(settings: Settings, capsys: Out) -> None:
    """Its segments and its part of the ceiling; all shards' figures come to those of one alone."""
    hourly: list[dict[str, float]] = []
    for shard in (Shard(0, 1), Shard(0, 3), Shard(1, 3), Shard(2, 3)):
        flag = f"--config.file={settings(str(shard))}"
        assert main(["plan", flag, "--json", "--segments=1000"]) == 0
        [workspace] = json.loads(capsys.readouterr().out)["workspaces"]
        assert workspace["shard"] == asdict(shard)
        assert workspace["ceiling"] == 10_000 // shard.total
        assert workspace["segments"] + workspace["segments_elsewhere"] == 1000
        hourly.append({each["collector"]: each["hourly"] for each in workspace["collectors"]})
    alone, *parts = hourly

    for collector in ("segments", "sessions"):
        assert sum(each[collector] for each in parts) == alone[collector]
    assert all(each["discovery"] == alone["discovery"] for each in parts)


def test_plan_says_which_shard_it_is_of(settings: Settings, capsys: Out) -> None:
    """For people; of one that is alone it says nothing of shards."""
    assert main(["plan", f"--config.file={settings('1/3')}", "--segments=1000"]) == 0
    sharded = capsys.readouterr().out
    assert " segments of 1,000, shard 1/3 (assumed: --segments)\n" in sharded
    assert "% of requests_per_hour / 3 (3,333)" in sharded

    assert main(["plan", f"--config.file={settings()}", "--segments=1000"]) == 0
    assert "shard" not in capsys.readouterr().out


@pytest.mark.parametrize("command", [["discover", "--json", "--no-sizes"], ["doctor"]])
def test_doctor_and_discover_look_at_everything(
    settings: Settings, capsys: Out, command: list[str]
) -> None:
    """They are about the account and the settings, which all shards have in common."""
    said = []
    for shard in ("0/1", "2/3"):
        assert main([*command, f"--config.file={settings(shard)}"]) == 0
        out = capsys.readouterr().out
        said.append([line for line in out.splitlines() if "requests are left" not in line])

    assert said[0] == said[1]


def test_the_log_tells_the_shard(settings: Settings, process: Callable[..., Process]) -> None:
    """In its first line."""
    serving = process("serve", f"--config.file={settings('1/3')}")
    eventually(lambda: "msg=listening" in serving.err, "it listens", 20)

    assert " shard=1/3\n" in serving.err


def test_check_tells_the_shard(settings: Settings, capsys: Out) -> None:
    """Above all the one that `auto` came to."""
    assert main(["check", f"--config.file={settings('1/3')}"]) == 0
    assert capsys.readouterr().out == "the settings are good; workspaces: shop; shard 1/3\n"
