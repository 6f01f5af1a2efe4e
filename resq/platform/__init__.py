"""Workarounds for the libraries underneath: the C allocator, and torchvision beside a CPU-only torch."""
