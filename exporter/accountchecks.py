"""Checks of the account: key, instance, rate limit, permissions, segments, apps, times, zone."""

from collections.abc import Sequence
from datetime import UTC, datetime

from exporter.client import BrazeError
from exporter.families import EVENTS, FAMILIES, KPI, LIST, SEGMENTS, SESSIONS
from exporter.findings import Finding
from exporter.model import Series, Unit
from exporter.pacing import reserve_wait
from exporter.patient import Patient
from exporter.poller import endpoints
from exporter.quantities import format_share
from exporter.remedies import permission_of
from exporter.waychecks import detail_of, first_answer, unreadable_points

_NO_SEGMENT = "00000000-0000-0000-0000-000000000000"
_MOST_ASKED = 20  # of ids that are not in the list, figures and events: asked one by one

_VALUES_OF_ALL = "there are values of all that could be read"

_WHAT = {each: each for each in (SEGMENTS, SESSIONS, EVENTS)}
_VALUES = {
    LIST: "segments to discover",
    **{
        family.endpoint: f"{_WHAT.get(family.collector, family.noun)} to show"
        for family in FAMILIES
    },
}


def account(patient: Patient) -> list[Finding]:
    """See whether the first answer was a refusal of the key as such."""
    said = first_answer(patient)
    if isinstance(said, BrazeError) and said.reason == "unauthorized":
        if patient.means.find_instance:
            return [_elsewhere(patient)]
        return [patient.found("key-unknown", detail=detail_of(said))]
    if isinstance(said, BrazeError) and said.reason == "forbidden" and "Forbidden" in str(said):
        return [patient.found("account-inactive", detail=detail_of(said))]
    return [patient.ok("account", "Braze knows the key")]


def _elsewhere(patient: Patient) -> Finding:
    """Ask every other instance whether it knows the key."""
    others = {
        name: url
        for name, url in patient.means.instances.items()
        if url != patient.workspace.endpoint
    }
    question = patient.watch.wanted(SEGMENTS, (_NO_SEGMENT,))[0]
    unasked = 0
    for name, url in others.items():
        with patient.visit_elsewhere(url) as visit:
            try:
                visit.client.data_series(question, 1)
                reason = ""
            except BrazeError as error:
                reason = error.reason
            patient.elsewhere += visit.requests
        if reason in ("", "bad_request", "forbidden", "rate_limited"):
            return patient.found("wrong-instance", instance=name)
        unasked += reason != "unauthorized"
    return patient.found("key-nowhere", tried=len(others) + 1, unasked=unasked)


def rate_limit(patient: Patient) -> list[Finding]:
    """Compare what is left with what the settings leave to others."""
    said, limit = first_answer(patient), patient.visit.limit
    refused = isinstance(said, BrazeError) and said.reason == "rate_limited"
    if refused or reserve_wait(limit, patient.workspace.reserve, patient.means.now()) > 0:
        return [_spent(patient, 0 if refused else limit.remaining)]
    if limit.limit is None or limit.remaining is None:
        return [patient.skipped("rate-limit", "Braze's answer does not tell it")]
    told = f"{limit.remaining:,} of {limit.limit:,} requests are left until {_reset(patient)}"
    return [patient.ok("rate-limit", told)]


def _spent(patient: Patient, left: int | None) -> Finding:
    limit = patient.visit.limit
    return patient.found(
        "rate-limit-spent",
        left=left,
        limit=f"{limit.limit:,}" if limit.limit is not None else "allowed",
        reset=_reset(patient),
        reserve=format_share(patient.workspace.reserve),
    )


def _reset(patient: Patient) -> str:
    reset = patient.visit.limit.reset
    if reset is None:
        return "the end of the hour"
    return datetime.fromtimestamp(reset, UTC).strftime("%H:%M UTC")


def permission(patient: Patient) -> list[Finding]:
    """Ask each endpoint that the settings need."""
    wanted = sorted(endpoints(patient.watch))
    return [_permission(patient, endpoint, wanted) for endpoint in wanted]


