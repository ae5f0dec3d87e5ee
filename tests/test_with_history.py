"""`make demo-history`: a Prometheus with the rules and the history of a simulated Braze."""

import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from exporter.simulator import World
from tests.doubles import ask
from tests.machine import free_port, program
from tests.stack import Prometheus, until

SCRIPT = Path(__file__).parent.parent / "prometheus/example/with-history"


def test_prometheus_knows_the_days_before_it_started(tmp_path: Path) -> None:
    """It answers what the sizes were two days ago, has the rules, and Ctrl-C leaves nothing."""
    for name in ("prometheus", "promtool"):
        program(name)
    braze, exporter, prometheus = (f"127.0.0.1:{free_port()}" for _ in range(3))
    log = tmp_path / "log"
    folder = tmp_path / "temporary"
    folder.mkdir()
    variables = {
        "PYTHON": sys.executable,
        "DAYS": "4",
        "BRAZE": braze,
        "EXPORTER": exporter,
        "PROMETHEUS": prometheus,
        "TMPDIR": str(folder),
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [SCRIPT],
            env=os.environ | variables,
            stdout=output,
            stderr=output,
            start_new_session=True,  # a group of its own, as from a terminal
        )
    try:
        until(lambda: ended(process, log) or "Ctrl-C" in log.read_text(), "all started", 90)
        now = datetime.now(UTC)
        then = (now - timedelta(days=2)).date()
        world = World(1, now)
        server = Prometheus(f"http://{prometheus}")
        said = server.query("braze_segment_size offset 2d", now.timestamp())
        true = {each.id: world.segment_size(each.id, then) for each in world.segments}
        assert {dict(labels)["segment_id"]: size for labels, size in said.items()} == {
            each: size for each, size in true.items() if size
        }
        assert "BrazeSegmentSizeDropped" in ask(f"http://{prometheus}/api/v1/rules").text
        if "without its pages" in log.read_text():  # as Debian packages 3.x
            return
        for url in (word for word in log.read_text().split() if word.startswith("http://")):
            assert ask(url).status == 200, url
    finally:
        os.killpg(process.pid, signal.SIGINT)
        code = process.wait(timeout=30)
        print(log.read_text()[-4000:])
    assert code == 130
    assert not any(folder.iterdir())
    until(lambda: not alive(process.pid), "the end of every process", 5)


def test_it_says_what_to_install() -> None:
    """Where there is no Prometheus."""
    done = subprocess.run(
        [shutil.which("bash") or "bash", SCRIPT], env={"PATH": ""}, capture_output=True, text=True
    )

    assert done.returncode == 1
    assert done.stderr.startswith("prometheus is not installed. It is in Debian's package")


def ended(process: "subprocess.Popen[bytes]", log: Path) -> bool:
    """False while it runs; fails where it ended by itself."""
    assert process.poll() is None, log.read_text()
    return False


def alive(group: int) -> bool:
    """Whether any process of a group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
