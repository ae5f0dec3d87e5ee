"""A Prometheus exporter for Braze's segment sizes and app sessions."""

__version__ = "0.1.0"
