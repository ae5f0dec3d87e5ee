"""A Prometheus exporter for Braze's segment sizes, app sessions, users and events."""

__version__ = "0.1.0"
