"""A network under faults: flipped words are written into its weights, it answers, the old words come back."""
