"""`make fuzz`: every property with many inputs, and how many were tried of each.

    python -m tests.fuzz --times 10 tests/test_buckets.py

Inputs differ from run to run; one that fails is tried first by the next.
"""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator

_PROPERTY = re.compile(r"(tests/\S+::\S+):")
_TRIED = re.compile(r" +- (\d+) passing, (\d+) failing, and \d+ invalid test cases?")


def tried(lines: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Each property of pytest's statistics of hypothesis, and how many inputs it was tried with."""
    name, count = "", 0
    for line in lines:
        if found := _PROPERTY.fullmatch(line.rstrip()):
            if name:
                yield name, count
            name, count = found[1], 0
        elif found := _TRIED.fullmatch(line.rstrip()):
            count += int(found[1]) + int(found[2])
    if name:
        yield name, count


def main() -> int:
    """Run them; returns pytest's exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", default="10", help="as many inputs as in the ordinary tests")
    parser.add_argument("tests", nargs="*", default=["tests"], help="files, or tests in them")
    given = parser.parse_args()
    command = [sys.executable, "-m", "pytest", "-m", "hypothesis", "--hypothesis-show-statistics"]
    run = subprocess.run(
        [*command, "-p", "no:cacheprovider", "-q", *given.tests],
        env=os.environ | {"FUZZ_TIMES": given.times},
        stdout=subprocess.PIPE,
        text=True,
    )
    counts = dict(tried(run.stdout.splitlines()))
    if run.returncode:
        print(run.stdout)
    for name, count in sorted(counts.items()):
        print(f"{count:8,}  {name}")
    print(f"{sum(counts.values()):8,}  inputs for {len(counts)} properties")
    if not all(counts.values()):  # another hypothesis may say it in other words
        sys.exit("not every property says how many inputs it was tried with")
    return run.returncode


if __name__ == "__main__":
    sys.exit(main())
