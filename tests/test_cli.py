"""The commands as users run them: what they print, where, and with which exit code they end."""

import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from exporter import __version__
from exporter.cli import main
from exporter.simulator import DEFAULT_KEY, FAULTS, Server
from tests.doubles import (
    KEY,
    OTHER_KEY,
    Process,
    ask,
    clean_environment,
    eventually,
    listening,
    listens,
    newest,
    samples,
    simulated,
    value_of,
)
from tests.machine import free_port

APPS = {"ios": "5d1f3c0e-9a47-4b62-8c1d-2e7f60b4a911"}
COUNTS = "/sessions/data_series"
COMMANDS = (
    "serve", "check", "once", "doctor", "plan", "discover", "backfill", "demo", "simulate",
    "healthcheck",
)  # fmt: skip

Start = Callable[..., Process]
Write = Callable[[Mapping[str, object]], Path]


def workspace(server: Server, **changes: object) -> dict[str, object]:
    return {"endpoint": server.url, "api_key": KEY, "apps": APPS, **changes}


def code_of(words: list[str]) -> int:
    """The exit code of a command in this process; argparse exits by itself."""
    try:
        return main(words)
    except SystemExit as ended:
        return int(ended.code or 0)


# Help


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """On stdout, with exit code 0."""
    assert code_of(["--help"]) == 0
    out = capsys.readouterr().out
    for command in COMMANDS:
        assert f"\n    {command} " in out or f"\n    {command}\n" in out


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With its flags."""
    assert code_of([command, "--help"]) == 0
    assert f"usage: braze-exporter {command}" in capsys.readouterr().out


def test_help_is_quick() -> None:
    """Nothing heavy is imported for it, in a fresh interpreter; measured by what is there after."""
    program = (
        "import contextlib, io, sys\n"
        "from exporter.cli import main\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        "    main(['--help'])\n"
        "print(*sys.modules)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    heavy = {
        "apscheduler", "asyncio", "h11", "prometheus_client", "pydantic", "pydantic_settings",
        "requests", "ssl", "urllib3", "yaml",
    }  # fmt: skip

    assert heavy.isdisjoint(ran.stdout.split())


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """Name and version, nothing else."""
    assert code_of(["--version"]) == 0
    assert capsys.readouterr().out == f"braze-exporter {__version__}\n"


@pytest.mark.parametrize(
    "words", [["nonsense"], ["check", "--nonsense"], ["--nonsense"], ["check", "too", "much"]]
)
def test_wrong_usage_ends_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """And says on stderr what there is instead."""
    assert code_of(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "usage: braze-exporter" in captured.err


# check


def test_check_says_that_settings_are_good(
    simulator: Server, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without asking Braze anything."""
    path = write({"workspaces": {"shop": workspace(simulator), "lab": workspace(simulator)}})

    assert main(["check", f"--config.file={path}"]) == 0
    assert capsys.readouterr().out == "the settings are good; workspaces: shop, lab\n"
    assert simulator.requests == ()


def test_check_lists_all_mistakes_with_their_places(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the file, the environment and the flags, on stderr, without the key."""
    path = tmp_path / "exporter.yml"
    path.write_text(
        f"workspaces:\n  shop:\n    endpoint: US-01\n    apikey: {KEY}\npoll: {{keep: soon}}\n"
    )
    monkeypatch.setenv("BRAZE_EXPORTER_POLL__TIMEOUT", "never")

    assert main(["check", f"--config.file={path}", "--log.level=loud"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert KEY not in captured.err
    for place in (
        f"{path}:4:5",
        f"{path}:5:",
        "environment BRAZE_EXPORTER_POLL__TIMEOUT",
        "flag --log.level",
    ):
        assert place in captured.err


def test_one_workspace_needs_no_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two variables are enough."""
    monkeypatch.setenv("BRAZE_EXPORTER_WORKSPACES__PRODUCTION__ENDPOINT", "US-01")
    monkeypatch.setenv("BRAZE_EXPORTER_WORKSPACES__PRODUCTION__API_KEY", KEY)

    assert main(["check"]) == 0
    assert "workspaces: production" in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["serve"], ["check"], ["once"], ["plan"], ["discover"]])
