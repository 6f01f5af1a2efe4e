"""Figures of pictures that move among a network's last features."""
