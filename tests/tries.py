"""How many inputs a property is tried with: some in the ordinary tests, many by `make fuzz`."""

import os
from typing import Any

from hypothesis import HealthCheck, Phase, settings

TIMES = float(os.environ.get("FUZZ_TIMES", "1"))
"""How often as many as in the ordinary tests; below 1 for mutants, whose failures nobody reads."""


def load_profile() -> None:
    """What holds of every property. No input may be too slow: on a busy machine any is.

    The ordinary tests try the same inputs wherever they run; `make fuzz` tries others each time,
    and first those that failed the last time.
    """
    small = () if TIMES < 1 else (Phase.shrink, Phase.explain)
    settings.register_profile(
        "ours",
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        max_examples=_times(100),
        phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.target, *small),
        derandomize=TIMES <= 1,
        print_blob=True,
    )
    settings.load_profile("ours")


def tries(ordinary: int, **others: Any) -> settings:
    """So many inputs in the ordinary tests, where 100 are too few or too slow."""
    return settings(max_examples=_times(ordinary), **others)


def _times(ordinary: int) -> int:
    return max(int(ordinary * TIMES), 1)
