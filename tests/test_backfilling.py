"""The command `backfill` as users run it: flags, what it prints, its exit codes, what it leaves."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from exporter.cli import main
from exporter.simulator import Server
from tests.doubles import (
    KEY,
    OTHER_KEY,
    Process,
    clean_environment,
    eventually,
    listening,
    simulated,
)

APPS = {"ios": "5d1f3c0e-9a47-4b62-8c1d-2e7f60b4a911"}

Start = Callable[..., Process]
Write = Callable[[Mapping[str, object]], Path]


def settings(server: Server, **changes: object) -> dict[str, object]:
    workspace = {"endpoint": server.url, "api_key": KEY, "apps": APPS, **changes}
    return {"workspaces": {"shop": workspace}}


def run(*words: str) -> int:
    """The exit code of the command in this process; argparse exits by itself."""
    try:
        return main(["backfill", *words])
    except SystemExit as ended:
        return int(ended.code or 0)


def written(folder: Path) -> list[str]:
    """What is in the folder beside the settings."""
    return sorted(path.name for path in folder.iterdir() if path.name != "exporter.yml")


# Done


def test_it_writes_the_file_and_says_what_to_do_with_it(
    simulator: Server, write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """How much it will be at most, how much it was, the command for promtool, the retention."""
    output = tmp_path / "history of all.om"
    config = write(settings(simulator))
    words = ("--days=2", "--job=braze", "--instance=a:10068")
    code = run(f"--config.file={config}", f"--output={output}", *words)

    out, err = capsys.readouterr()
    assert code == 0
    assert written(tmp_path) == ["history of all.om"]
    assert re.search(
        r"^14 series from \S+ \S+ UTC to \S+ \S+ UTC, a sample each 300 s: at most ", err
    )
    said = re.search(r"^wrote .*history of all\.om: ([\d,]+) samples", out)
    assert said
    samples = sum(not line.startswith("#") for line in output.read_text().splitlines())
    assert int(said[1].replace(",", "")) == samples
    assert (
        "\n    promtool tsdb create-blocks-from openmetrics --max-block-duration=744h "
        f"'{output}' DATA\n" in out
    )
    assert "--storage.tsdb.retention.time=4d or longer; unset, it keeps 15d" in out


def test_it_ends_three_hours_before_now(simulator: Server, write: Write, tmp_path: Path) -> None:
    """A later block makes a restarted Prometheus lose what others wrote."""
    output = tmp_path / "out.om"
    earliest = datetime.now(UTC).timestamp()
    assert run(f"--config.file={write(settings(simulator))}", f"--output={output}", "--days=1") == 0

    moments = [
        int(line.rpartition(" ")[2])
        for line in output.read_text().splitlines()
        if not line.startswith("#")
    ]
    latest = datetime.now(UTC).timestamp()
    assert earliest - 3 * 3600 - 600 <= max(moments) <= latest - 3 * 3600
    assert min(moments) >= earliest - 27 * 3600 - 600
    assert {moment % 300 for moment in moments} == {0}


def test_until_and_days_choose_the_span(simulator: Server, write: Write, tmp_path: Path) -> None:
    """Any span of the past, such as the gap that the first run left."""
    output = tmp_path / "out.om"
    until = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=30)
    config = write(settings(simulator))
    code = run(
        f"--config.file={config}",
        f"--output={output}",
        "--days=2",
        f"--until={until.isoformat()}",
        "--step=1h",
    )

    moments = {
        int(line.rpartition(" ")[2])
        for line in output.read_text().splitlines()
        if not line.startswith("#")
    }
    end = int(until.timestamp())
    assert code == 0
    assert sorted(moments) == list(range(end - 2 * 86400, end, 3600))


def test_labels_are_written_to_every_sample(
    simulator: Server, write: Write, tmp_path: Path
) -> None:
    """Else the samples belong to other series than the live ones."""
    output = tmp_path / "out.om"
    config = write(settings(simulator))
    words = ("--job=braze", "--instance=a:10068", "--label=namespace=crm", "--label=team=x=y")
    assert run(f"--config.file={config}", f"--output={output}", "--days=1", *words) == 0

    lines = [line for line in output.read_text().splitlines() if not line.startswith("#")]
    labels = 'namespace="crm",team="x=y",job="braze",instance="a:10068"}'
    assert len(lines) > 100
    assert all(labels in line for line in lines)


# Mistakes


def test_without_labels_it_warns(
    simulator: Server, write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is a file all the same: a VictoriaMetrics may add them."""
    config = write(settings(simulator))
    assert run(f"--config.file={config}", f"--output={tmp_path / 'out.om'}", "--days=1") == 0
    assert "the samples carry no job and no instance" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "missing"),
    [(("--label=team=x",), "no job and no instance"), (("--job=x",), "no instance")],
)
def test_with_other_labels_alone_it_warns_too(
    words: tuple[str, ...],
    missing: str,
    simulator: Server,
    write: Write,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every scraped series has both."""
    flags = (f"--config.file={write(settings(simulator))}", f"--output={tmp_path / 'out.om'}")
    assert run(*flags, "--days=1", *words) == 0
    assert f"the samples carry {missing}, so" in capsys.readouterr().err


def test_what_braze_says_gives_a_terminal_no_orders(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Control characters in an answer are shown as what they are."""
    body = b'{"message": "no \\u001b]0;pwned\\u0007"}'
    head = b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(
        body
    )
    with listening(lambda one: one.sendall(head + body)) as port:
        shop = {"endpoint": f"http://127.0.0.1:{port}", "api_key": KEY, "apps": APPS}
        config = write({"workspaces": {"shop": shop}})
        assert run(f"--config.file={config}", f"--output={tmp_path / 'o'}", "--days=1") == 1

    out, err = capsys.readouterr()
    assert "no \\x1b]0;pwned\\x07" in err
    assert not {"\x1b", "\x07"} & {*(out + err)}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--label=job",), "--label: 'job' is no label such as namespace=monitoring"),
        (("--label=a-b=c",), "--label: 'a-b=c' is no label such as namespace=monitoring"),
        (("--label=__name__=c",), "--label: '__name__=c' is no label such as namespace=monitoring"),
        (("--label=a=",), "--label: 'a=' is no label such as namespace=monitoring"),
        (("--label=workspace=x",), "--label: workspace is a label of the exporter's own"),
        (("--label=a=1", "--label=a=2"), "--label: a is given twice"),
        (("--label=job=a", "--job=b"), "--label: job says something else than --job"),
        (("--step=0",), "--step: must be at least 1s"),
        (("--days=1", "--step=3d"), "--step: must be shorter than the time of --days"),
        (("--until=1970-01-01",), "--days: they begin before Braze was founded"),
        (("--until=0001-01-01T00:00:00+14:00",), "'0001-01-01T00:00:00+14:00' is no time such as"),
        (("--prometheus=localhost:9090",), "is no URL such as http://127.0.0.1:9090"),
        (("--days=0",), "must be a number of days from 1 to 3650"),
        (("--days=x",), "must be a number of days from 1 to 3650"),
        (("--step=5",), "must be a duration with a unit, such as 30m"),
        (("--until=yesterday",), "'yesterday' is no time such as 2026-11-22T08:00:00Z"),
    ],
)
def test_a_mistake_in_the_flags_ends_it_before_braze_is_asked(
    words: tuple[str, ...],
    message: str,
    simulator: Server,
    write: Write,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With exit code 2, and what is wrong."""
    config = write(settings(simulator))

    assert run(f"--config.file={config}", f"--output={tmp_path / 'out.om'}", *words) == 2
    assert message in capsys.readouterr().err
    assert not simulator.requests
    assert written(tmp_path) == []


def test_an_end_within_three_hours_is_refused(
    simulator: Server, write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the reason, and the latest end there can be."""
    config = write(settings(simulator))
    until = (datetime.now(UTC) - timedelta(hours=2, minutes=58)).isoformat()

    assert run(f"--config.file={config}", f"--output={tmp_path / 'o'}", f"--until={until}") == 2
    assert re.search(
        r"--until: must lie 3 h back, at \S+ \S+ UTC or before: .* lose what others wrote",
        capsys.readouterr().err,
    )


def test_an_output_that_cannot_be_written_is_said_before_braze_is_asked(
    simulator: Server, write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not after an hour."""
    config = write(settings(simulator))

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for output, message in (
        (tmp_path, f"--output: {tmp_path} is a folder; name a file in it"),
        ("", "--output: . is a folder; name a file in it"),
        (pipe, f"--output: {pipe} is no file"),
    ):
        assert run(f"--config.file={config}", f"--output={output}") == 2
        assert message in capsys.readouterr().err
    missing = tmp_path / "no" / "out.om"
    assert run(f"--config.file={config}", f"--output={missing}") == 1
    assert f"cannot write {missing}: No such file or directory" in capsys.readouterr().err
    assert not simulator.requests


# Failures


def test_what_could_be_read_is_written_and_the_rest_is_named(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One segment that is gone hides none of the others."""
    with simulated() as server:
        known = server.simulator.world.segments[0].id
        config = write(settings(server, segments={"ids": [known, "gone"]}))
        code = run(f"--config.file={config}", f"--output={tmp_path / 'out.om'}", "--days=1")

    err = capsys.readouterr().err
    text = (tmp_path / "out.om").read_text()
    assert code == 1
    assert 'not there: braze_segment_size{workspace="shop",segment_id="gone"}: bad_request' in err
    assert known in text
    assert '"gone"' not in text


def test_a_key_that_braze_refuses_leaves_no_file(
    simulator: Server, write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty file would look like a history without anything in it."""
    config = write(settings(simulator, api_key=OTHER_KEY))
    assert run(f"--config.file={config}", f"--output={tmp_path / 'out.om'}", "--days=1") == 1

    out, err = capsys.readouterr()
    assert "not there: the list of segments of shop: unauthorized" in err
    assert "nothing was read, so there is no file" in err
    assert OTHER_KEY not in out + err
    assert written(tmp_path) == []


def test_many_failures_for_one_reason_are_counted(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Five are named."""
    with simulated() as server:
        gone = [f"gone-{number}" for number in range(20)]
        config = write(settings(server, segments={"ids": gone}))
        assert run(f"--config.file={config}", f"--output={tmp_path / 'o'}", "--days=1") == 1

    told = [line for line in capsys.readouterr().err.splitlines() if "not there" in line]
    assert len(told) == 6
    assert told[-1].startswith("not there: 15 more: bad_request")


def test_names_are_not_missed_where_the_key_may_not_read_the_list(
    write: Write, tmp_path: Path
) -> None:
    """Segments that are named by their id do not need the list."""
    with simulated(keys=(KEY,)) as server:
        known = server.simulator.world.segments[0].id
        config = write(
            settings(server, segments={"ids": [known]}, api_key=f"{KEY}-without-segments.list")
        )
        assert run(f"--config.file={config}", f"--output={tmp_path / 'out.om'}", "--days=1") == 0

    assert f'segment_name="{known}"' in (tmp_path / "out.om").read_text()


def test_a_full_disk_leaves_nothing_behind(simulator: Server, write: Write, tmp_path: Path) -> None:
    """Here a file may not be larger than 100 kB."""
    config = write(settings(simulator))
    command = [sys.executable, "-m", "exporter", "backfill", f"--config.file={config}", "--days=30"]
    limited = ["bash", "-c", 'ulimit -f 100; exec "$@"', "-", *command]
    ended = subprocess.run(
        [*limited, f"--output={tmp_path / 'out.om'}"],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert ended.returncode == 1
    assert f"cannot write {tmp_path / 'out.om'}: File too large" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert written(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_at_once_and_leaves_nothing(
    number: signal.Signals, process: Start, write: Write, tmp_path: Path
) -> None:
    """While Braze does not answer, too."""
    folder = tmp_path / "out"
    folder.mkdir()
    with simulated("hang@/sessions/data_series") as server:
        config = write(settings(server))
        started = process(
            "backfill", f"--config.file={config}", f"--output={folder / 'out.om'}", "--days=30"
        )
        eventually(
            lambda: any(request.path == "/sessions/data_series" for request in server.requests),
            "a request that hangs",
        )
        assert list(folder.iterdir()) != []
        started.signal(number)
        assert started.end(5) == 1

    assert list(folder.iterdir()) == []
    assert "interrupted" in started.err
    assert "Traceback" not in started.err
