"""Which part of all segments, apps and workspace totals this exporter polls, of several: pure."""

import re
from dataclasses import dataclass
from hashlib import blake2b

_WRITTEN = re.compile(r"([0-9]{1,9}|auto)/([0-9]{1,9})", re.ASCII)
_ORDINAL = re.compile(r".*-([0-9]{1,9})", re.ASCII)
_MOST = 1000


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `total` exporters with the same settings; `ordinal` counts from 0.

    They need not know of each other: each computes the same shard for a resource.
    """

    ordinal: int = 0
    total: int = 1

    def __str__(self) -> str:
        return f"{self.ordinal}/{self.total}"

    def has(self, *resource: str) -> bool:
        """Whether the resource of this name is one of this shard's."""
        if self.total == 1:
            return True
        # It may never change, or exporters of two releases would leave something out. Python's own
        # hash differs from process to process.
        digest = blake2b("/".join(resource).encode("utf-8", "replace"), digest_size=8).digest()
        return jump(int.from_bytes(digest, "big"), self.total) == self.ordinal

    def part_of(self, ceiling: int) -> int:
        """An equal part of a ceiling that holds for all shards together; at least 1."""
        return max(ceiling // self.total, 1)


EVERYTHING = Shard()


def jump(key: int, total: int) -> int:
    """The shard, from 0, of a 64-bit `key`.

    Jump consistent hash (Lamping and Veach, 2014, arXiv:1406.2294), as kube-state-metrics uses it:
    with one shard more, only what moves to the new one moves.
    """
    shard, following = 0, 0
    while following < total:
        shard = following
        key = (key * 2862933555777941757 + 1) & 0xFFFF_FFFF_FFFF_FFFF
        following = ((shard + 1) << 31) // ((key >> 33) + 1)
    return shard


def shard_of(value: object, hostname: str) -> Shard:
    """`1/3`, or `auto/3` with the number at the end of `hostname`, as a StatefulSet's pods have it.

    Raises ValueError with a sentence that says what is expected.
    """
    if isinstance(value, Shard):
        return value
    written = _WRITTEN.fullmatch(value) if isinstance(value, str) else None
    if written is None:
        raise ValueError("must be a shard such as 0/3, of three the first, or auto/3")
    total = int(written[2])
    if not 1 <= total <= _MOST:
        raise ValueError(f"must be one of 1 to {_MOST} shards, such as 0/3")
    if written[1] != "auto":
        ordinal = int(written[1])
        if ordinal >= total:
            raise ValueError(
                f"is beyond the last one: shards count from 0, so {total - 1}/{total} is the last"
            )
        return Shard(ordinal, total)
    ending = _ORDINAL.fullmatch(hostname.partition(".")[0])
    if ending is None:
        raise ValueError(
            "needs a host name that ends in a number, as a StatefulSet's pod has it (exporter-0); "
            f"this one does not: write the number, such as 0/{total}"
        )
    ordinal = int(ending[1])
    if ordinal >= total:
        raise ValueError(
            f"is of {total} shards, but this host's name ends in -{ordinal}: set as many as there "
            "are replicas; they count from 0"
        )
    return Shard(ordinal, total)
