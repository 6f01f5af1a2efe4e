"""Learning: one training loop, fed by vectorised augmentation, for every stage and every recipe."""
