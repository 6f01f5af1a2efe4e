"""Rows of deployed files: their own words flip, their own runtime answers, attacks through it or its twin."""
