"""A workbench: one private network whose weights are read from words, flipped and restored in place.

Nothing outside ever sees this network, so a flip may write into it. Only the floats of flipped words are
decoded and written, and the same ones are written back: a fault map costs what its flips cost, next to the
forward passes. Where many people look at one model, ``faulty_logits`` changes nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from resq import data, networks
from resq.checkpoints import Checkpoint
from resq.core import BitFlips, Encoding, QuantizedModel
from resq.measure.flat import flatten
from resq.measure.fold import fold
from resq.memory import bits, quant
from resq.networks import clamp


def network_of(checkpoint: Checkpoint, model: QuantizedModel) -> networks.Network:
    """A new network that computes with what the words are read as, activations cut where the card says so."""
    normal, classes = checkpoint.normal, data.source(checkpoint.data).classes
    state = {k: quant.dequantize(model.weights[k]) if k in model.weights else v for k, v in _ordered(model)}
    network = networks.restore(
        checkpoint.network, state, mean=normal.mean, std=normal.std, classes=len(classes)
    )
    clamp.install(network.body, checkpoint.card.get("clamp", {}))
    return network


def _ordered(model: QuantizedModel) -> Iterator[tuple[str, np.ndarray]]:
    yield from model.floats.items()
    for name, q in model.weights.items():
        yield name, q.words


# Their words reach 3e38: times a channel's factor a flipped weight could overflow where it alone does not.
UNFOLDED = ("fp32", "bf16")


class Bench:
    """A checkpoint in one encoding, ready to be measured.

    Args:
        folded: whether batch norms may be folded into the convolutions before them; the words stay those of
            the weights as they were, and fp32 and bf16 words are never folded.
        half: whether the network computes in bfloat16, as words of integer codes allow: about twice as fast
            where the processor has instructions for it. Logits are summed up in float32.

    Attributes:
        network: images in [0, 1] -> logits; private to this bench. Folded norms are ``nn.Identity`` in it.
        model: the fault-free words.
        factors: what a folded norm multiplies each channel of a weight by, float32 (channels,).
    """

    def __init__(
        self, checkpoint: Checkpoint, encoding: Encoding, folded: bool = True, half: bool = False
    ) -> None:
        self.checkpoint, self.encoding = checkpoint, encoding
        self.model = checkpoint.quantized(encoding)
        self.network = network_of(checkpoint, self.model)
        body = self.network.body
        found = fold(body) if folded and encoding.code not in UNFOLDED else {}
        self.factors = {name: factor.numpy() for name, factor in found.items()}
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if half:
            self.network = halved(self.network)
        self._flat = flatten(body, self.model, self.factors)

    @contextmanager
    def flipped(self, flips: BitFlips) -> Iterator[networks.Network]:
        """The network with these bits flipped; on leaving, bit for bit what it was."""
        word, mask = bits.masks(
            quant.misread(self.model, flips), self.encoding.stored, quant.word_type(self.encoding)
        )
        place, before = self._flat.write(word, mask)
        try:
            yield self.network
        finally:
            self._flat.floats[place] = before


class Half(networks.Network):
    """A network whose body computes in bfloat16."""

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 3, H, W) in [0, 1] -> logits (N, classes), float32."""
        return self.body(((x - self.mean) / self.std).bfloat16()).float()


class Last(torch.nn.Linear):
    """The layer that gives the logits: with eight bits apiece, many of them would be equal."""

    def forward(self, x: Tensor) -> Tensor:
        """Features (..., inputs) -> logits, summed up in float32."""
        bias = None if self.bias is None else self.bias.float()
        return F.linear(x.float(), self.weight.float(), bias)


def halved(network: networks.Network) -> networks.Network:
    """The network, its parameters and buffers now bfloat16 but for the images' mean and deviation."""
    network.body.bfloat16()
    for layer in [m for m in network.body.modules() if type(m) is torch.nn.Linear][-1:]:
        layer.__class__ = Last
    network.__class__ = Half
    return network


def faulty_logits(network: networks.Network, model: QuantizedModel, flips: BitFlips, x: Tensor) -> Tensor:
    """Logits (N, classes) under flips, of a network that others read at the same time: nothing is written.

    Args:
        network: as ``network_of`` made it from ``model``; a bench's network may be folded and will not do.
    """
    faulty = quant.flip(model, flips)
    touched = {name for name, _, _ in quant.by_layer(model, flips)}
    changed = {f"body.{name}": torch.from_numpy(quant.dequantize(faulty.weights[name])) for name in touched}
    with torch.inference_mode():
        return networks.replaced(network, changed)(x)


def encodings(names: Mapping[str, str] | list[str]) -> list[Encoding]:
    """The encodings of these names, checked."""
    return [Encoding.parse(name) for name in names]
