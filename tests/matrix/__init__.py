"""The fault matrix: every fault, in every collector, at every moment of an exporter's life.

`make matrix` tries all of it and writes docs/reliability.md, test_matrix.py tries a part.
"""
