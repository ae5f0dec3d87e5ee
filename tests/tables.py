"""The tables of the documentation, written from the code: `make docs`; a test holds them to it."""

from pathlib import Path

import grafana
from exporter import catalog
from exporter.config import reference
from exporter.reference import render_settings_table
from exporter.webformat import ENTRIES

DOCS = Path(__file__).parent.parent / "docs"


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


def between(text: str, mark: str, content: str) -> str:
    """`text` with `content` between the two comments that carry `mark`."""
    before, rest = text.split(f"<!-- {mark} -->")
    _, after = rest.split(f"<!-- /{mark} -->")
    return f"{before}<!-- {mark} -->{content}<!-- /{mark} -->{after}"


def pages() -> dict[Path, str]:
    """Each page of the documentation that holds a generated part, as it has to be."""
    metrics, settings = DOCS / "metrics.md", DOCS / "configuration.md"
    web = DOCS / "web-config.md"
    dashboards = DOCS / "dashboards.md"
    boards = between(dashboards.read_text(), "dashboard-panels", f"\n{dashboard_panels()}\n")
    page = between(metrics.read_text(), "metrics", f"\n{metrics_table()}\n")
    return {
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
