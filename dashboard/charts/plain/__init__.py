"""Figures as the plain values that are sent to a browser."""
