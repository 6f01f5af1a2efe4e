"""RESQ Lab's backend: quantized networks under bit flips and adversarial examples. It never draws."""

__version__ = "0.1.0"
