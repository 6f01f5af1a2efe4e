"""One private network whose weights are read from words, flipped and restored in place.

Nothing outside ever sees this network, so a flip may write into it. Only the floats of flipped words are
decoded and written, and the same ones are written back: a fault map costs what its flips cost, next to the
forward passes. Where many people look at one model, ``faulty_logits`` changes nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from resq import data, networks
from resq.checkpoints import Checkpoint
from resq.core import BitFlips, Encoding, QuantizedModel, QuantizedTensor
from resq.core.errors import ResqError
from resq.data import order
from resq.measure.engine.bf16_networks import own_to_bf16, to_bf16
from resq.measure.engine.fold_batchnorm import check, fold
from resq.measure.engine.weight_buffer import flatten
from resq.memory import beside, bits, flipping, quant
from resq.memory.beside import SCALE, ZERO, Beside, Struck, plain
from resq.networks import clamp


def network_of(checkpoint: Checkpoint, model: QuantizedModel) -> networks.Network:
    """A new network that computes with what the words are read as, activations cut where the card says so.

    Raises:
        ValueError: activations are to be cut to the range of training images, and it names none.
        FileNotFoundError: the images are not on this machine.
    """
    ranged = any(q.encoding.ranger for q in model.weights.values())
    if checkpoint.make is not None:
        if ranged:
            raise ResqError(
                f"+ranger cuts activations to the range that training images show, and {checkpoint.name}, a "
                "module of your own, names none; give an encoding without it, or a checkpoint"
            )
        read = {name: quant.dequantize(q) for name, q in model.weights.items()}
        own: networks.Network = checkpoint.make({**model.floats, **read})
        return own
    normal, classes = checkpoint.normal, data.source(checkpoint.data).classes
    words = {name: _parameter(q) for name, q in model.weights.items()}
    state: dict[str, np.ndarray | torch.Tensor] = {**model.floats, **words}
    network = networks.restore(
        checkpoint.network, state, mean=normal.mean, std=normal.std, classes=len(classes)
    )
    clamp.install(network.body, checkpoint.card.get("clamp", {}))
    if ranged:
        clamp.install(network.body, limits(network, checkpoint.data))
    return network


def limits(network: networks.Network, dataset: str) -> dict[str, float]:
    """The largest magnitude of each activation over the first 500 training images: 32 bits of memory each.

    Raises:
        FileNotFoundError: the images are not on this machine.
    """
    images = data.load(dataset, "train")
    pixels = np.ascontiguousarray(order.few(images, min(CALIBRATION, len(images))).pixels)
    return clamp.bounds(network.body, network, torch.from_numpy(pixels).float().div_(255))


def _parameter(q: QuantizedTensor) -> Tensor:
    """What the words are read as, in memory of its own: float words are read without a copy."""
    values = quant.dequantize(q)
    return torch.from_numpy(values.copy() if np.may_share_memory(values, q.words) else values)


CALIBRATION = 500  # training images that limits of activations are taken from


# Their words reach 3e38: times a channel's factor a flipped weight could overflow where it alone does not.
UNFOLDED = ("fp32", "bf16")


class FaultyNetwork:
    """A checkpoint in one encoding, ready to be measured.

    Args:
        folded: whether batch norms may be folded into the convolutions before them; the words stay those of
            the weights as they were, and fp32 and bf16 words are never folded.
        floats: whether the numbers beside the words may be flipped too: then norms stay as they are stored.
        bf16: whether the network computes in bfloat16, as words of integer codes allow: about twice as fast
            where the processor has instructions for it. Logits are summed up in float32.
        device: where it computes, see ``platform.devices``; None: the processor.

    Attributes:
        checkpoint: what it was made of, without the floats of its weights: their words are in ``model``.
        network: images in [0, 1] -> logits; private to this object. Folded norms are ``nn.Identity`` in it.
        model: the fault-free words; where norms are stored folded, with the scales that are stored then.
        beside: the numbers stored beside them; None where nobody asks.
        factors: what a folded norm multiplies each channel of a weight by, float32 (channels,).
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        encoding: Encoding,
        folded: bool = True,
        bf16: bool = False,
        floats: bool = False,
        device: torch.device | None = None,
    ) -> None:
        self.encoding, self.device = encoding, device
        self.model = checkpoint.quantized(encoding)
        self.checkpoint = replace(checkpoint, state=self.model.floats, imported={}, finished={})
        self.network = network_of(checkpoint, self.model)
        self.beside: Beside | None = None
        self.factors: dict[str, np.ndarray] = {}
        body = self.network.body
        if encoding.beside == "folded":
            check(body)
            self.model, self.beside = deployed(body, self.model, encoding.beside_copies)
        elif floats:
            self.beside = plain(self.model, encoding.beside_copies)
        elif folded and encoding.code not in UNFOLDED and checkpoint.make is None:
            # A convolution of a person's own class may do to its weight what no factor can follow.
            self.factors = {name: factor.numpy() for name, factor in fold(body).items()}
        if checkpoint.make is None:  # one of a person's own may ask for views that channels last has not
            self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if bf16:
            self.network = (to_bf16 if checkpoint.make is None else own_to_bf16)(self.network)
        self._flat = flatten(body, self.model, self.factors, device)
        self.model = self._flat.shared(self.model)
        if device is not None:
            self.network.to(device)

    @contextmanager
    def flipped(self, flips: BitFlips | Struck) -> Iterator[networks.Network]:
        """The network with these bits flipped; on leaving, bit for bit what it was."""
        weight_flips = flips.words if isinstance(flips, Struck) else flips
        changed = self._read(flips) if isinstance(flips, Struck) else {}
        word, mask = bits.masks(
            flipping.misread(self.model, weight_flips),
            self.encoding.word_bits,
            quant.word_type(self.encoding),
        )
        if any(name.endswith((SCALE, ZERO)) for name in changed):
            scale, zero = self._rows(changed, SCALE), self._rows(changed, ZERO)
            place, before = self._flat.rescaled(word, mask, scale, zero)
        else:
            place, before = self._flat.write(word, mask)
        held = self._written(changed)
        try:
            yield self.network
        finally:
            self._flat.put(place, before)
            for tensor, old in held:
                tensor.copy_(old)

    def _read(self, flips: Struck) -> dict[str, np.ndarray]:
        """The numbers beside the words that the flips change.

        Raises:
            ValueError: this network was made for flips of the words alone.
        """
        if self.beside is None:
            raise ResqError("flips of what is stored beside the words need FaultyNetwork(..., floats=True)")
        return self.beside.read(flips.beside)

    def _rows(self, changed: Mapping[str, np.ndarray], end: str) -> np.ndarray:
        """The scale or the zero point of every row, or word, of the buffer under the changes."""
        values, first = (self._flat.scale if end == SCALE else self._flat.zero).copy(), 0
        for name, q in self.model.weights.items():
            last = first + (q.words.size if self._flat.fine else len(q.words))
            if name + end in changed:  # one number, or one for each run of so many rows or words
                number = changed[name + end]
                values[first:last] = np.repeat(number, (last - first) // len(number))
            first = last
        return values

    def _written(self, changed: Mapping[str, np.ndarray]) -> list[tuple[Tensor, Tensor]]:
        """Writes parameters and buffers; returns them with what was in them."""
        body, held = self.network.body, []
        there = {**dict(body.named_parameters()), **dict(body.named_buffers())}
        for name, value in changed.items():
            if not name.endswith((SCALE, ZERO)):
                held.append((there[name], there[name].clone()))
                there[name].copy_(torch.from_numpy(value))
        return held


def deployed(body: nn.Module, model: QuantizedModel, copies: int) -> tuple[QuantizedModel, Beside]:
    """Folds the body's norms and stores what is left in integers; body and model then hold what is read."""
    factors = {name: factor.numpy() for name, factor in fold(body).items()}
    model = beside.rescaled(model, factors)
    there = {**dict(body.named_parameters()), **dict(body.named_buffers())}
    others = {n: t for n, t in there.items() if n not in model.weights and t.is_floating_point()}
    stored_floats = beside.folded(
        model, {name: tensor.numpy().copy() for name, tensor in others.items()}, copies
    )
    values = stored_floats.values()
    model = beside.reread(model, values)
    for name, tensor in others.items():
        tensor.copy_(torch.from_numpy(values[name]))
    for name, q in model.weights.items():
        body.get_parameter(name).copy_(torch.from_numpy(quant.dequantize(q)))
    return model, stored_floats


def faulty_logits(network: networks.Network, model: QuantizedModel, flips: BitFlips, x: Tensor) -> Tensor:
    """Logits (N, classes) under flips, of a network that others read at the same time: nothing is written.

    Args:
        network: as ``network_of`` made it from ``model``; one that is folded will not do.
    """
    faulty = flipping.flip(model, flips)
    touched = {name for name, _, _ in flipping.by_layer(model, flips)}
    changed = {f"body.{name}": torch.from_numpy(quant.dequantize(faulty.weights[name])) for name in touched}
    with torch.inference_mode():
        return networks.replaced(network, changed)(x)


def encodings(names: Mapping[str, str] | list[str]) -> list[Encoding]:
    """The encodings of these names, checked."""
    return [Encoding.parse(name) for name in names]
