"""The tables of the documentation, written from the code: `make docs`; a test holds them to it."""

import argparse
import ast
import re
from pathlib import Path

import exporter
import grafana
from exporter import catalog, causes
from exporter.cli import command_line
from exporter.config import reference
from exporter.findings import State
from exporter.reference import render_settings_table
from exporter.webformat import ENTRIES

DOCS = Path(__file__).parent.parent / "docs"
PACKAGE = Path(exporter.__file__).parent


def metrics_table() -> str:
    """Every metric of ours: a row each."""
    rows = ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    for metric in catalog.metrics():
        labels = ", ".join(f"`{name}`" for name in metric.labels)
        rows.append(f"| `{metric.name}` | {metric.type} | {labels} | {metric.help} |")
    return "\n".join(rows)


def web_config_table() -> str:
    """Every key of a web.config.file: a row each."""
    rows = ["| key | type | default | what |", "|---|---|---|---|"]
    for entry in ENTRIES:
        default = f"`{entry.default}`" if entry.default else ""
        rows.append(f"| `{entry.section}.{entry.key}` | {entry.type} | {default} | {entry.what} |")
    return "\n".join(rows)


def reasons() -> str:
    """Why a request can fail."""
    return ", ".join(f"`{reason}`" for reason in catalog.REASONS)


def dashboard_panels() -> str:
    """Every panel of every dashboard: a table each."""
    parts = []
    for board in grafana.BOARDS:
        parts += [f"### {board.title}", "", "| panel | what it shows |", "|---|---|"]
        for _, panel in board.panels():
            title = TITLES.get(panel.title, panel.title)
            parts.append(f"| **{title}** | {panel.description} |")
        parts.append("")
    return "\n".join(parts[:-1])


TITLES = {"${segment:text}": "The segment's name", "${app:text}": "The app's name"}
"""In words, what Grafana fills in."""


def dashboard_variables() -> str:
    """What can be chosen, and on which dashboards."""
    rows = ["| variable | on | meaning |", "|---|---|---|"]
    found: dict[str, tuple[str, list[str]]] = {}
    for board in grafana.BOARDS:
        for variable in board.variables:
            meaning = variable.get("description", "The Prometheus to ask.")
            found.setdefault(variable["label"], (meaning, []))[1].append(board.uid)
    for label, (meaning, on) in found.items():
        where = "all" if len(on) == len(grafana.BOARDS) else ", ".join(f"`{uid}`" for uid in on)
        rows.append(f"| `{label}` | {where} | {meaning} |")
    return "\n".join(rows)


def checks_table() -> str:
    """What doctor looks at, in its order."""
    rows = ["| check | question |", "|---|---|"]
    rows += [f"| `{name}` | {question} |" for name, question in causes.CHECKS.items()]
    return "\n".join(rows)


def causes_table() -> str:
    """What doctor can find: a row each, with *words* for what it fills in."""
    rows = ["| check | cause | found | why | remedy |", "|---|---|---|---|---|"]
    order = list(causes.CHECKS)
    for name, cause in sorted(causes.CAUSES.items(), key=lambda one: order.index(one[1].check)):
        mark = "" if cause.state is State.FAILED else f" ({cause.state.value})"
        texts = (re.sub(r"{(\w+)}", r"*\1*", t) for t in (cause.what, cause.why, cause.remedy))
        rows.append(f"| `{cause.check}` | `{name}`{mark} | {' | '.join(texts)} |")
    return "\n".join(rows)


def commands_table() -> str:
    """Every command."""
    rows = ["| command | what it does |", "|---|---|"]
    rows += [f"| `{name}` | {parser.description} |" for name, parser in commands().items()]
    return "\n".join(rows)


