"""What the store knows of a workspace at one moment, for those who show it otherwise than rendered:
frozen.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.holding import Held
from exporter.model import Reading, Segment, Series
from exporter.watch import Selection, Watch


@dataclass(frozen=True, slots=True)
class CollectorStanding:
    """What is held of a collector's series, its last poll (None before the first) without what was
    read in it, and when one was last complete (epoch seconds).
    """

    held: Mapping[Series, Held]
    last: Reading | None
    last_success: float | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What is watched in a workspace, and how it stands; collectors by their name, names by id."""

    watch: Watch
    selection: Selection
    names: Mapping[str, Segment]
    collectors: Mapping[str, CollectorStanding]
