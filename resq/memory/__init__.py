"""Memory: weights as they are stored. Words and encodings, the bits that flip, the undoing of it."""
