"""What to store against a failing memory: a place's rate, protections at their price, their sentences."""
