"""doctor, plan and discover as users run them: what they print, where, and how they end."""

import json
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.cli import main
from exporter.config import load
from exporter.simulator import Server
from tests.doubles import KEY, Process, clean_environment, eventually, listening, simulated
from tests.machine import free_port

Start = Callable[..., Process]
Write = Callable[[Mapping[str, object]], Path]
Out = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own way to the world is none of ours."""
    for name in os.environ:
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def config(simulator: Server, write: Write) -> Callable[..., str]:
    """Writes settings that watch the simulator; the flag that names them."""

    def written(workspaces: int = 1, **changes: object) -> str:
        apps = {app.name: app.id for app in simulator.simulator.world.apps}
        shop = {"endpoint": simulator.url, "api_key": KEY, "apps": apps, **changes}
        names = ("shop", "lab")[:workspaces]
        address = f"127.0.0.1:{free_port()}"
        path = write({
            "workspaces": dict.fromkeys(names, shop), "web": {"listen_address": address},
        })  # fmt: skip
        return f"--config.file={path}"

    return written


def on_a_terminal(*words: str, environ: Mapping[str, str] | None = None) -> str:
    """What a command shows on a terminal of 80 columns."""
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (24, 80))
    process = subprocess.Popen(
        [sys.executable, "-m", "exporter", *words],
        stdout=follower,
        stderr=follower,
        stdin=follower,
        env=clean_environment() | {"TERM": "xterm"} | dict(environ or {}),
    )
    os.close(follower)
    shown = b""
    try:
        while piece := os.read(leader, 65536):
            shown += piece
    except OSError:  # the other end is closed
        pass
    os.close(leader)
    process.wait(20)
    return shown.decode().replace("\r\n", "\n")


# doctor


def test_doctor_writes_a_line_a_finding_in_a_pipe(config: Callable[..., str], capsys: Out) -> None:
    """State, workspace, check, what; without colours; a sentence at the end."""
    assert main(["doctor", config()]) == 0
    out = capsys.readouterr().out

    assert "ok      shop/account: Braze knows the key\n" in out
    assert "skipped shop/tracking: the settings ask for no sessions by segment\n" in out
    assert out.endswith("; 6 requests to Braze\n")
    assert "\x1b" not in out


def test_doctor_names_the_missing_permission_and_ends_with_1(
    config: Callable[..., str], capsys: Out
) -> None:
    """In one line, with what to do."""
    flag = config(api_key=f"{KEY}-without-sessions.data_series")
    assert main(["doctor", flag]) == 1
    captured = capsys.readouterr()

    [line] = [line for line in captured.out.splitlines() if line.startswith("failed")]
    assert "shop/permission: the key lacks the permission sessions.data_series; " in line
    assert " -> permissions of a key cannot be changed: make a new one with " in line
    assert KEY not in captured.out + captured.err


def test_doctor_for_programs(config: Callable[..., str], capsys: Out) -> None:
    """JSON with every finding, its state and its cause, and what it cost."""
    assert main(["doctor", "--json", config(api_key="wrong")]) == 1
    told = json.loads(capsys.readouterr().out)

    assert told["ok"] is False
    assert told["requests"] == {"shop": 1}
    [failed] = [each for each in told["findings"] if each["state"] == "failed"]
    assert (failed["workspace"], failed["check"], failed["cause"]) == (
        "shop", "account", "key-unknown",
    )  # fmt: skip
    assert failed["why"]
    assert failed["remedy"]


def test_doctor_finds_bad_settings_and_ends_with_2(tmp_path: Path, capsys: Out) -> None:
    """As every command does; for programs too it is a finding."""
    path = tmp_path / "exporter.yml"
    path.write_text("workspaces: {shop: {endpoint: US-99, api_key: 'x'}}\n")
    assert main(["doctor", "--json", f"--config.file={path}"]) == 2

    [finding] = json.loads(capsys.readouterr().out)["findings"]
    assert finding["cause"] == "settings-wrong"
    assert f"{path}:1:" in finding["what"]


def test_doctor_on_a_terminal(config: Callable[..., str]) -> None:
    """Marks and colours, a heading for the workspace, reason and remedy beneath, within 80
    columns; NO_COLOR takes the colours away.
    """
    flag = config(api_key=f"{KEY}-without-segments.list")
    shown = on_a_terminal("doctor", flag)
    plain = on_a_terminal("doctor", flag, environ={"NO_COLOR": "1"})

    assert "\x1b[31m✘\x1b[0m permission  the key lacks the permission segments.list\n" in shown
    assert "\nshop\n  ✔ key         given in the settings\n" in plain
    assert "\n      why   so /segments/list cannot be read" in plain
    assert "\n      do    permissions of a key cannot be changed" in plain
    assert "\x1b" not in plain
    assert max(map(len, plain.splitlines())) <= 80


def test_doctor_can_be_interrupted(write: Write, process: Start) -> None:
    """Ctrl-C does not wait for whoever does not answer, and says what happened in a word."""
    with listening(lambda _: None) as port:
        endpoint = f"http://127.0.0.1:{port}"
        path = write({"workspaces": {"shop": {"endpoint": endpoint, "api_key": KEY}}})
        doctor = process("doctor", f"--config.file={path}")
        eventually(lambda: doctor.err or "tls" in doctor.out, "it waits for an answer")
        begun = time.monotonic()
        doctor.signal(signal.SIGINT)

        assert doctor.end() == 1
        assert time.monotonic() - begun < 2
        assert doctor.err == "interrupted\n"


@pytest.mark.parametrize("command", ["once", "doctor", "plan", "discover"])
def test_sigterm_ends_what_asks_as_ctrl_c_does(command: str, write: Write, process: Start) -> None:
    """The first process of a container only hears the signals that it takes itself."""
    connections: list[object] = []
    with listening(connections.append) as port:
        endpoint = f"http://127.0.0.1:{port}"
        path = write({"workspaces": {"shop": {"endpoint": endpoint, "api_key": KEY}}})
        asking = process(command, f"--config.file={path}")
        eventually(lambda: connections, "it asks")
        asking.signal(signal.SIGTERM)

        assert asking.end() == 1
        assert asking.err.endswith("interrupted\n")


@pytest.mark.parametrize("words", [["simulate", "--list-faults"], ["doctor"], ["plan"]])
def test_a_reader_that_has_enough_is_no_error(words: list[str], config: Callable[..., str]) -> None:
    """As `| head` is, which ends after some lines."""
    flags = [config()] if words[0] != "simulate" else []
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [sys.executable, "-m", "exporter", *words, *flags],
        stdout=writer,
        stderr=subprocess.PIPE,
        env=clean_environment(),
        timeout=20,
    )
    os.close(writer)

    assert (ended.returncode, ended.stderr) == (1, b"")


@pytest.mark.parametrize("command", ["doctor", "plan", "discover"])
def test_a_workspace_that_is_not_there_ends_with_2(
    command: str, config: Callable[..., str], capsys: Out
) -> None:
    """And says which there are."""
    assert main([command, config(2), "--workspace=shp"]) == 2
    captured = capsys.readouterr()

    assert captured.err == "no workspace is called 'shp'; there are shop, lab\n"
    assert captured.out == ""


# plan


def test_plan_asks_braze_for_the_list_where_the_settings_discover(
    simulator: Server, config: Callable[..., str], capsys: Out
) -> None:
    """And says so; nothing else is asked."""
    assert main(["plan", config()]) == 0

    assert "shop: 12 segments (asked of Braze's list)\n" in capsys.readouterr().out
    assert [request.path for request in simulator.requests] == ["/segments/list"]


@pytest.mark.parametrize(
    ("segments", "flags", "said"),
    [
        ({"ids": ["a", "b"]}, [], "shop: 2 segments (the settings name them)"),
        ({"discover": False}, [], "shop: 0 segments (the settings want none)"),
        ({}, ["--segments=500"], "shop: 500 segments (assumed: --segments)"),
    ],
)
def test_plan_asks_nothing_where_it_need_not(
    segments: object,
    flags: list[str],
    said: str,
    simulator: Server,
    config: Callable[..., str],
    capsys: Out,
) -> None:
    """Neither with explicit ids nor with a number."""
    assert main(["plan", config(segments=segments), *flags]) == 0

    assert said in capsys.readouterr().out
    assert simulator.requests == ()


@pytest.mark.parametrize(
    ("segments", "flags", "code"), [({"ids": ["a"]}, [], 0), ({}, ["--segments=9"], 0), ({}, [], 2)]
)
def test_plan_needs_a_key_only_to_ask(
    segments: object,
    flags: list[str],
    code: int,
    config: Callable[..., str],
    tmp_path: Path,
    capsys: Out,
) -> None:
    """Before anything is deployed there is none."""
    flag = config(segments=segments, api_key=None, api_key_file=str(tmp_path / "none"))
    assert main(["plan", flag, *flags]) == code

    said = "workspaces.shop.api_key_file: cannot be read: it does not exist; or give --segments N"
    assert (said in capsys.readouterr().err) == bool(code)


def test_doctor_names_the_workspace_whose_key_file_is_missing(
    config: Callable[..., str], tmp_path: Path, capsys: Out
) -> None:
    """It is a check of its own, after settings that are good otherwise."""
    path = tmp_path / "none"
    assert main(["doctor", config(api_key=None, api_key_file=str(path))]) == 1

    assert "failed  shop/key: the file of the API key cannot be read" in capsys.readouterr().out


def test_plan_for_programs_and_of_one_workspace(config: Callable[..., str], capsys: Out) -> None:
    """With the latency that is assumed."""
    words = ["plan", "--json", config(2), "--workspace=lab", "--segments=9", "--latency=0.25"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)

    assert [each["workspace"] for each in told["workspaces"]] == ["lab"]
    assert told["latency"] == 0.25


@pytest.mark.parametrize("flag", ["--segments=-1", "--segments=many", "--latency=0", "--latency=x"])
def test_plan_refuses_numbers_that_are_none(flag: str, capsys: Out) -> None:
    """With exit code 2."""
    with pytest.raises(SystemExit) as ended:
        main(["plan", flag])

    assert ended.value.code == 2
    assert "is no number of" in capsys.readouterr().err


# discover


def test_discover_lists_the_segments_the_largest_first(
    simulator: Server, config: Callable[..., str], capsys: Out
) -> None:
    """With ids, names, tags, tracking, sizes with their day, and whether the settings select."""
    assert main(["discover", config(segments={"include": ["^All Users"]})]) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    first = simulator.simulator.world.segments[0]

    assert lines[0].split()[:4] == ["WORKSPACE", "ID", "SIZE", "DAY"]
    assert lines[1].split()[1] == first.id
    assert lines[1].endswith("yes      yes       All Users")
    assert len(lines) == 13
    assert len(simulator.requests) == 2  # the list, and the size of the one that is selected
    assert captured.err == ""


def test_discover_lists_segments_also_where_none_are_polled(
    config: Callable[..., str], capsys: Out
) -> None:
    """It is how their ids are found."""
    flag = config(segments={"discover": False}, kpi={"metrics": ["dau"]})

    assert main(["discover", "--no-sizes", flag]) == 0
    assert "All Users" in capsys.readouterr().out


def test_discover_for_programs(config: Callable[..., str], capsys: Out) -> None:
    """A list in Braze's order; sizes are null where they were not asked for."""
    assert main(["discover", "--json", "--no-sizes", config()]) == 0
    told: list[dict[str, Any]] = json.loads(capsys.readouterr().out)

    assert len(told) == 12
    assert told[0]["name"] == "All Users"
    assert told[0]["tracked"] is True
    assert {each["size"] for each in told} == {None}


