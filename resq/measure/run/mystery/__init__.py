"""A hidden cause to be diagnosed: cases.py, what a code hides; suspect.py, what can be measured of it."""
