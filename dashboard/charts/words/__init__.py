"""Where words stand in a figure."""
