"""Whether onnxruntime by its defaults answers otherwise on this processor than as it is measured.

Without VNNI its kernels add pairs of products, uint8 activations times int8 weights, in 16 bits and cut off
what lies beyond; here the option is set by which they are exact (``resq.deployed.runtimes.onnxruntime``).
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from resq import data
from resq.core import Dataset
from resq.core.errors import ResqError
from resq.deployed.network import Network
from resq.deployed.pixels import Asked
from resq.measure.specs.sweep_spec import SweepSpec
from resq.platform import vnni

FIRST = 100  # images
INEXACT = (
    "note: this processor has no VNNI, and onnxruntime does not run {file} with exact sums here: they are "
    "cut off at 16 bits, so that processors with VNNI may answer otherwise; measure there what holds there"
)


def hints(spec: SweepSpec) -> list[str]:
    """The sentence of ``sentences`` for what a measurement is about; images that are not here it refuses."""
    if not vnni.lacking() or not spec.checkpoint.lower().endswith(".onnx"):
        return []
    with suppress(ResqError, OSError), Network(spec.checkpoint, "all", Asked.parse(spec.inputs)) as network:
        return sentences(network, data.load(spec.dataset, "test"))
    return []


def sentences(network: Network, images: Dataset) -> list[str]:
    """How many of the first images get another answer by default, of a file that is open."""
    if not vnni.lacking() or not any(stored.dtype == "int8" for stored in network.parsed.stored):
        return []
    some = images.first(min(FIRST, len(images)))
    own = network.logits(some.pixels)
    if not network.exact:
        return [INEXACT.format(file=network.file.name)]
    default = network.by_default(some.pixels)
    if default is None:
        return []
    if np.array_equal(own, default):
        return []
    moved = int((own.argmax(1) != default.argmax(1)).sum())
    return [
        "note: this processor has no VNNI, so that onnxruntime's default cuts off sums of "
        f"{network.file.name} at 16 bits: other logits, and another class for {moved} of the first "
        f"{len(some)} test images; measured are exact sums (session.x64quantprecision = 1)"
    ]