def flags_table(command: str) -> str:
    """The flags of a command, but for those of the settings."""
    actions = commands()[command]._actions
    settings = {row.flag for row in reference() if row.flag} | {"--config.file"}
    if not any("--config.file" in action.option_strings for action in actions):
        settings = set()  # what it has of those means something else
    rows = ["| flag | meaning |", "|---|---|"]
    for action in actions:
        if "--help" in action.option_strings or settings & set(action.option_strings):
            continue
        flags = ", ".join(f"`{flag}`" for flag in action.option_strings)
        value = "" if action.nargs == 0 else f" `{action.metavar or action.dest.upper()}`"
        meaning = (action.help or "") % {"default": action.default}
        rows.append(f"| {flags}{value} | {meaning} |")
    return "\n".join(rows)


def commands() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command, as `--help` prints it."""
    [choices] = [
        action.choices
        for action in command_line()._actions
        if isinstance(action, argparse._SubParsersAction)
    ]
    return dict(choices)


_MODULES = """
What we talk about: model families catalog watch names shard

Asking Braze: account client transport connections limiter pacing buckets instances secretfile files
redaction

Polls, when and of what: schedule poller poll refusals recall journal

What the numbers mean: history past baselines holding replay

What Prometheus gets: snapshot steps rendering exposition telemetry

The web server: server conversation web negotiation admission passwords tls webconfig webformat
loopback

The status page: status standing rows trend display choice remedies page statusjson

Settings: config values reference sources environment yamlfile quantities consistency wording
mistakes merging

Commands: cli commands daemon once demonstration signals logs progress columns __main__ __init__

backfill: backfilling backfill samplefile scraped

doctor, plan, discover: inquiries doctor patient waychecks accountchecks zonecheck probes visit
findings causes waycauses accountcauses plan madeup discover
"""
MODULES = {
    about: names.split()
    for about, names in (part.split(": ") for part in _MODULES.strip().split("\n\n"))
}
"""The modules by what they are about, those to read first first."""


def modules_tables() -> str:
    """What each module is for, in its own words."""
    parts = []
    for about, names in MODULES.items():
        parts += [f"### {about}", "", "| module | what it is for |", "|---|---|"]
        for name in names:
            tree = ast.parse((PACKAGE / f"{name}.py").read_text())
            told = (ast.get_docstring(tree) or "").split("\n\n")[0].replace("\n", " ")
            parts.append(f"| `{name}` | {told.replace('|', '&#124;')} |")
        parts.append("")
    return "\n".join(parts[:-1])


def between(text: str, mark: str, content: str) -> str:
    """`text` with `content` between the two comments that carry `mark`."""
    before, rest = text.split(f"<!-- {mark} -->")
    _, after = rest.split(f"<!-- /{mark} -->")
    return f"{before}<!-- {mark} -->{content}<!-- /{mark} -->{after}"


def pages() -> dict[Path, str]:
    """Each page of the documentation that holds a generated part, as it has to be."""
    doctor, described = DOCS / "doctor.md", DOCS / "commands.md"
    found = between(doctor.read_text(), "checks", f"\n{checks_table()}\n")
    told = between(described.read_text(), "commands", f"\n{commands_table()}\n")
    for command in ("doctor", "plan", "discover", "once", "backfill", "demo", "simulate"):
        told = between(told, f"flags of {command}", f"\n{flags_table(command)}\n")
    metrics, settings = DOCS / "metrics.md", DOCS / "configuration.md"
    web = DOCS / "web-config.md"
    dashboards = DOCS / "dashboards.md"
    architecture = DOCS / "architecture.md"
    boards = between(dashboards.read_text(), "dashboard-panels", f"\n{dashboard_panels()}\n")
    page = between(metrics.read_text(), "metrics", f"\n{metrics_table()}\n")
    return {
        doctor: between(found, "causes", f"\n{causes_table()}\n"),
        described: told,
        architecture: between(architecture.read_text(), "modules", f"\n{modules_tables()}\n"),
        metrics: between(page, "reasons", reasons()),
        dashboards: between(boards, "dashboard-variables", f"\n{dashboard_variables()}\n"),
        settings: between(
            settings.read_text(), "settings", f"\n{render_settings_table(reference())}\n"
        ),
        web: between(web.read_text(), "web-config", f"\n{web_config_table()}\n"),
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text)
