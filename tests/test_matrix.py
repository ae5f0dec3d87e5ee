"""A part of the fault matrix, and proof that its oracle finds what is wrong.

A life of an exporter: it starts while its workspaces are ill, they recover, fall ill again until
what cannot be read is gone, recover, fall ill with a reload, recover with another, and it is
stopped in the middle of it all. Every page is judged.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from exporter.simulator import FAULTS
from tests.matrix.braze import Turning
from tests.matrix.faults import NOT_TRIED, Delay, ailments
from tests.matrix.life import Life
from tests.matrix.oracle import Counts, Truth, judge
from tests.matrix.outcomes import MOMENTS, Outcome, Place, read, summary, table, write
from tests.matrix.pages import State, read_page
from tests.matrix.patients import Cell, Patient
from tests.matrix.stories import STORIES

CHOSEN = (
    ("server-error-503", "segments"),  # held, then gone
    ("key-echo", "sessions"),  # the key is in the answer
    ("access-denied", "kpi.dau"),  # the collector's other endpoints stay
)


@pytest.fixture
def open_() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_a_life_with_faults(tmp_path: Path, open_: ExitStack) -> None:
    """Nothing is lost that has to stand, nothing wrong is shown, and no key is told."""
    chosen = [each for each in ailments() if (each.fault, each.collector.row) in CHOSEN]
    assert len(chosen) == len(CHOSEN)
    cells = Life(tmp_path, chosen, open_).live()

    assert [str(cell) for cell in cells if not cell.survived] == []
    assert [cell.moment for cell in cells if cell.fault] == [
        moment for moment in MOMENTS for _ in CHOSEN
    ]


def test_every_fault_of_the_simulator_is_in_the_matrix() -> None:
    """In some collector at least; `ailments` fails for one of which it knows nothing."""
    tried = {ailment.fault.partition(":")[0] for ailment in ailments()}

    assert tried == FAULTS.keys() - NOT_TRIED


def test_every_story_has_its_own_place() -> None:
    """None hides another one in the table."""
    places = [(story.fault, story.moment) for story in STORIES]

    assert len({*places}) == len(places)
    assert {moment for _, moment in places} <= {*MOMENTS}


# The oracle can fail


@pytest.fixture
def truth() -> Truth:
    """What is to be shown of a workspace."""
    truth = Truth("w0", Turning(1))
    truth.turn()
    return truth


def counted(shown: State, *allowed: State) -> tuple[int, int]:
    counts = Counts()
    judge(shown, allowed, counts)
    return counts.lost, counts.wrong


def page_of(state: State) -> str:
    """A page that shows exactly this."""
    return "".join(
        f"{name}{{{','.join(f'{label}={_quoted(value)}' for label, value in labels)}}} {value!r}\n"
        for samples in state.values()
        for name, labels, value in samples
    )


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", r"\\").replace('"', r"\"") + '"'


def test_the_truth_is_not_found_wrong(truth: Truth) -> None:
    """As read from a page: some fifty samples."""
    shown = read_page(page_of(truth.shown)).shown["w0"]

    assert counted(shown, truth.shown) == (0, 0)
    assert sum(map(len, shown.values())) > 50


def test_each_sample_that_is_wrong_is_found(truth: Truth) -> None:
    """Value, timestamp, baseline, threshold, name: one more or less in any of them counts."""
    samples = [(group, each) for group, some in truth.shown.items() for each in some]
    for group, (name, labels, value) in samples:
        spoilt = truth.shown[group] - {(name, labels, value)} | {(name, labels, value + 1)}
        assert counted({**truth.shown, group: spoilt}, truth.shown) == (0, 1), name


def test_each_sample_that_is_missing_is_found(truth: Truth) -> None:
    """A series without one of its samples is wrong, one without all of them is lost."""
    for group, some in truth.shown.items():
        rest = {key: value for key, value in truth.shown.items() if key != group}
        assert counted(rest, truth.shown) == (1, 0), group
        if len(some) > 1:
            less = frozenset([*some][1:])
            assert counted({**truth.shown, group: less}, truth.shown) == (0, 1), group


def test_what_nobody_watches_is_found(truth: Truth) -> None:
    """A series of another workspace's segment, or a metric that does not exist."""
    for line in (
        'braze_segment_size{workspace="w0",segment_id="of-another"} 7\n',
        'braze_surprise{workspace="w0"} 7\n',
    ):
        shown = read_page(page_of(truth.shown) + line).shown["w0"]
        assert counted(shown, truth.shown) == (0, 1), line


def test_what_stood_a_turn_ago_is_wrong_unless_it_was_held(truth: Truth) -> None:
    """Each turn changes the value of every series, or it would not show what is stale."""
    before = dict(truth.shown)
    truth._world.turn()
    truth.turn()
    values = [group for group in truth.shown if group.part == "value"]

    assert all(before[group] != truth.shown[group] for group in values)
    assert counted(before, truth.shown)[1] >= len(values)
    assert counted(before, before, truth.shown) == (0, 0)


