"""Measuring, in the order in which data flows.

specs: what decides the numbers, hashable. engine: a network whose stored words can be flipped and restored.
run: cell -> row. store: rows in parquet files and databases. analysis: rows -> curves and intervals, no
torch.
"""
