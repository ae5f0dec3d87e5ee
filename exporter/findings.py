"""What `doctor` found, and how it reads on a terminal, in a pipe and as JSON: pure."""

import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import Enum


class State(Enum):
    """The outcome of a check. Only `FAILED` keeps the exporter from doing what it was told to."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found in one workspace ("" for what concerns them all).

    `cause` is a name in `causes.CAUSES`, empty where all is well; `what` was seen, `why` it is so
    and what it leads to, `remedy` is what to do next. None of them holds a key.
    """

    workspace: str
    check: str
    state: State
    what: str
    cause: str = ""
    why: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that can be wrong: a row of the documentation.

    `what`, `why` and `remedy` are templates of `str.format`.
    """

    check: str
    what: str
    why: str
    remedy: str
    state: State = State.FAILED

    def finding(self, name: str, workspace: str, details: Mapping[str, object]) -> Finding:
        """What it comes to in `workspace`."""
        texts = (text.format(**details) for text in (self.what, self.why, self.remedy))
        what, why, remedy = texts
        return Finding(workspace, self.check, self.state, what, name, why, remedy)


_MARKS = {State.OK: "✔", State.WARNING: "!", State.FAILED: "✘", State.SKIPPED: "-"}
_COLOURS = {State.OK: "32", State.WARNING: "33", State.FAILED: "31", State.SKIPPED: "2"}
_CHECK = 11  # characters of the longest name of a check


@dataclass(frozen=True, slots=True)
class Style:
    """How findings are written: a line each for programs, or for people, `width` columns wide."""

    width: int | None = None
    colour: bool = False

    def write(self, finding: Finding) -> str:
        """The lines of one finding, each with its newline."""
        if self.width is None:
            return _line(finding)
        mark = _MARKS[finding.state]
        if self.colour:
            mark = f"\x1b[{_COLOURS[finding.state]}m{mark}\x1b[0m"
        wrapped = _wrapped(finding.what, self.width - _CHECK - 5)
        lines = [f"  {mark} {finding.check:{_CHECK}} {wrapped[0]}"]
        lines += [" " * (_CHECK + 5) + line for line in wrapped[1:]]
        for title, text in (("why", finding.why), ("do", finding.remedy)):
            for number, line in enumerate(_wrapped(text, self.width - 12) if text else ()):
                lines.append(f"      {'' if number else title:5} {line}")
        return "\n".join(lines) + "\n"

    def heading(self, workspace: str) -> str:
        """What stands over the findings of a workspace; nothing where each line names it."""
        if self.width is None or not workspace:
            return ""
        return f"\x1b[1m{workspace}\x1b[0m\n" if self.colour else f"{workspace}\n"


def as_json(findings: Iterable[Finding], requests: Mapping[str, int]) -> dict[str, object]:
    """The findings for programs; `requests` is how many went to Braze, by workspace."""
    rows = [asdict(finding) | {"state": finding.state.value} for finding in findings]
    return {
        "ok": not any(row["state"] == State.FAILED.value for row in rows),
        "requests": dict(requests),
        "findings": rows,
    }


def summary(findings: Iterable[Finding], requests: int) -> str:
    """One sentence at the end."""
    states = [finding.state for finding in findings]
    parts = [f"{states.count(state)} {state.value}" for state in State if state in states]
    plural = "" if requests == 1 else "s"
    return f"{', '.join(parts)}; {requests} request{plural} to Braze\n"


def _line(finding: Finding) -> str:
    where = f"{finding.workspace}/{finding.check}" if finding.workspace else finding.check
    why = f"; {finding.why}" if finding.why else ""
    remedy = f" -> {finding.remedy}" if finding.remedy else ""
    text = f"{finding.state.value:7} {where}: {finding.what}{why}{remedy}"
    return " ".join(text.splitlines()) + "\n"


def _wrapped(text: str, width: int) -> list[str]:
    lines = [
        line
        for part in text.splitlines()
        # Neither an address nor a name of Braze's is torn apart.
        for line in textwrap.wrap(part, width, break_long_words=False, break_on_hyphens=False)
    ]
    return lines or [""]