def test_what_discover_writes_as_settings_are_settings(
    config: Callable[..., str], capsys: Out, tmp_path: Path
) -> None:
    """Pasted in, they select the same segments by their ids; names are comments."""
    flag = config(segments={"include": ["Lapsed", "Abandoned"]})
    assert main(["discover", "--yaml", "--no-sizes", flag]) == 0
    text = capsys.readouterr().out
    assert "  # Lapsed Users - 7 days\n" in text
    assert '  # Abandoned Cart "24h" \\ Checkout; tracked; tags: lifecycle\n' in text
    assert text.count("        # - ") == 8

    settings = json.loads(Path(flag.partition("=")[2]).read_text())
    settings["workspaces"]["shop"]["segments"] = yaml.safe_load(text)["workspaces"]["shop"][
        "segments"
    ]
    pasted = tmp_path / "pasted.yml"
    pasted.write_text(json.dumps(settings))
    segments = load(pasted, {}, {}).workspaces["shop"].segments
    assert len(segments.ids) == 4
    assert segments.discover is False


def test_a_size_that_cannot_be_read_ends_with_1(
    simulator: Server, config: Callable[..., str], capsys: Out
) -> None:
    """The rest is there, and stderr says which and why."""
    simulator.simulator.faults.add("bad-request@/segments/data_series*1")
    assert main(["discover", config()]) == 1
    captured = capsys.readouterr()

    assert len(captured.out.splitlines()) == 13
    assert captured.err.startswith("no size of ")
    assert "bad_request: status 400" in captured.err


