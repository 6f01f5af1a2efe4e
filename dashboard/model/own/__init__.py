"""Networks that people bring: files taken in, names given, kept and deleted."""