def _permission(patient: Patient, endpoint: str, wanted: Sequence[str]) -> Finding:
    said, name = _question(patient, endpoint), permission_of(endpoint)
    if not isinstance(said, BrazeError) or unreadable_points(said):
        return patient.ok("permission", f"the key has {name}")
    if said.reason == "bad_request" and _may_be_the_id(patient, endpoint):
        return patient.ok("permission", f"the key has {name}")
    if said.reason == "rate_limited":
        return _spent(patient, 0)
    if said.reason != "forbidden":
        return patient.found("unreadable", endpoint=endpoint, detail=detail_of(said))
    only_names = endpoint == LIST and not patient.watch.discover
    return patient.found(
        "permission-missing-names" if only_names else "permission-missing",
        permission=name,
        endpoint=endpoint,
        values=_VALUES[endpoint],
        permissions=", ".join(map(permission_of, wanted)),
    )


def _question(patient: Patient, endpoint: str) -> object:
    if endpoint == LIST:
        return patient.listing()
    return patient.answer(_asked_of(patient, endpoint))


def _asked_of(patient: Patient, endpoint: str) -> Series:
    """The series that tells most clearly what the key may ask `endpoint`."""
    wanted = [one for one in patient.wanted if one.family.endpoint == endpoint]
    # One that Braze does not know tells as much of the permission: 400 instead of 403.
    return _clearest(wanted or patient.watch.wanted(SEGMENTS, (_NO_SEGMENT,)))


def _may_be_the_id(patient: Patient, endpoint: str) -> bool:
    """Whether a 400 can mean the id that was asked for: not if there was none, or a listed one."""
    if endpoint == LIST:
        return False
    series = _asked_of(patient, endpoint)
    listed = {one.id for one in patient.listed or ()} if series.family.collector == SEGMENTS else ()
    return any(value not in listed for value in series.query.values())


def _clearest(series: Sequence[Series]) -> Series:
    """The hours of an app or of the workspace before days, and before those of a segment."""
    return min(
        series, key=lambda one: (one.label("segment_id") is not None, one.family.unit is Unit.DAY)
    )


def segment(patient: Patient) -> list[Finding]:
    """Look for each id in the list, and ask for those that are not there."""
    watch, listed = patient.watch, patient.listed
    if SEGMENTS not in watch.intervals and not watch.by_segment:
        return [patient.skipped("segment", "the settings ask for none")]
    known = {one.id for one in listed or ()}
    sizes = zip(watch.ids, watch.wanted(SEGMENTS, watch.ids), strict=True)
    counts = {one.label("segment_id") or "": one for one in watch.wanted(SESSIONS)}
    asked = [(each, series, "segments.ids") for each, series in sizes]
    asked += [(each, counts[each], "sessions.by_segment") for each in watch.by_segment]
    asked = [one for one in asked if one[0] not in known]
    found = []
    for each, series, where in asked[:_MOST_ASKED]:
        said = patient.answer(series)
        if isinstance(said, BrazeError) and said.reason == "bad_request":
            detail = detail_of(said)
            found.append(patient.found("segment-unknown", id=each, where=where, detail=detail))
    selection = patient.selection
    if watch.discover and listed is not None and not selection.selected:
        found.append(patient.found("nothing-selected", listed=len(listed)))
    if selection.over_limit:
        over = selection.over_limit
        found.append(patient.found("over-limit", over=over, limit=watch.limit))
    if found:
        return found
    if watch.discover and listed is None:
        return [patient.skipped("segment", "the list of segments cannot be read")]
    unasked = _unasked(asked, " that are not in the list")
    of = f" of {len(listed)}" if listed is not None else ""
    return [patient.ok("segment", f"{len(selection.selected)}{of} are selected{unasked}")]


def app(patient: Patient) -> list[Finding]:
    """Ask for the sessions of each."""
    if not patient.watch.apps:
        return [patient.skipped("app", "the settings name none")]
    return [_app(patient, app_id, name) for app_id, name in patient.watch.apps.items()]


def _app(patient: Patient, app_id: str, name: str) -> Finding:
    of_app = [one for one in patient.watch.wanted(SESSIONS) if one.label("app_id") == app_id]
    series = _clearest(of_app)
    said = patient.answer(series)
    if isinstance(said, BrazeError):
        if said.reason == "bad_request":
            # Braze's message may repeat the id, which is half a secret.
            detail = detail_of(said).replace(app_id, "<app_id>")
            return patient.found("app-unknown", app=name, detail=detail)
        return patient.skipped("app", f"the sessions of {name} cannot be read")
    if said.points and not any(point.value for point in said.points):
        span = "two days" if series.family.unit is Unit.HOUR else "a week"
        return patient.found("app-silent", app=name, span=span)
    return patient.ok("app", f"{name} has sessions")


