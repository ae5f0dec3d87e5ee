"""A small Braze, written from its documentation alone: for the demo, tests and faults.

Where a docstring says how Braze behaves, it names its source: DOCS are Braze's own pages; RUBY-VCR
are recorded answers in `jonallured/braze_ruby`; AIRBYTE-REC are rows that Airbyte's Braze connector
read from a live workspace, kept in its integration tests. What has no source is a guess.
"""

from exporter.simulator.api import DEFAULT_KEY, Simulator
from exporter.simulator.faults import FAULTS, Faults
from exporter.simulator.journal import Received
from exporter.simulator.server import Server, serve
from exporter.simulator.times import HOUR_FORMS
from exporter.simulator.wire import Behaviour, Response
from exporter.simulator.workspace import APP_IDS, App, Segment
from exporter.simulator.world import Point, World

__all__ = [
    "APP_IDS",
    "DEFAULT_KEY",
    "FAULTS",
    "HOUR_FORMS",
    "App",
    "Behaviour",
    "Faults",
    "Point",
    "Received",
    "Response",
    "Segment",
    "Server",
    "Simulator",
    "World",
    "serve",
]
