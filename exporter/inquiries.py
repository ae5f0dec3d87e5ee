"""The commands that ask and report: doctor, plan and discover."""

import json
import os
import shutil
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping
from queue import SimpleQueue
from threading import Thread
from typing import TextIO, TypeVar

from exporter import discover as discovery
from exporter import logs
from exporter import plan as planning
from exporter.account import Account
from exporter.client import BrazeError
from exporter.columns import printable
from exporter.commands import DONE, FAILED, USAGE, good_settings, loader, settings_and_keys
from exporter.config import Settings, Workspace
from exporter.doctor import Doctor
from exporter.findings import Finding, State, Style, as_json, summary
from exporter.model import Segment
from exporter.patient import Means
from exporter.poller import endpoints, key_of, watch_of
from exporter.progress import progress
from exporter.secretfile import ApiKey, KeyFileError
from exporter.telemetry import Telemetry
from exporter.watch import Watch, select

T = TypeVar("T")

Keys = Mapping[str, ApiKey]
"""The key of each workspace."""


class Unable(Exception):
    """The question cannot be answered: why, and how the command ends."""

    def __init__(self, why: str, code: int = FAILED) -> None:
        super().__init__(why)
        self.code = code


def doctor(arguments: Namespace) -> int:
    """Print what `Doctor` finds, as it finds it."""
    read = loader(arguments, key_files=False)  # what is wrong with those, a check of its own says

    def known() -> Settings:
        settings = read()
        logs.set_up(settings.log.level, settings.log.format, tuple)  # no line of it holds a key
        _chosen(settings, arguments.workspace)
        return settings

    examination = Doctor(known, Means(find_instance=arguments.find_instance))
    found: list[Finding] = []
    style, shown = _style(sys.stdout, os.environ), ""
    try:
        for finding in _made_elsewhere(examination.findings(arguments.workspace)):
            found.append(finding)
            if not arguments.json:
                heading = style.heading(finding.workspace) if finding.workspace != shown else ""
                shown = finding.workspace
                _say(heading + style.write(finding))
    except Unable as error:
        _complain(error)
        return error.code
    if arguments.json:
        _say(json.dumps(as_json(found, examination.requests), indent=2) + "\n")
    else:
        _say(summary(found, sum(examination.requests.values())))
    if not examination.usable:
        return USAGE
    return FAILED if any(finding.state is State.FAILED for finding in found) else DONE


def plan(arguments: Namespace) -> int:
    """Print what the settings will cost. Only who asks Braze needs a key: this is for before."""
    settings = good_settings(loader(arguments, key_files=False))
    if settings is None:
        return USAGE
    logs.set_up(settings.log.level, settings.log.format)  # no line of it holds a key
    try:
        subjects = [
            _subject(name, workspace, settings, arguments.segments)
            for name, workspace in _chosen(settings, arguments.workspace).items()
        ]
    except Unable as error:
        _complain(error)
        return error.code
    made = planning.plan(subjects, arguments.latency)
    write = planning.as_json if arguments.json else planning.as_text
    _say(write(made))
    return DONE


def discover(arguments: Namespace) -> int:
    """Print the segments; failed, with all that could be read printed, if something could not."""

    def answer(settings: Settings, keys: Keys) -> int:
        found: list[discovery.Row] = []
        code = DONE
        for name, workspace in _chosen(settings, arguments.workspace).items():
            watch = watch_of(name, workspace, settings.poll)
            try:
                with _account(name, workspace, settings, keys[name]) as account:
                    found += _rows(watch, account, arguments.sizes)
            except Unable as error:  # the others are shown all the same
                _complain(error)
                code = max(code, error.code)
        if found or not code:
            _say(discovery.FORMS[arguments.form](found))
        failed = [row for row in found if row.failure]
        for row in failed[:5]:
            _complain(f"no size of {row.segment.id}: {row.failure}")
        if failed[5:]:
            _complain(f"and of {len(failed) - 5} more")
        return max(code, FAILED) if failed else code

    return _answered(arguments, answer)


def _answered(arguments: Namespace, answer: Callable[[Settings, Keys], int]) -> int:
    read = settings_and_keys(arguments)
    if read is None:
        return USAGE
    try:
        return answer(*read)
    except Unable as error:
        _complain(error)
        return error.code


