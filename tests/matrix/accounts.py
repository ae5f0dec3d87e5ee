"""Faults of keys, of Braze's dashboard and of settings: each a small story of two workspaces."""

from collections.abc import Callable

from tests.doubles import OTHER_KEY, eventually
from tests.matrix.collectors import NAMES, by_segment
from tests.matrix.life import Life
from tests.matrix.patients import SUCCESS
from tests.matrix.telling import require, run, true_again, well

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
            for collector in NAMES
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
