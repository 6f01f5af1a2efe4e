"""A file as its runtime reads it: its own words, its own bits, its own answers."""
