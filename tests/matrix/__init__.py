"""The fault matrix: every fault, in every collector, at every moment of an exporter's life.

`python -m tests.matrix` tries all of it and writes docs/reliability.md; test_matrix.py a part of it.
"""
