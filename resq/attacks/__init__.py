"""The threat from outside: attacks that move pixels."""
