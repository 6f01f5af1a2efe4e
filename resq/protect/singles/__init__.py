"""Single faults: which share of the flips of each layer and bit changes an answer alone."""