def test_a_list_that_cannot_be_read_leads_to_doctor(
    config: Callable[..., str], capsys: Out
) -> None:
    """Which knows what to do."""
    assert main(["discover", config(api_key="wrong")]) == 1
    captured = capsys.readouterr()

    assert captured.out == ""
    assert "the segments of shop cannot be read: unauthorized" in captured.err
    assert "`braze-exporter doctor` says why" in captured.err


def test_sizes_are_bounded_unless_asked_for(write: Write, capsys: Out) -> None:
    """A hundred, and a word on stderr; `--sizes` asks for all."""
    with simulated(segments=130) as braze:
        shop = {"endpoint": braze.url, "api_key": KEY}
        flag = f"--config.file={write({'workspaces': {'shop': shop}})}"
        assert main(["discover", flag]) == 0
        said = capsys.readouterr().err
        asked = sum(request.path == "/segments/data_series" for request in braze.requests)
        braze.forget()
        assert main(["discover", flag, "--sizes"]) == 0
        all_asked = sum(request.path == "/segments/data_series" for request in braze.requests)

    assert (asked, all_asked) == (100, 130)
    assert (
        said == "shop: sizes of the first 100 selected only; --sizes asks for all, a request each\n"
    )


def test_a_bar_shows_how_far_it_is(write: Write) -> None:
    """On a terminal; the table comes after it."""
    with simulated(segments=20, latency=0.1) as braze:
        shop = {"endpoint": braze.url, "api_key": KEY}
        shown = on_a_terminal("discover", f"--config.file={write({'workspaces': {'shop': shop}})}")

    assert "sizes of shop: " in shown
    assert "| 20/20 [" in shown
    assert "\nWORKSPACE" in shown


