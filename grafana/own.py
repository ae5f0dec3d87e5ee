"""The PromQL of the exporter's own metrics, and the colours that its parts always have."""

from grafana.style import BAD, CALM, PINK, SKY, Json, fixed, like

TARGET = 'job=~"$job", instance=~"$instance"'
HERE = f'{TARGET}, workspace=~"$workspace"'

COLLECTOR = "workspace, collector"
RUNNING = f"braze_exporter_build_info{{{TARGET}}}"


def newest(metric: str, by: str = COLLECTOR) -> str:
    """A gauge of the exporter."""
    return f"max by ({by}) ({metric}{{{HERE}}})"


PARTS: tuple[Json, ...] = (
    like("discovery$|segments.list", **fixed(CALM)),
    like("segments$|segments.data_series", **fixed(SKY)),
    like("sessions$|sessions.data_series", **fixed(PINK)),
)
"""A collector, and the endpoint it reads."""

STATES: tuple[Json, ...] = (
    like("filtered$", **fixed(CALM)),
    like("selected$", **fixed(SKY)),
    like("over_limit$", **fixed(BAD)),
)
"""Of segments in Braze's list."""
