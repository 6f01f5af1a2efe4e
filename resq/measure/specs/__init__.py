"""Every input that decides the numbers, frozen and hashable: cells, sweeps, campaigns. No torch."""
