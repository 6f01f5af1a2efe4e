"""A deployed file as a torch network: the same graph and words, with gradients for the images and for the words."""
