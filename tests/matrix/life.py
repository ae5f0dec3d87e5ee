"""One life of an exporter: it starts, runs, reloads and ends while its workspaces fall ill."""

import json
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from pathlib import Path

from tests.doubles import Page as Answer
from tests.doubles import Process, ask, eventually, listens
from tests.machine import free_port
from tests.matrix.faults import Ailment, Delay
from tests.matrix.pages import Page, read_page
from tests.matrix.patients import FAST, Cell, Pace, Patient, settings

_PATIENCE = 30.0  # seconds for a page, on a machine that is busy
_BETWEEN = 0.25  # seconds between two scrapes
_LIFE = timedelta(minutes=3)  # longer than a life takes
_QUARTER = timedelta(minutes=15)


class Life:
    """An exporter, several workspaces that fall ill and some that are `well` and stay so."""

    def __init__(
        self,
        folder: Path,
        ailments: Sequence[Ailment],
        open_: ExitStack,
        well: int = 1,
        pace: Pace = FAST,
    ) -> None:
        self._pace = pace
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.config = folder / "exporter.yml"
        self.address = f"127.0.0.1:{free_port()}"
        self.patients = [
            open_.enter_context(Patient(number, folder, ailment, pace))
            for number, ailment in enumerate([*ailments, *[None] * well])
        ]
        self._pauses = any(ailment.delay is Delay.LONG for ailment in ailments)
        self.processes: list[Process] = []
        self.open = open_
        self.cells: list[Cell] = []

    def live(self) -> list[Cell]:
        """Go through every moment; what came of each cell."""
        wait_for_a_quiet_time()
        self.write()
        self._moment("start-up", self.start)
        self.recover()
        self._moment("steady", lambda: None)
        self._outlast()
        self.recover()
        self._moment("reload", self.reload)
        self.recover(self.reload)
        self._end()
        return self.cells

    def _moment(self, moment: str, happens: Callable[[], None]) -> None:
        self.cells += [patient.enter(moment) for patient in self.patients]
        for patient in self.patients:
            patient.fall_ill()
        happens()
        self.watch("it is as the fault makes it")

    def _outlast(self) -> None:
        for patient in self.patients:
            patient.outlast()
        self.watch("what cannot be read is gone", self._pace.keep)

    def turn(self) -> None:
        """The values change, and no fault is in force any more."""
        for patient in self.patients:
            patient.recover()

    def recover(self, happens: Callable[[], None] = lambda: None) -> None:
        self.turn()
        if self._pauses:
            self.stop()
            for patient in self.patients:
                patient.certain = False
                patient.allowed = [patient.truth.unread, *patient.allowed]
            self.start()
        else:
            happens()
        self.watch("all is true again")
        for patient in self.patients:
            patient.certain = True

    # The watch

    def watch(self, what: str, longer: float = 0.0) -> None:
        """Judge page after page until all patients are as they will be, and a while longer."""
        patience = self._pace.patience + longer
        deadline = time.monotonic() + patience
        waiting = list(self.patients)
        while waiting and time.monotonic() < deadline:
            page = self.scrape()
            waiting = [patient for patient in waiting if not self._caught_up(patient, page)]
            time.sleep(_BETWEEN)
        for patient in waiting:
            patient.cell.notes.append(f"not within {patience:g} s: {what}: {patient.not_yet(page)}")
        until = time.monotonic() + self._pace.still
        while time.monotonic() < until:
            self.scrape()
            time.sleep(_BETWEEN)
        self.search(self._pages())

    def _caught_up(self, patient: Patient, page: Page) -> bool:
        if patient.not_yet(page):
            return False
        patient.settle()
        return True

    def scrape(self) -> Page:
        """Read a page, and judge it."""
        text = self.scrape_text()
        page = read_page(text)
        self.judge(page, text)
        return page

    def scrape_text(self) -> str:
        """What Prometheus would get."""
        return ask(f"http://{self.address}/metrics", seconds=_PATIENCE).text

    def judge(self, page: Page, text: str) -> None:
        """Count what is wrong with a page."""
        for patient in self.patients:
            patient.judge(page)
        self.search([text])

    def _pages(self) -> list[str]:
        pages = [
            ask(f"http://{self.address}{path}", seconds=_PATIENCE).text
            for path in ("/", "/status.json")
        ]
        json.loads(pages[1])
        return pages

    def search(self, texts: Sequence[str]) -> None:
        """Count each text that holds a key."""
        for patient in self.patients:
            patient.cell.leaks += sum(patient.key in text for text in texts)

    # The process

    def begin(self, fault: str, moment: str) -> None:
        """Begin the cells of a fault that is not Braze's."""
        self.cells += [patient.enter(moment, fault) for patient in self.patients]

    def note(self, trouble: str) -> None:
        """Have all cells tell of it."""
        for patient in self.patients:
            patient.cell.notes.append(trouble)

    def write(self, requests_per_hour: int = 250_000) -> None:
        said = settings(self.patients, self.address, self._pace, requests_per_hour)
        self.config.write_text(json.dumps(said))

    def start(self, environ: Mapping[str, str] | None = None) -> None:
        """Begin a process, and wait until it serves."""
        folder = self.folder / f"process-{len(self.processes)}"
        folder.mkdir()
        process = Process(folder, "serve", f"--config.file={self.config}", environ=environ)
        self.open.callback(process.kill)
        self.processes.append(process)
        eventually(lambda: listens(f"http://{self.address}/-/healthy"), "it serves", 60)
        self.search([process.command_line])

    def reload(self) -> None:
        self.write(250_000 - len(self.cells))
        answer = self.ask_to_reload()
        if answer.status != 200:
            self.note(f"the reload answers {answer.status}: {answer.text}")

    def ask_to_reload(self) -> Answer:
        """What a reload is answered."""
        answer = ask(f"http://{self.address}/-/reload", "POST", _PATIENCE)
        self.search([answer.text])
        return answer

    def stop(self) -> None:
        """Ask it to end; it must in time, with 0 and without a traceback."""
        process = self.processes[-1]
        begun = time.monotonic()
        process.signal(signal.SIGTERM)
        code = process.end(self._pace.patience)
        took = time.monotonic() - begun
        trouble = [f"exit code {code}"] * (code != 0) + [f"it took {took:.1f} s"] * (
            took > self._pace.stop
        )
        trouble += [
            f"{word!r} in the log"
            for word in ("Traceback", "by a bug", "internal error")
            if word in process.err
        ]
        for each in trouble:
            self.note(each)
        self.search([process.out, process.err])

    def _end(self) -> None:
        """The stop comes while the faults are met."""
        self.cells += [patient.enter("shutdown") for patient in self.patients]
        met = {patient.name: len(patient.server.requests) for patient in self.patients}
        for patient in self.patients:
            patient.fall_ill()
        eventually(
            lambda: all(
                len(patient.server.requests) > met[patient.name] for patient in self.patients
            ),
            "every Braze is asked",
            self._pace.patience,
        )
        try:
            self.scrape()
        except (OSError, HTTPException) as error:  # pragma: no cover - it would be a defect
            self.patients[0].cell.notes.append(f"no page: {error}")
        self.stop()


def wait_for_a_quiet_time() -> None:
    """Wait while an hour or a day may end, or become complete, in the middle of a life."""
    while True:
        now = datetime.now(UTC)
        into = timedelta(minutes=now.minute % 15, seconds=now.second)
        if into + _LIFE < _QUARTER or now.minute // 15 in (1, 2):
            return
        time.sleep(1)
