"""Cells to rows, one file per measurement: sweeps, joint attacks, sensitivity, confusion, checks."""
