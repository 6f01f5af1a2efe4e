"""Rows to numbers: curves, intervals, areas, sample sizes, fronts. pandas and scipy, never torch."""
