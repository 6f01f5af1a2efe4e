"""Rows at rest: their columns, parquet files, SQLite and PostgreSQL."""
