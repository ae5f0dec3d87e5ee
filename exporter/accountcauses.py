"""What can be wrong with the account, or between it and the settings."""

from exporter.findings import Cause, State

_NEW_KEY = (
    "make a new key in Braze (Settings > APIs and Identifiers) and put it where api_key_file points"
)

ACCOUNT: dict[str, Cause] = {
    "key-unknown": Cause(
        "account",
        "{host} does not know the key ({detail})",
        "it is misspelt or deleted, belongs to another instance of Braze, or its IP allowlist "
        "leaves this machine out: the answer is the same",
        "compare the instance with the dashboard's address (doctor --find-instance asks them all), "
        "then copy the key again or " + _NEW_KEY,
    ),
    "key-nowhere": Cause(
        "account",
        "no instance of Braze knows the key; {tried} were asked ({unasked} gave no answer)",
        "it is misspelt or deleted",
        "copy the key again or " + _NEW_KEY,
    ),
    "wrong-instance": Cause(
        "account",
        "the key is of another instance: {instance} knows it, {host} does not",
        "each instance of Braze has keys of its own",
        "set endpoint: {instance}",
    ),
    "account-inactive": Cause(
        "account",
        "Braze knows the key and forbids everything ({detail})",
        "the account is inactive, its plan has no REST API, or the key's IP allowlist leaves this "
        "machine out",
        "ask your contact at Braze, or make a key whose allowlist has this machine's address",
    ),
    "rate-limit-spent": Cause(
        "rate-limit",
        "{left} of Braze's {limit} requests an hour are left to the workspace",
        "other programs with keys of this workspace use them up; the exporter waits until {reset}, "
        "because it leaves {reserve} to them",
        "wait until {reset}; then find who sends so many (Braze: Settings > API usage), or lower "
        "reserve",
    ),
    "permission-missing": Cause(
        "permission",
        "the key lacks the permission {permission}",
        "so {endpoint} cannot be read, and there are no {values}",
        "permissions of a key cannot be changed: make a new one with {permissions}",
    ),
    "permission-missing-names": Cause(
        "permission",
        "the key lacks the permission {permission}",
        "so segments show their id in place of their name; nothing else is missing",
        "permissions of a key cannot be changed: make a new one with {permissions}",
        State.WARNING,
    ),
    "unreadable": Cause(
        "permission",
        "{endpoint} cannot be read ({detail})",
        "Braze, or something between, answers it in another way than the rest",
        "try again in some minutes; if it stays, report it with this line",
    ),
    "segment-unknown": Cause(
        "segment",
        "Braze does not know the segment {id} ({where})",
        "it was deleted, is of another workspace, or the id is misspelt ({detail})",
        "correct or remove it in {where}; `braze-exporter discover` lists what there is",
    ),
    "nothing-selected": Cause(
        "segment",
        "of {listed} segments none passes the settings",
        "include, exclude and tags under segments leave none over",
        "widen them; `braze-exporter discover` shows all segments with their names and tags",
        State.WARNING,
    ),
    "over-limit": Cause(
        "segment",
        "{over} segments are left out, over the limit of {limit}",
        "segments.limit bounds what is read",
        "raise segments.limit (`braze-exporter plan` says what it costs), or select fewer",
        State.WARNING,
    ),
    "app-unknown": Cause(
        "app",
        "Braze does not know the app {app} ({detail})",
        "its app_id is misspelt or of another workspace",
        "copy the app identifier from Braze: Settings > APIs and Identifiers > App Identifiers",
    ),
    "app-silent": Cause(
        "app",
        "the app {app} has no sessions in {span}",
        "Braze may answer an app_id that it does not know with zeros, or the app is not in use",
        "compare its app_id with Settings > APIs and Identifiers > App Identifiers in Braze",
        State.WARNING,
    ),
    "untracked": Cause(
        "tracking",
        "the segment {id} has no analytics tracking",
        "Braze counts the sessions of a segment's users only with it",
        "switch on analytics tracking on the segment's page in Braze (25 an app at most), or "
        "remove the id from sessions.by_segment",
    ),
    "kpi-silent": Cause(
        "kpi",
        "{whose} has no {noun} in a week",
        "Braze leaves out what it never counted; uninstalls it counts only where uninstall "
        "tracking is on",
        "switch on uninstall tracking of the app in Braze if it is that, compare its app_id, or "
        "remove {option} from kpi.metrics",
        State.WARNING,
    ),
    "event-silent": Cause(
        "event",
        "the event {event} did not happen in {whose} in the last days",
        "Braze answers a name that it does not know without points; upper and lower case differ",
        "compare it with Data Settings > Custom Events in Braze, or remove it from events.names",
        State.WARNING,
    ),
    "time-unreadable": Cause(
        "time",
        "the points of {endpoint} cannot be read ({detail})",
        "their times or values are in a form that nobody has seen yet",
        "see whether a newer exporter reads them, else report it with this line",
    ),
    "no-points": Cause(
        "time",
        "{endpoint} answers without a point",
        "Braze leaves out what was never counted",
        "nothing, if the workspace is new; else compare the ids with Braze",
        State.WARNING,
    ),
    "zone-wrong": Cause(
        "time-zone",
        "Braze's {unit} is {theirs}, while it is {ours} in {zone}",
        "so days and hours would stand for others than they are",
        "set time_zone to the company's time zone in Braze (Settings > Company Settings){example}",
    ),
    "zone-doubtful": Cause(
        "time-zone",
        "Braze's newest {unit} is {theirs}, while it is {ours} in {zone}",
        "the company's time zone lies further west, or Braze has not counted yet in this {unit}",
        "compare time_zone with Settings > Company Settings in Braze, or run doctor again later",
        State.WARNING,
    ),
}
