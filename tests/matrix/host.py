"""Faults that are not Braze's: of keys, settings, clocks, disks and sockets, each a small story.

Each runs an exporter with two workspaces in a process of its own; whatever befalls the first, the
second has to stay exact.
"""

import http.client
import resource
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from tests.doubles import OTHER_KEY, clean_environment, eventually
from tests.machine import program
from tests.matrix.collectors import by_segment
from tests.matrix.life import Life
from tests.matrix.oracle import read_page
from tests.matrix.patients import SUCCESS

_CLOCK = Path(__file__).with_name("clock.c")


class Story(NamedTuple):
    """What happens, at which moment of a life, and how it is told."""

    fault: str
    moment: str
    tell: Callable[[Life], None]


def well(life: Life, environ: Mapping[str, str] | None = None) -> None:
    """Begin with everything true."""
    life.write()
    life.turn()
    life.start(environ)
    life.watch("all is true")
    for patient in life.patients:
        patient.certain = True


def true_again(life: Life, what: str) -> None:
    """The values change, and are then shown."""
    life.turn()
    life.watch(what)


def require(life: Life, fact: object, otherwise: str) -> None:
    """Note what is not as it has to be."""
    if not fact:
        life.note(otherwise)


# Keys


def rotate(life: Life, between: Callable[[], None] = lambda: None) -> None:
    """Braze takes the new key and refuses the old one; then the file holds the new one."""
    patient = life.patients[0]
    before = patient.allowed
    patient.braze.turn(keys=(OTHER_KEY,))
    patient.truth.turn()
    patient.allowed = [*before, dict(patient.truth.shown)]
    eventually(
        lambda: all(
            life.scrape().own_value(SUCCESS, workspace=patient.name, collector=collector) == 0
            for collector in ("discovery", "segments", "sessions")
        ),
        "the old key is refused",
        60,
    )
    new = patient.key_file.with_suffix(".new")
    new.write_text(OTHER_KEY)
    new.replace(patient.key_file)
    between()
    life.watch("the new key is used")
    life.search([OTHER_KEY] if OTHER_KEY in life.processes[-1].err else [])


def key_rotated(life: Life) -> None:
    well(life)
    rotate(life)
    true_again(life, "all is true with the new key")


def key_rotated_with_reload(life: Life) -> None:
    well(life)
    rotate(life, life.reload)
    true_again(life, "all is true with the new key")


def key_wrong_at_start(life: Life) -> None:
    patient = life.patients[0]
    patient.key_file.write_text(OTHER_KEY)
    life.write()
    life.turn()
    life.start()
    eventually(
        lambda: life.scrape().own_value("braze_up", workspace=patient.name) == 0, "it is down", 60
    )
    patient.key_file.write_text(patient.key)
    life.watch("all is true once the file holds the key")


def key_file_missing(life: Life) -> None:
    """The last good key stays in use."""
    well(life)
    life.patients[0].key_file.unlink()
    true_again(life, "it goes on with the key it has")
    require(life, "the API key stays as it was" in life.processes[-1].err, "nothing is said of it")


def key_file_missing_at_reload(life: Life) -> None:
    """The reload fails, and changes nothing."""
    well(life)
    patient = life.patients[0]
    patient.key_file.unlink()
    life.write(200_000)
    answer = life.ask_to_reload()
    require(life, answer.status == 500 and "does not exist" in answer.text, f"it says {answer}")
    true_again(life, "all goes on as before the reload")
    patient.key_file.write_text(patient.key)
    life.reload()
    true_again(life, "all goes on after a good reload")


def key_file_missing_at_start(life: Life) -> None:
    life.write()
    life.patients[0].key_file.unlink()
    ended = run(life, "serve")
    require(life, ended.returncode == 2, f"exit code {ended.returncode}")
    require(
        life,
        "api_key_file: cannot be read: it does not exist" in ended.stderr,
        f"it says {ended.stderr}",
    )


# Braze's dashboard, and the settings