def tracking(patient: Patient) -> list[Finding]:
    """Look it up in the list."""
    wanted, listed = patient.watch.by_segment, patient.listed
    if not wanted:
        return [patient.skipped("tracking", "the settings ask for no sessions by segment")]
    tracked = {one.id: one.tracked for one in listed or ()}
    untracked = [each for each in wanted if tracked.get(each) is False]
    if untracked:
        return [patient.found("untracked", id=each) for each in untracked]
    unknown = sum(tracked.get(each) is None for each in wanted)
    if unknown:
        return [patient.skipped("tracking", f"the list does not tell it of {unknown} segments")]
    return [patient.ok("tracking", f"all {len(wanted)} have it")]


def kpi(patient: Patient) -> list[Finding]:
    """Ask for each figure of each app, and of the workspace."""
    asked = patient.watch.wanted(KPI)
    if not asked:
        return [patient.skipped("kpi", "the settings ask for none")]
    if _unreadable(patient, asked):
        return [patient.skipped("kpi", "none of them can be read")]
    silent = [one for one in asked[:_MOST_ASKED] if _silent(patient, one)]
    return [
        patient.found(
            "kpi-silent", whose=_whose(patient, one), noun=one.family.noun, option=one.family.option
        )
        for one in silent
    ] or [patient.ok("kpi", _VALUES_OF_ALL + _unasked(asked))]


def event(patient: Patient) -> list[Finding]:
    """Ask for each event."""
    asked = [*{one.labels: one for one in reversed(patient.watch.wanted(EVENTS))}.values()]
    if not asked:
        return [patient.skipped("event", "the settings name none")]
    if _unreadable(patient, asked):
        return [patient.skipped("event", "none of them can be read")]
    silent = [one for one in asked[:_MOST_ASKED] if _silent(patient, one)]
    return [
        patient.found("event-silent", whose=_whose(patient, one), event=one.label("event"))
        for one in silent
    ] or [patient.ok("event", _VALUES_OF_ALL + _unasked(asked))]


def _unasked(asked: Sequence[object], which: str = "") -> str:
    """How many of those there are beyond the most that are asked for."""
    rest = len(asked) - _MOST_ASKED
    return f"; {rest}{which} were not asked for" if rest > 0 else ""


def _unreadable(patient: Patient, asked: Sequence[Series]) -> bool:
    """Whether not one of those that are asked for is answered."""
    return all(isinstance(patient.answer(one), BrazeError) for one in asked[:_MOST_ASKED])


def _silent(patient: Patient, series: Series) -> bool:
    """Whether Braze answers without a value other than 0."""
    said = patient.answer(series)
    return not isinstance(said, BrazeError) and not any(point.value for point in said.points)


def _whose(patient: Patient, series: Series) -> str:
    app = series.label("app_id")
    return f"the app {patient.watch.apps[app]}" if app else "the whole workspace"


def time(patient: Patient) -> list[Finding]:
    """Look at what was answered until here."""
    found: dict[str, Finding] = {}
    newest: dict[str, str] = {}
    for series, said in patient.answers.items():
        endpoint = series.family.endpoint
        if isinstance(said, BrazeError):
            if unreadable_points(said):
                found[endpoint] = patient.found(
                    "time-unreadable", endpoint=endpoint, detail=detail_of(said)
                )
        elif said.points:
            moment = datetime.fromtimestamp(said.points[-1].start, patient.watch.zone)
            form = "%Y-%m-%d %H:%M" if series.family.unit is Unit.HOUR else "%Y-%m-%d"
            newest[series.family.unit.value] = moment.strftime(form)
        elif series.family.collector not in (KPI, EVENTS):  # those have checks of their own
            found.setdefault(endpoint, patient.found("no-points", endpoint=endpoint))
    if found:
        return list(found.values())
    if not newest:
        return [patient.skipped("time", "no points were read")]
    told = ", ".join(f"newest {unit} {moment}" for unit, moment in newest.items())
    return [patient.ok("time", told)]
