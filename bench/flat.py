"""Is memory flat? Publishes 10,000 segments with 35 days again and again, without the network, for
the settings' ceiling would make 200 polls of them take a day.

`python -m bench.flat [POLLS]` prints resident memory, in MiB.
"""

import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bench.braze import segment_id, sizes
from bench.year import a_watch
from exporter.buckets import read_points
from exporter.families import DISCOVERY, FAMILY, SEGMENTS
from exporter.model import Answer, Points, Reading, Segment
from exporter.snapshot import Store

SEGMENTS_OF_IT = 10_000


def megabytes() -> float:
    """Resident memory of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def main(polls: int, segments: int = SEGMENTS_OF_IT) -> None:
    """Print a line every so many polls."""
    watch, store = replace(a_watch(), limit=segments), Store(time.time)
    store.expect([watch])
    listing = tuple(Segment(segment_id(n), f"Segment {n}") for n in range(segments))
    store.publish(Reading(watch.workspace, DISCOVERY, 0, 0, listing=listing), watch)
    wanted = watch.wanted(SEGMENTS, [segment.id for segment in listing])
    family, today = FAMILY["braze_segment_size"], datetime.now(UTC)
    canned = [sizes(each, today) for each in range(499)]
    for number in range(1, polls + 1):
        now = time.time()
        answers = {}
        for index, series in enumerate(wanted):
            rows = canned[(index + number) % len(canned)]
            points = read_points(rows, family.field, family.unit, watch.zone, now)
            answers[series] = Answer(now, Points(points))
        store.publish(Reading(watch.workspace, SEGMENTS, now, now, answers=answers), watch)
        del answers
        if number in (1, 2, 5) or number % 20 == 0:
            print(f"{number} polls: {megabytes():.0f} MiB", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
