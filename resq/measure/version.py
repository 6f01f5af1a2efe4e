"""NUMBERS: which numbers a seed gives. Changed whenever a seed gives other ones; golden tests notice.

A cell's key holds it, so that a store never takes rows of other numbers for the same cell. The ``code`` of a
row is finer: it changes with every edit of the sources, also one that moves no number.
"""

NUMBERS = "1"
