"""Measurements of what the project claims, run by hand."""
