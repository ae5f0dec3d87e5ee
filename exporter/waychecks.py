"""Checks of the way to Braze: key, proxy, name, connection, TLS, the first answer, the clock."""

from datetime import UTC, datetime, timedelta
from urllib.parse import SplitResult, unquote, urlsplit

from exporter.client import BrazeError
from exporter.families import DISCOVERY
from exporter.findings import Finding
from exporter.instances import needs_allow_http
from exporter.patient import Patient
from exporter.probes import Blocked, Proxy
from exporter.quantities import format_duration
from exporter.secretfile import KeyFileError
from exporter.transport import ca_bundle, proxy_for

_CLOCKS_DIFFER = 120.0  # seconds by which two good clocks may part

_ANSWERS = frozenset({"unauthorized", "forbidden", "rate_limited", "bad_request"})
_BRAZES_OWN = {"server_error": "server-error"} | dict.fromkeys(
    ("connection", "timeout", "tls"), "no-answer"
)


def key(patient: Patient) -> list[Finding]:
    """Read it."""
    path = patient.workspace.api_key_file
    try:
        patient.take_key()
    except KeyFileError as error:
        return [patient.found("key-unreadable", problem=error, path=path)]
    return [patient.ok("key", f"read from {path}" if path else "given in the settings")]


def proxy(patient: Patient) -> list[Finding]:
    """Go through it, if there is one, as far as the host."""
    try:
        parts = urlsplit(proxy_for(patient.workspace.endpoint) or "")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        named = Proxy(parts.hostname or "", port, _login(parts))
    except ValueError:  # a port that is none
        parts, named = urlsplit("http://?"), Proxy("?", 0)
    if not parts.scheme:
        return [patient.ok("proxy", "the environment names none")]
    patient.proxied = True
    if parts.scheme != "http":
        return [patient.skipped("proxy", f"a proxy of {parts.scheme}:// is tried by requests only")]
    about: dict[str, object] = {"proxy": named, "variables": _variables(patient)}
    probes = patient.means.probes
    try:
        addresses = probes.resolve(named.host, named.port)
    except Blocked as blocked:
        return [patient.found("proxy-unknown", detail=blocked, **about)]
    try:
        patient.socket = probes.connect(addresses)
    except Blocked as blocked:
        return [patient.found("proxy-unreachable", detail=blocked, **about)]
    if not patient.encrypted:
        return [patient.ok("proxy", f"{named} takes connections")]
    try:
        probes.tunnel(patient.socket, named, patient.host, patient.port)
    except Blocked as blocked:
        return [patient.found(blocked.cause, detail=blocked, **about)]
    return [patient.ok("proxy", f"{named} lets us through to {patient.host}:{patient.port}")]


def _login(parts: SplitResult) -> str:
    return f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""


def _variables(patient: Patient) -> str:
    return f"{'HTTPS_PROXY' if patient.encrypted else 'HTTP_PROXY'} or ALL_PROXY"


def dns(patient: Patient) -> list[Finding]:
    """Look the name up."""
    if patient.proxied:
        return [patient.skipped("dns", "the proxy looks the name up")]
    try:
        patient.addresses = patient.means.probes.resolve(patient.host, patient.port)
    except Blocked as blocked:
        return [patient.found(blocked.cause, detail=blocked)]
    first = patient.addresses[0][4][0]
    more = f" and {len(patient.addresses) - 1} more" if len(patient.addresses) > 1 else ""
    return [patient.ok("dns", f"{patient.host} is {first}{more}")]


def tcp(patient: Patient) -> list[Finding]:
    """Connect."""
    if patient.proxied:
        return [patient.skipped("tcp", "the proxy connects")]
    try:
        patient.socket = patient.means.probes.connect(patient.addresses)
    except Blocked as blocked:
        return [patient.found(blocked.cause, detail=blocked)]
    return [patient.ok("tcp", f"{patient.host} takes connections on port {patient.port}")]


def tls(patient: Patient) -> list[Finding]:
    """Shake hands over the connection that stands."""
    sock, patient.socket = patient.socket, None
    if not patient.encrypted:
        if sock is not None:
            sock.close()
        if needs_allow_http(patient.workspace.endpoint):
            return [patient.found("unencrypted")]
        return [patient.ok("tls", "none, and none is needed: the host is this machine")]
    if sock is None:
        return [patient.skipped("tls", "no connection of our own to look at")]
    bundle = ca_bundle(patient.workspace.ca_file)
    try:
        version = patient.means.probes.handshake(sock, patient.host, bundle)
    except Blocked as blocked:
        time = datetime.fromtimestamp(patient.means.now(), UTC).strftime("%Y-%m-%d %H:%M UTC")
        return [patient.found(blocked.cause, detail=blocked, bundle=bundle, time=time)]
    trusted = f"by {bundle}" if patient.workspace.ca_file else "by the usual CAs"
    return [patient.ok("tls", f"{version}, with a certificate trusted {trusted}")]


def answer(patient: Patient) -> list[Finding]:
    """Ask Braze something for the first time: what the settings need first."""
    said = first_answer(patient)
    if not isinstance(said, BrazeError):
        return [patient.ok("answer", f"{patient.host} answers as Braze does")]
    plain = not patient.encrypted and not patient.proxied
    # Some servers refuse plain HTTP in words, others just hang up.
    puzzled = said.reason not in ("unauthorized", "forbidden", "rate_limited", "server_error")
    if plain and puzzled and patient.means.probes.speaks_tls(patient.addresses, patient.host):
        return [patient.found("tls-expected")]
    if said.reason in _ANSWERS or unreadable_points(said):
        return [patient.ok("answer", f"{patient.host} answers")]
    return [patient.found(_BRAZES_OWN.get(said.reason, "not-braze"), detail=detail_of(said))]


def first_answer(patient: Patient) -> object:
    """What came of the first request, a BrazeError where it failed."""
    if DISCOVERY not in patient.watch.intervals and (series := patient.wanted):
        return patient.answer(series[0])
    return patient.listing()


def unreadable_points(error: BrazeError) -> bool:
    """Whether it is an answer of Braze's form, none of whose points can be read."""
    return error.reason == "invalid_response" and "points could be read" in str(error)


def detail_of(error: BrazeError) -> str:
    """What came, without our name for it."""
    return str(error).partition(": ")[2]


def clock(patient: Patient) -> list[Finding]:
    """Compare it with the `Date` of the first answer."""
    ahead = patient.visit.ahead
    if ahead is None:
        return [patient.skipped("clock", "Braze's answer has no Date")]
    if abs(ahead) > _CLOCKS_DIFFER:
        difference = format_duration(timedelta(seconds=abs(ahead)))
        side = "ahead of" if ahead > 0 else "behind"
        return [patient.found("clock-off", difference=difference, side=side)]
    return [patient.ok("clock", "agrees with Braze's to two minutes")]