def delete(life: Life) -> None:
    """Somebody deletes a segment: it goes, and the next one of the list takes its place."""
    patient = life.patients[0]
    world = patient.braze.turning
    gone = next(each.id for each in world.segments[:4] if each.id != by_segment(world))
    before = dict(patient.truth.shown)
    patient.braze.turn()
    patient.truth.turn()
    fresh = dict(patient.truth.shown)
    world.delete(gone)
    patient.truth.turn()
    patient.allowed = [before, fresh, dict(patient.truth.shown)]


def segment_deleted(life: Life) -> None:
    well(life)
    delete(life)
    life.watch("it is gone")
    true_again(life, "all is true without it")


def segment_deleted_at_reload(life: Life) -> None:
    well(life)
    delete(life)
    life.reload()
    life.watch("it is gone")


def workspace_removed(life: Life) -> None:
    """A reload takes a workspace away while its poll hangs: its values are gone at once."""
    well(life)
    patient, other = life.patients
    patient.braze.turn("hang@/sessions/data_series")
    asked = len(patient.server.requests)
    eventually(
        lambda: any(
            request.path == "/sessions/data_series" for request in patient.server.requests[asked:]
        ),
        "its poll hangs",
    )
    patients, life.patients = life.patients, [other]
    life.reload()
    shown = life.scrape_text()
    require(life, f'workspace="{patient.name}"' not in shown, "it is still on the page")
    true_again(life, "the other one goes on")
    life.patients = patients
    patient.truth.turn()
    patient.allowed = [patient.truth.unread]
    patient.certain = False
    life.turn()
    life.reload()
    life.watch("it comes back")


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


def run(
    life: Life, *words: str, stdout: int | None = subprocess.PIPE, largest_file: int | None = None
) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself; no file may grow larger than `largest_file` bytes, as on a
    disk that is full.
    """

    def limit() -> None:
        if largest_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    ended = subprocess.run(
        [sys.executable, "-m", "exporter", *words, f"--config.file={life.config}"],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        env=clean_environment(),
        preexec_fn=limit,
    )
    life.search([ended.stdout or "", ended.stderr])
    require(life, "Traceback" not in ended.stderr, f"a traceback of {words[0]}")
    return ended


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
    """Idle clients take all that are left: who is connected is answered on, and polls go on."""
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

        def caught_up() -> bool:
            scraper.request("GET", "/metrics")
            text = scraper.getresponse().read().decode()
            page = read_page(text)
            life.judge(page, text)
            return not any(patient.not_yet(page) for patient in life.patients)

        eventually(caught_up, "polls go on", 60)
    resource.prlimit(process, resource.RLIMIT_NOFILE, (hard, hard))
    true_again(life, "all is true once there are descriptors again")


def descriptors(process: int) -> int:
    """How many a process has open."""
    return sum(1 for _ in Path(f"/proc/{process}/fd").iterdir())


STORIES = (
    Story("key wrong, then right", "start-up", key_wrong_at_start),
    Story("key rotated", "steady", key_rotated),
    Story("key rotated", "reload", key_rotated_with_reload),
    Story("key file missing", "start-up", key_file_missing_at_start),
    Story("key file missing", "steady", key_file_missing),
    Story("key file missing", "reload", key_file_missing_at_reload),
    Story("segment deleted", "steady", segment_deleted),
    Story("segment deleted", "reload", segment_deleted_at_reload),
    Story("workspace removed during its poll", "reload", workspace_removed),
    Story("clock set 2 min ahead, then right", "steady", clock_set(120)),
    Story("clock set 2 min back, then right", "steady", clock_set(-120)),
    Story("machine suspended for 3 days", "steady", suspended),
    Story("disk full under `once --textfile`", "start-up", full_under_textfile),
    Story("disk full under `backfill --output`", "start-up", full_under_backfill),
    Story("disk full under stdout", "start-up", full_under_stdout),
    Story("address in use", "start-up", address_in_use),
    Story("file descriptors exhausted", "steady", descriptors_exhausted),
)
