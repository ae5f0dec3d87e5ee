"""How a command ends."""

DONE = 0
FAILED = 1
USAGE = 2
"""The command line or the settings are wrong."""
