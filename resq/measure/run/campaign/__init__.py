"""Many cells: those that are not stored yet, on what they are measured, when a series is narrow enough."""
