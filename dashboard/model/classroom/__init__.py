"""A class that predicts together: tables.py (stored), rooms.py, predictions.py, ledger.py (to hand in)."""
