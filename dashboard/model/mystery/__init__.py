"""The mystery: probes.py, what can be asked and what it costs; diagnosis.py, what is named and its points."""