def test_nothing_configured_says_what_to_write(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit code 2 and an example; `serve` is what happens without a command."""
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "no workspace is configured" in captured.err


@pytest.mark.parametrize("command", ["serve", "check"])
def test_a_bad_web_config_file_is_refused(
    simulator: Server,
    write: Write,
    command: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Who asks for TLS is not served without it: exit code 2, and the place of each mistake."""
    web = tmp_path / "web.yml"
    web.write_text("tls_server_config:\n  cert_file: cert.pem\nbasic_auth: {}\n")
    path = write({"workspaces": {"shop": workspace(simulator)}})

    assert main([command, f"--config.file={path}", f"--web.config.file={web}"]) == 2
    assert [line.split(": ")[0] for line in capsys.readouterr().err.splitlines()] == [
        f"{web}:1:1",
        f"{web}:3:1",
    ]
    assert simulator.requests == ()


# once


def test_once_writes_everything_to_stdout(simulator: Server, write: Write, process: Start) -> None:
    """A page of metrics and nothing else, without what describes a process that is over."""
    path = write({"workspaces": {"shop": workspace(simulator)}})
    once = process("once", f"--config.file={path}")

    assert once.end() == 0, once.err
    families = {family.name: family for family in text_string_to_metric_families(once.out)}
    assert len(families["braze_segment_size"].samples) == 12
    assert len(families["braze_app_sessions_hourly"].samples) == 1
    assert "braze_exporter_build_info" in families
    assert not [name for name in families if name.startswith(("process_", "python_"))]
    assert once.err.count("msg=polled") == 3


def test_once_says_what_could_not_be_read_and_writes_the_rest(
    simulator: Server, write: Write, process: Start
) -> None:
    """Exit code 1, the reason on stderr, and all that could be read on stdout."""
    simulator.simulator.faults.add(f"key-echo@{COUNTS}")
    once = process("once", f"--config.file={write({'workspaces': {'shop': workspace(simulator)}})}")

    assert once.end() == 1
    page = samples(once.out)
    assert sum("braze_segment_size{" in name for name in page) == 12
    assert not [name for name in page if "braze_app_sessions_" in name]
    success = "braze_exporter_collector_success"
    assert value_of(page, success, workspace="shop", collector="sessions") == 0
    assert "unauthorized: status 401: Invalid API key: (key not shown)" in once.err
    assert KEY not in once.err


def test_a_workspace_that_hangs_does_not_keep_once_from_the_others(
    simulator: Server, write: Write, process: Start
) -> None:
    """They are polled at the same time."""
    simulator.simulator.faults.add("hang")
    with simulated(keys=(OTHER_KEY,)) as other:
        path = write(
            {
                "workspaces": {
                    "hangs": workspace(simulator),
                    "works": workspace(other, api_key=OTHER_KEY),
                },
                "poll": {"timeout": "1s"},
            }
        )
        once = process("once", f"--config.file={path}")
        eventually(lambda: newest(other) == 15, "the other workspace is read", 5)
        assert once.end() == 1

    page = samples(once.out)
    assert value_of(page, "braze_up", workspace="works") == 1
    assert value_of(page, "braze_up", workspace="hangs") == 0


def test_once_can_be_interrupted(simulator: Server, write: Write, process: Start) -> None:
    """Ctrl-C does not wait for Braze."""
    simulator.simulator.faults.add("hang")
    path = write({"workspaces": {"shop": workspace(simulator)}, "poll": {"timeout": "30s"}})
    once = process("once", f"--config.file={path}")
    eventually(lambda: simulator.requests, "a request is under way")
    begun = time.monotonic()
    once.signal(signal.SIGINT)

    assert once.end() == 1
    assert time.monotonic() - begun < 2
    assert "Traceback" not in once.err


def test_a_textfile_is_written_whole(
    simulator: Server, write: Write, process: Start, tmp_path: Path
) -> None:
    """As another user's node_exporter needs it: readable, in one step, with nothing left beside
    it.
    """
    folder = tmp_path / "textfile"
    folder.mkdir()
    target = folder / "braze.prom"
    target.write_text("old\n")
    before = target.stat().st_ino
    path = write({"workspaces": {"shop": workspace(simulator)}})
    once = process("once", f"--config.file={path}", f"--textfile={target}")

    assert once.end() == 0, once.err
    assert once.out == ""
    assert "braze_segment_size{" in target.read_text()
    assert stat.S_IMODE(target.stat().st_mode) == 0o644
    assert target.stat().st_ino != before
    assert list(folder.iterdir()) == [target]


def test_a_textfile_that_cannot_be_written_is_a_failure(
    simulator: Server, write: Write, process: Start, tmp_path: Path
) -> None:
    """It says which and why."""
    target = tmp_path / "none" / "braze.prom"
    path = write({"workspaces": {"shop": workspace(simulator)}})
    once = process("once", f"--config.file={path}", f"--textfile={target}")

    assert once.end() == 1
    assert f"cannot write {target}: No such file or directory" in once.err


# serve


@pytest.fixture
def served(simulator: Server, write: Write, process: Start) -> Iterator[str]:
    """The address of an exporter that serves in a process of its own; the flag beats the file."""
    address = f"127.0.0.1:{free_port()}"
    path = write({"workspaces": {"shop": workspace(simulator)}, "web": {"listen_address": ":1"}})
    exporter = process(f"--config.file={path}", f"--web.listen-address={address}")
    eventually(lambda: listens(f"http://{address}/-/healthy"), "it serves")
    yield address
    assert exporter.terminate()[0] == 0


def test_serve_is_what_happens_without_a_command(served: str) -> None:
    """`braze-exporter --config.file=…`, as with every exporter."""
    eventually(lambda: ask(f"http://{served}/-/ready").status == 200, "it is ready")

    assert "braze_segment_size{" in ask(f"http://{served}/metrics").text


def test_an_address_that_is_taken_ends_with_1(
    served: str, simulator: Server, write: Write, process: Start
) -> None:
    """And names the address."""
    path = write({"workspaces": {"shop": workspace(simulator)}})
    second = process("serve", f"--config.file={path}", f"--web.listen-address={served}")

    assert second.end() == 1
    assert f"cannot listen on {served}" in second.err
    assert "Traceback" not in second.err


def test_healthcheck_asks_the_exporter_of_the_settings(
    served: str, simulator: Server, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    """0 when it is healthy."""
    path = write({"workspaces": {"shop": workspace(simulator)}})

    assert main(["healthcheck", f"--config.file={path}", f"--web.listen-address={served}"]) == 0
    assert capsys.readouterr().out == "healthy\n"


def test_healthcheck_takes_every_address_for_this_machine(
    served: str, simulator: Server, write: Write
) -> None:
    """`:10068` and `0.0.0.0:10068` are where it listens, and loopback is where it is asked."""
    port = served.rpartition(":")[2]
    path = write({"workspaces": {"shop": workspace(simulator)}})
    for address in (f":{port}", f"0.0.0.0:{port}", f"localhost:{port}"):
        words = ["healthcheck", f"--config.file={path}", f"--web.listen-address={address}"]
        assert main(words) == 0


def test_healthcheck_ends_with_1_where_nobody_answers_or_answers_badly(
    simulator: Server, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    """An exporter that is gone, or that hangs inside."""
    path = write({"workspaces": {"shop": workspace(simulator)}})
    words = ["healthcheck", f"--config.file={path}"]
    assert main([*words, f"--web.listen-address=127.0.0.1:{free_port()}"]) == 1
    assert "no answer from 127.0.0.1:" in capsys.readouterr().err

    answer = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 3\r\n\r\nno\n"
    with listening(lambda connection: connection.sendall(answer)) as port:
        assert main([*words, f"--web.listen-address=127.0.0.1:{port}"]) == 1


# simulate and demo


def test_every_fault_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """With what it does."""
    assert main(["simulate", "--list-faults"]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert {line.split()[0]: line.split(maxsplit=1)[1] for line in lines} == dict(FAULTS)


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--fault=hnag", "no fault 'hnag'"),
        ("--web.listen-address=nowhere", "'nowhere' is no address"),
        ("--web.listen-address=127.0.0.1:99999", "is no address"),
        ("--clock=tomorrow", "'tomorrow' is no time such as"),
    ],
)
def test_simulate_refuses_what_it_does_not_know(
    flag: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit code 2."""
    assert code_of(["simulate", flag]) == 2
    assert said in capsys.readouterr().err


def test_simulate_is_a_braze_of_its_own(process: Start) -> None:
    """At the time and with the faults it is given, until it is told to stop."""
    port = free_port()
    simulating = process(
        "simulate",
        f"--web.listen-address=127.0.0.1:{port}",
        "--clock=2024-03-13T10:20:00Z",
        "--fault=server-error-500@/segments/list",
    )
    url = f"http://127.0.0.1:{port}"
    eventually(lambda: listens(url), "it listens")

    settings = yaml.safe_load(simulating.out)["workspaces"]["simulated"]
    assert (settings["endpoint"], settings["api_key"]) == (url, DEFAULT_KEY)
    assert set(settings["apps"]) == {"ios", "android", "web"}
    assert ask(f"{url}/segments/list").status == 500
    assert ask(f"{url}{COUNTS}?length=1").status == 401
    assert simulating.terminate()[0] == 0


def test_an_address_that_is_taken_ends_the_simulator_with_1(
    simulator: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """Like an exporter."""
    address = f"127.0.0.1:{simulator.port}"

    assert main(["simulate", f"--web.listen-address={address}"]) == 1
    assert f"cannot listen on {address}: Address already in use" in capsys.readouterr().err


def test_the_demo_shows_values_within_10_seconds(process: Start) -> None:
    """Without an account, a file or a flag but for the address: every segment and app of the story,
    and where to look.
    """
    begun = time.monotonic()
    address = f"127.0.0.1:{free_port()}"
    demo = process("demo", f"--web.listen-address={address}")
    eventually(lambda: listens(f"http://{address}/-/healthy"), "it listens")
    eventually(lambda: ask(f"http://{address}/-/ready").status == 200, "everything was polled")
    page = samples(ask(f"http://{address}/metrics").text)
    took = time.monotonic() - begun

    assert took < 10
    assert sum("braze_segment_size{" in name for name in page) == 12
    assert sum("braze_app_sessions_hourly{" in name for name in page) == 3
    assert value_of(page, "braze_up", workspace="demo") == 1
    assert f"http://{address}/metrics" in demo.out
    assert demo.terminate()[0] == 0
    assert "Traceback" not in demo.err
    assert "workspace=demo" in demo.err


def test_the_environment_of_the_demo_does_not_matter(process: Start) -> None:
    """Whoever has a real exporter configured sees the demo all the same."""
    address = f"127.0.0.1:{free_port()}"
    demo = process(
        "demo",
        f"--web.listen-address={address}",
        environ={"BRAZE_EXPORTER_WORKSPACES__PRODUCTION__ENDPOINT": "nonsense"},
    )
    eventually(lambda: listens(f"http://{address}/-/healthy"), "it listens")

    assert demo.terminate()[0] == 0


@pytest.mark.parametrize("host", ["", "0.0.0.0"])
def test_a_demo_that_listens_everywhere_says_where_to_look(process: Start, host: str) -> None:
    """An address that a browser opens."""
    port = free_port()
    demo = process("demo", f"--web.listen-address={host}:{port}")
    eventually(lambda: "Ctrl-C" in demo.out, "it says where")

    assert f"http://localhost:{port}/\n" in demo.out
    assert f"http://localhost:{port}/metrics\n" in demo.out
    assert ask(f"http://localhost:{port}/-/healthy").status == 200
    assert demo.terminate()[0] == 0


def test_the_module_runs_as_the_command_does() -> None:
    """`python -m exporter` is `braze-exporter`."""
    ran = subprocess.run(
        [sys.executable, "-m", "exporter", "--version"],
        capture_output=True,
        text=True,
        env=clean_environment(),
    )

    assert (ran.returncode, ran.stdout) == (0, f"braze-exporter {__version__}\n")


def test_a_bad_edit_does_not_make_a_running_exporter_unhealthy(
    simulator: Server, write: Write, process: Start
) -> None:
    """The health check needs to know where it listens, and nothing else of the settings."""
    address = f"127.0.0.1:{free_port()}"
    path = write({"workspaces": {"shop": workspace(simulator)}})
    process("serve", f"--config.file={path}", f"--web.listen-address={address}")
    eventually(lambda: listens(f"http://{address}/-/healthy"), "it listens")
    path.write_text("workspaces: {}")

    assert main(["healthcheck", f"--config.file={path}", f"--web.listen-address={address}"]) == 0


@pytest.mark.parametrize(
    "words",
    [("simulate", "--list-faults"), ("check",), ("once",), ("plan", "--segments=3")],
    ids=lambda words: words[0],
)
def test_a_full_disk_under_stdout_is_said_in_one_line(
    simulator: Server, write: Callable[[Mapping[str, object]], Path], words: tuple[str, ...]
) -> None:
    """Whatever wanted to write there: no traceback, and exit code 1."""
    shop = {"endpoint": simulator.url, "api_key": KEY}
    config = write({"workspaces": {"shop": shop}, "log": {"level": "error"}})
    settings = () if words[0] == "simulate" else (f"--config.file={config}",)
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "exporter", *words, *settings],
            stdout=full,
            stderr=subprocess.PIPE,
            env=clean_environment(),
            timeout=60,
        )

    said = "cannot write to stdout: No space left on device; make room\n"
    assert (ended.returncode, ended.stderr.decode()) == (1, said)
