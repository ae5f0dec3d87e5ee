"""One whole page of metrics at a fixed clock: `make golden` writes it, a test compares."""

from datetime import UTC, datetime
from pathlib import Path

from exporter.negotiation import Format
from exporter.simulator import World
from exporter.simulator.pulse import KPIS
from tests.workbench import Workbench

PAGES = {
    Format.TEXT: Path(__file__).parent / "data" / "metrics.txt",
    Format.OPENMETRICS: Path(__file__).parent / "data" / "metrics.openmetrics",
}
NOW = datetime(2026, 11, 22, 14, 40, tzinfo=UTC)


def pages() -> dict[Format, bytes]:
    """The page in each format."""
    world = World(7, NOW)
    tracked = next(segment.id for segment in world.segments if segment.tracked)
    with Workbench(
        world,
        NOW,
        by_segment=(tracked,),
        limit=10,
        kpis=tuple(KPIS),
        events=("added_to_cart",),
    ) as bench:
        bench.poll()
        return {form: _stable(bench.page(form)) for form in Format}


def _stable(page: bytes) -> bytes:
    """The page without the line that differs by machine."""
    lines = page.splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(b"braze_exporter_build_info{"))


if __name__ == "__main__":
    for form, content in pages().items():
        PAGES[form].parent.mkdir(exist_ok=True)
        PAGES[form].write_bytes(content)
