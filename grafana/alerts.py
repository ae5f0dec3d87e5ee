"""The panels about alerts: of the bundled rules, told by what they are about."""

from grafana.board import SHARED
from grafana.panels import Panel, Query, rows, table, timeline
from grafana.queries import FIRING, PENDING
from grafana.style import BAD, CALM, GOOD, HIDDEN, WARN, link, named, says

# Some alerts are of no workspace: that the exporter is gone, for one.
HERE = 'workspace=~"$workspace|"}'
HEALTH = "Braze.*(Users|Uninstalls|Events).*"
"""The alerts that the board App health tells more of."""

LASTING = f'ALERTS_FOR_STATE{{alertname=~"Braze.+", {HERE}'
FIRING_HERE = f"{FIRING}, {HERE}"
PENDING_HERE = f"{PENDING}, {HERE}"

TO_BOARD = (
    "/d/${__data.fields.to}/${__data.fields.to}?"
    f"{SHARED}&${{__data.fields.what}}&${{__url_time_range}}"
)


def told(expr: str) -> str:
    """Alerts with labels for people: `of`, what they are about, and `alert`, without the prefix.

    And with labels for links: `to`, the board that tells more, and `what`, its variables.
    """
    names = '"segment_name", "event", "app_name", "collector", "instance"'
    expr = f'label_join({expr}, "names", " ", {names})'
    for label, value, source, pattern in (
        ("alert", "$1", "alertname", "Braze(.+)"),
        ("of", "exporter", "", ""),
        ("of", "$1", "workspace", "(.+)"),
        ("of", "$1", "names", " *([^ ].*?) *"),
        ("to", "braze-exporter", "", ""),
        ("to", "braze-detail", "segment_id", ".+"),
        ("to", "braze-detail", "app_id", ".+"),
        ("to", "braze-app-health", "alertname", HEALTH),
        ("workspace", "var-workspace=$1", "workspace", "(.+)"),
        ("segment_id", "var-segment=$1", "segment_id", "(.+)"),
        ("app_id", "var-app=$1", "app_id", "(.+)"),
    ):
        expr = f'label_replace({expr}, "{label}", "{value}", "{source}", "{pattern}")'
    return f'label_join({expr}, "what", "&", "workspace", "segment_id", "app_id")'


FIRING_ALERTS = table(
    "Firing alerts",
    "Alerts of the bundled rules that fire, and for how long what they say has been true. Empty as "
    "well where the rules are not loaded (docs/alerting.md). A click leads to the detail.",
    rows(
        "max by (severity, alert, of, to, what)"
        f" ({told(f'time() - {LASTING} and ignoring (alertstate) {FIRING_HERE}')})"
    ),
    unit="s",
    sort=("Severity", False),
    columns={
        "severity": "Severity",
        "of": "Of",
        "alert": "Alert",
        "Value": "For",
        "to": "",
        "what": "",
    },
    overrides=(
        named(
            "Severity",
            custom_width=75,
            custom_cellOptions={"type": "color-background", "mode": "basic"},
            **says(
                {
                    "critical": ("critical", BAD),
                    "warning": ("warning", WARN),
                    "info": ("info", GOOD),
                }
            ),
        ),
        named("Of", custom_width=155, links=[link("Detail", TO_BOARD)]),
        named("For", decimals=0, custom_width=75),
        *(named(name, **HIDDEN) for name in ("to", "what")),
    ),
)


def alerts_over_time(title: str, firing: str, pending: str) -> Panel:
    """When these alerts waited and fired."""
    return timeline(
        title,
        "When alerts of the bundled rules waited (their `for:`) and fired, a row for each thing. "
        "Empty as well where the rules are not loaded.",
        Query(
            f"2 * max by (of, alert) ({told(firing)}) or max by (of, alert) ({told(pending)})",
            "{{of}} · {{alert}}",
        ),
        noValue="No alert in this time",
        **says({"1": ("waits", CALM), "2": ("fires", BAD)}),
    )


ALERT_TIMELINE = alerts_over_time("Alerts over time", FIRING_HERE, PENDING_HERE)
