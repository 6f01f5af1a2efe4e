"""One flipped weight: what it is read as, how far it travels through the layers, what the network answers."""
