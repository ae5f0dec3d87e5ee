"""Load and soak: the exporter for long and under much, bounded, on this machine only."""
