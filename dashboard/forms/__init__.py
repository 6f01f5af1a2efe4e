"""Widgets to specs and to the address bar, one file per page."""