def _say(text: str) -> None:
    """Print it, also where it cannot be written as it is: names are of any script."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
    sys.stdout.flush()


def _complain(reason: object) -> None:
    """On stderr. Terminals obey some characters that Braze may have sent."""
    print(printable(str(reason)), file=sys.stderr)


def _subject(
    name: str, workspace: Workspace, settings: Settings, count: int | None
) -> planning.Subject:
    watch = watch_of(name, workspace, settings.poll, settings.shard)
    if count is not None or not watch.discover:
        named = "the settings name them" if watch.ids else "the settings want none"
        source = named if count is None else "assumed: --segments"
        listed = max(count or 0, len(watch.ids))
        selection, names = planning.assumed(watch, listed)
    else:
        try:
            key = key_of(name, workspace)
        except KeyFileError as error:
            why = f"workspaces.{name}.api_key_file: {error}; or give --segments N"
            raise Unable(why, USAGE) from None
        with _account(name, workspace, settings, key) as account:
            listing = _listing(name, account)
        listed, selection, source = len(listing), select(listing, watch), "asked of Braze's list"
        names = {segment.id: segment for segment in listing}
    return planning.Subject(
        watch,
        selection,
        names,
        listed,
        source,
        workspace.requests_per_hour,
        workspace.reserve,
        workspace.concurrency,
    )


def _rows(watch: Watch, account: Account, sizes: bool | None) -> list[discovery.Row]:
    found = discovery.rows(_listing(watch.workspace, account), watch)
    wanted = discovery.to_size(found, sizes)
    if sizes is None and len(wanted) < sum(row.selected for row in found):
        _complain(
            f"{watch.workspace}: sizes of the first {len(wanted)} selected only; "
            "--sizes asks for all, a request each"
        )
    with progress(len(wanted), f"sizes of {watch.workspace}") as done:
        sized = discovery.with_sizes(
            wanted,
            watch,
            account.client.data_series,
            threads=account.threads,
            width=account.width,
            done=done,
        )
    return [sized.get(row.segment.id, row) for row in found]


def _listing(name: str, account: Account) -> tuple[Segment, ...]:
    try:
        return account.client.segments()
    except BrazeError as error:
        raise Unable(
            f"the segments of {name} cannot be read: {error}; `braze-exporter doctor` says why"
        ) from None


def _account(name: str, workspace: Workspace, settings: Settings, key: ApiKey) -> Account:
    """The workspace's way to Braze."""
    watch = watch_of(name, workspace, settings.poll)
    counters = Telemetry(process=False).of(name, endpoints(watch))
    return Account(name, workspace, settings.poll.timeout.total_seconds(), key, counters)


def _chosen(settings: Settings, names: Iterable[str]) -> Mapping[str, Workspace]:
    """The workspaces of these names, all where there are none. Raises Unable."""
    unknown = [name for name in names if name not in settings.workspaces]
    if unknown:
        known = ", ".join(settings.workspaces)
        raise Unable(f"no workspace is called {unknown[0]!r}; there are {known}", USAGE)
    chosen = set(names) or settings.workspaces.keys()
    return {name: each for name, each in settings.workspaces.items() if name in chosen}


def _made_elsewhere(items: Iterator[T]) -> Iterator[T]:
    """What `items` gives, made on another thread: so that Ctrl-C is heard while that one waits for
    the network, a resolver even.
    """
    queue: SimpleQueue[tuple[T] | BaseException | None] = SimpleQueue()

    def make() -> None:
        try:
            for item in items:
                queue.put((item,))
        except BaseException as error:  # noqa: BLE001 - raised again by who waits
            queue.put(error)
        else:
            queue.put(None)

    Thread(target=make, name="doctor", daemon=True).start()
    while (got := queue.get()) is not None:
        if isinstance(got, BaseException):
            raise got
        yield got[0]


def _style(out: TextIO, environ: Mapping[str, str]) -> Style:
    if not out.isatty():
        return Style()
    plain = bool(environ.get("NO_COLOR")) or environ.get("TERM") == "dumb"
    return Style(min(max(shutil.get_terminal_size().columns, 60), 120), colour=not plain)
