"""The faults that are not Braze's: what happens, at which moment of a life, and how it is told.

Each runs an exporter with two workspaces in a process of its own; whatever befalls the first, the
second has to stay exact.
"""

from collections.abc import Callable
from typing import NamedTuple

from tests.matrix.accounts import (
    key_file_missing,
    key_file_missing_at_reload,
    key_file_missing_at_start,
    key_rotated,
    key_rotated_with_reload,
    key_wrong_at_start,
    segment_deleted,
    segment_deleted_at_reload,
    workspace_removed,
)
from tests.matrix.life import Life
from tests.matrix.machines import (
    address_in_use,
    clock_set,
    descriptors_exhausted,
    full_under_backfill,
    full_under_stdout,
    full_under_textfile,
    suspended,
)


class Story(NamedTuple):
    """A fault, the moment of a life at which it comes, and how it is told."""

    fault: str
    moment: str
    tell: Callable[[Life], None]


STORIES = (
    Story("key wrong, then right", "start-up", key_wrong_at_start),
    Story("key rotated", "steady", key_rotated),
    Story("key rotated", "reload", key_rotated_with_reload),
    Story("key file missing", "start-up", key_file_missing_at_start),
    Story("key file missing", "steady", key_file_missing),
    Story("key file missing", "reload", key_file_missing_at_reload),
    Story("segment deleted", "steady", segment_deleted),
    Story("segment deleted", "reload", segment_deleted_at_reload),
    Story("workspace removed during its poll", "reload", workspace_removed),
    Story("clock set 2 min ahead, then right", "steady", clock_set(120)),
    Story("clock set 2 min back, then right", "steady", clock_set(-120)),
    Story("machine suspended for 3 days", "steady", suspended),
    Story("disk full under `once --textfile`", "start-up", full_under_textfile),
    Story("disk full under `backfill --output`", "start-up", full_under_backfill),
    Story("disk full under stdout", "start-up", full_under_stdout),
    Story("address in use", "start-up", address_in_use),
    Story("file descriptors exhausted", "steady", descriptors_exhausted),
)
