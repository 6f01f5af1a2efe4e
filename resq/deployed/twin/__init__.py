"""A deployed file as a torch network: the same graph and words, with gradients for images and words."""