def test_a_fault_of_one_endpoint_is_of_no_other(truth: Truth) -> None:
    """What cannot be read of daily users is all that may go; the collector's other figures stay."""
    [denied] = [
        each for each in ailments() if each.fault == "access-denied" and each.collector.of == "dau"
    ]
    gone = truth.shown.keys() - truth.without(denied).keys()

    assert {group.of for group in gone} == {
        "braze_app_daily_active_users",
        "braze_workspace_daily_active_users",
    }


def test_an_answer_that_says_how_little_may_be_asked_is_read() -> None:
    """It is what is asked next that is held back."""
    [low] = [
        each
        for each in ailments()
        if (each.fault, each.collector.name) == ("remaining-low", "segments")
    ]
    world = Turning(1)
    well, through = Truth("w0", world), Truth("w0", world)
    well.turn()
    through.turn(low)

    assert through.shown == well.shown


def test_a_history_read_in_part_tells_less_of_what_is_normal_and_nothing_else(truth: Truth) -> None:
    """Page by page more, and of values all."""
    states = truth.with_less_history()
    known = [sum(map(len, state.values())) for state in states]

    assert known == sorted(known)
    assert known[0] < known[-1]
    for state in states:
        other = {group for group in truth.shown if state.get(group) != truth.shown[group]}
        assert {group.part for group in other} <= {"normal"}


def test_of_what_was_never_read_no_history_is_expected() -> None:
    """While the first poll still waits for Braze, nothing is normal yet, whatever was listed."""
    truth = Truth("w0", Turning(1))
    pausing = [each for each in ailments() if each.delay is Delay.LONG]
    truth.turn(next(each for each in pausing if each.collector.name == "sessions"))

    for state in truth.with_less_history():
        assert state.keys() <= truth.shown.keys()
        assert not any(
            group.part == "normal" and group.of.startswith("braze_app_sessions") for group in state
        )


def test_a_key_in_any_text_is_counted(tmp_path: Path, open_: ExitStack) -> None:
    """Of the workspace whose key it is."""
    life = Life(tmp_path, (), open_, well=2)
    life.begin("a fault", "steady")
    life.search(["a page", f"a page with {life.patients[0].key} in it"])

    assert [cell.leaks for cell in life.cells] == [1, 0]
    assert not life.cells[0].survived


def test_a_patient_that_does_not_catch_up_says_what_is_missing(
    tmp_path: Path, open_: ExitStack
) -> None:
    """A page without its workspace is not as it will be."""
    patient = open_.enter_context(Patient(0, tmp_path))
    patient.recover()

    assert "not yet as they will be" in patient.not_yet(read_page(""))


def test_what_got_too_old_before_the_recovery_is_not_lost_by_it(
    tmp_path: Path, open_: ExitStack
) -> None:
    """A life goes on when the slowest of its patients is as it will be."""
    [hang] = [
        each for each in ailments() if (each.fault, each.collector.name) == ("hang", "segments")
    ]
    patient = open_.enter_context(Patient(0, tmp_path, hang))
    patient.recover()
    patient.settle()
    patient.certain = True
    cell = patient.enter("reload")
    patient.fall_ill()  # and for long nothing was asked of its Braze
    gone = patient.truth.without(hang)
    patient.recover()
    patient.judge(read_page(page_of(gone)))

    assert cell.survived


# The table


def outcome(fault: str, moment: str, lost: int = 0) -> Outcome:
    return Outcome(Place(fault, "segments", moment), lost)


def test_the_table_counts_what_was_tried_and_what_survived(tmp_path: Path) -> None:
    """One row a fault, and one for all."""
    some = [outcome("hang", "steady"), outcome("hang", "reload", lost=3), outcome("", "steady")]
    kept = tmp_path / "kept.json"
    write({each.place: each for each in some}, kept)

    assert [*read(kept).values()] == some
    assert table(some).splitlines()[2:] == [
        "| **all** |  | 2/2 | 0/1 |  | 3 | 0 | 0 |",
        "| *none: the neighbour of the others* |  | 1/1 |  |  | 0 | 0 | 0 |",
        "| `hang` |  | 1/1 | 0/1 |  | 3 | 0 | 0 |",
    ]
    assert summary(some) == (
        "3 cells tried, 2 survived; values lost: 3, wrong values shown: 0, keys leaked: 0."
    )


@pytest.mark.parametrize(
    "spoil",
    [
        lambda cell: cell.counts.note("lost", next(iter(Truth("w", Turning(1)).shown))),
        lambda cell: cell.counts.note("wrong", next(iter(Truth("w", Turning(1)).shown))),
        lambda cell: cell.notes.append("exit code 1"),
        lambda cell: setattr(cell, "leaks", 1),
    ],
    ids=["lost", "wrong", "note", "leak"],
)
def test_a_cell_survives_only_if_nothing_is_wrong(spoil: Callable[[Cell], None]) -> None:
    """Whatever it is."""
    cell = Cell("hang", "segments", "steady")
    assert Outcome.of(cell).survived
    spoil(cell)

    assert not cell.survived
    assert not Outcome.of(cell).survived
