"""Speed against the limit: every figure is a ratio or a median taken in one run on this machine."""
