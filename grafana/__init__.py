"""The dashboards of braze-exporter, written in Python and committed as Grafana's JSON.

`make dashboards` writes `grafana/dashboards/` anew; a test holds the files to this code. They are
Grafana's classic JSON of schema 39, which 10.4 to 13 read without change.
"""

from pathlib import Path

from grafana import detail, exporter, health, overview
from grafana.board import Board

FOLDER = Path(__file__).parent / "dashboards"

BOARDS: tuple[Board, ...] = (overview.BOARD, detail.BOARD, health.BOARD, exporter.BOARD)


def files() -> dict[Path, str]:
    """The text of each dashboard's file."""
    return {FOLDER / f"{board.uid}.json": board.text() for board in BOARDS}
