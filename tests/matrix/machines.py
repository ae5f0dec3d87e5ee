"""Faults of the machine: its clock, its disk, its sockets; each a small story of two workspaces."""

import http.client
import resource
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path

from tests.doubles import eventually
from tests.machine import program
from tests.matrix.life import Life
from tests.matrix.pages import read_page
from tests.matrix.telling import require, run, true_again, well

_CLOCK = Path(__file__).with_name("clock.c")

# Clocks


def clock_set(seconds: int) -> Callable[[Life], None]:
    """The clock is set by less than makes another bucket complete."""

    def tell(life: Life) -> None:
        set_clock = with_clock(life)
        set_clock(seconds)
        for patient in life.patients:  # all that was read may seem too old now
            patient.allowed = [*patient.allowed, patient.truth.only_names()]
        true_again(life, "polls go on after the clock was set")
        set_clock(0)
        for patient in life.patients:
            patient.allowed = [*patient.allowed, patient.truth.only_names()]
        true_again(life, "polls go on after it was set right")
        require(life, life.processes[-1].err.count("the clock was set") == 2, "it was not noticed")

    return tell


def suspended(life: Life) -> None:
    """The machine sleeps for three days: nothing of before may be shown as if it were of now."""
    set_clock = with_clock(life)
    away = timedelta(days=3)
    process = life.processes[-1]
    process.signal(signal.SIGSTOP)
    for patient in life.patients:
        patient.braze.turning.ahead = away
        patient.certain = False
        patient.allowed = [patient.truth.only_names()]
    life.turn()
    set_clock(int(away.total_seconds()))
    process.signal(signal.SIGCONT)
    life.watch("all is of three days later")
    true_again(life, "polls go on")


def with_clock(life: Life) -> Callable[[int], None]:
    """Begin with everything true and a wall clock that can be set; returns what sets it."""
    library, offset = life.folder / "clock.so", life.folder / "offset"
    compiler = program("cc", "gcc")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, _CLOCK], check=True)
    offset.write_bytes(struct.pack("q", 0))
    well(life, {"LD_PRELOAD": str(library), "WALL_CLOCK": str(offset)})

    def set_clock(seconds: int) -> None:
        with offset.open("r+b") as file:  # in place: it is mapped
            file.write(struct.pack("q", seconds))

    return set_clock


# Disks


def full_under_textfile(life: Life) -> None:
    """The file of before stays, whole, and nothing lies beside it."""
    life.write()
    folder = life.folder / "textfile"
    folder.mkdir()
    target = folder / "braze.prom"
    first = run(life, "once", f"--textfile={target}")
    before = target.read_bytes()
    second = run(life, "once", f"--textfile={target}", largest_file=4096)
    require(life, (first.returncode, second.returncode) == (0, 1), "wrong exit codes")
    require(life, "cannot write" in second.stderr, f"it says {second.stderr[-200:]}")
    require(life, target.read_bytes() == before, "the file of before is gone")
    require(life, [*folder.iterdir()] == [target], "something is left behind")


def full_under_backfill(life: Life) -> None:
    life.write()
    folder = life.folder / "history"
    folder.mkdir()
    words = ("--days=2", "--job=braze", "--instance=x", f"--output={folder / 'history.om'}")
    ended = run(life, "backfill", *words, largest_file=20_000)
    require(life, ended.returncode == 1, f"exit code {ended.returncode}")
    require(life, "cannot write" in ended.stderr, f"it says {ended.stderr[-200:]}")
    require(life, not [*folder.iterdir()], "half a file is left behind")


def full_under_stdout(life: Life) -> None:
    life.write()
    with Path("/dev/full").open("wb") as full:
        ended = run(life, "once", stdout=full.fileno())
    require(life, ended.returncode == 1, f"exit code {ended.returncode}")
    require(life, "No space left on device" in ended.stderr, f"it says {ended.stderr[-200:]}")


# Sockets


def address_in_use(life: Life) -> None:
    """A second exporter ends at once, and asks Braze nothing; the first one goes on."""
    well(life)
    other = Life(life.folder / "second", (), life.open, well=1)
    other.address = life.address
    other.begin("", "")
    other.write()
    ended = run(other, "serve")
    require(life, ended.returncode == 1, f"exit code {ended.returncode}")
    require(life, "cannot listen on" in ended.stderr, f"it says {ended.stderr[-200:]}")
    require(life, not other.patients[0].server.requests, "it asked Braze")
    true_again(life, "the first one goes on")


def descriptors_exhausted(life: Life) -> None:
    """Idle clients take all that are left: who is connected is answered on, and values stand or are
    new; for polls that need another connection fail.
    """
    well(life)
    process = life.processes[-1].number
    _, hard = resource.prlimit(process, resource.RLIMIT_NOFILE)
    host, _, port = life.address.rpartition(":")
    scraper = http.client.HTTPConnection(host, int(port), timeout=30)
    scraper.request("GET", "/metrics")
    scraper.getresponse().read()
    used = descriptors(process)
    resource.prlimit(process, resource.RLIMIT_NOFILE, (used + 4, hard))
    with ExitStack() as idle:
        idle.callback(scraper.close)
        for _ in range(20):
            with suppress(OSError):
                idle.enter_context(socket.create_connection((host, int(port)), 5))
        eventually(lambda: descriptors(process) >= used + 4, "none is left", 10)
        life.turn()

        until = time.monotonic() + 5
        while time.monotonic() < until:
            scraper.request("GET", "/metrics")
            text = scraper.getresponse().read().decode()
            life.judge(read_page(text), text)
            time.sleep(0.25)
    resource.prlimit(process, resource.RLIMIT_NOFILE, (hard, hard))
    true_again(life, "all is true once there are descriptors again")


def descriptors(process: int) -> int:
    """How many a process has open."""
    return sum(1 for _ in Path(f"/proc/{process}/fd").iterdir())
