"""Rows as one HTML file or PDF: ``python -m dashboard.report``."""
