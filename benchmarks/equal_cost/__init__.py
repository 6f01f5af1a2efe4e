"""Adversarial methods at equal cost: each is trained from one checkpoint and judged on the same images."""