def test_discover_can_be_interrupted(write: Write, process: Start) -> None:
    """In the middle of the sizes."""
    with simulated("hang@/segments/data_series") as braze:
        shop = {"endpoint": braze.url, "api_key": KEY}
        path = write({"workspaces": {"shop": shop}, "poll": {"timeout": "30s"}})
        listing = process("discover", f"--config.file={path}")
        eventually(lambda: len(braze.requests) > 1, "a size is asked for")
        begun = time.monotonic()
        listing.signal(signal.SIGINT)

        assert listing.end() == 1
        assert time.monotonic() - begun < 2
        assert listing.err == "interrupted\n"


def test_what_braze_says_gives_a_terminal_no_orders(write: Write, capsys: Out) -> None:
    """Control characters in an answer are shown as what they are."""
    body = b'{"message": "go \\u001b[2J away"}'
    head = b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
    for command in ("doctor", "discover"):
        with listening(lambda one: one.sendall(head + body)) as port:
            shop = {"endpoint": f"http://127.0.0.1:{port}", "api_key": KEY}
            main([command, f"--config.file={write({'workspaces': {'shop': shop}})}"])
        captured = capsys.readouterr()

        assert "\x1b" not in captured.out + captured.err
    assert "go \\x1b[2J away" in captured.err


def test_one_workspace_that_cannot_be_read_leaves_the_others(
    simulator: Server, write: Write, capsys: Out
) -> None:
    """Theirs are listed, and the exit code is 1."""
    good = {"endpoint": simulator.url, "api_key": KEY}
    path = write({"workspaces": {"broken": good | {"api_key": "x"}, "shop": good}})
    assert main(["discover", "--no-sizes", f"--config.file={path}"]) == 1
    captured = capsys.readouterr()

    assert captured.out.count("\nshop  ") == 12
    assert "the segments of broken cannot be read" in captured.err


def test_a_terminal_of_another_encoding_is_no_error(config: Callable[..., str]) -> None:
    """What it cannot show is written with its number."""
    shown = on_a_terminal("discover", config(), environ={"PYTHONIOENCODING": "ascii"})

    assert "Newsletter: \\xd6sterreich & Z\\xfcrich" in shown
