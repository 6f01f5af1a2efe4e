"""One word, one layer, one picture: what a few flipped bits and an attack change in a network's answer.

All that decides it is one small frozen value, so it can stand in an address, key a cache, and be compared.
Pure functions; no model is written into.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from resq.core import FLOATS, BitFlips, QuantizedModel, QuantizedTensor, commands, seeds
from resq.memory import faults, flipping, quant
from resq.memory.guards.layers import Layer

if TYPE_CHECKING:
    from torch import Tensor

    from resq.networks import Network

STEPS = 20  # of PGD, 2/255 each; as many as a sweep takes unless told otherwise
RATES = (0.0, 1e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
MOST_FLIPS = 1_000_000  # of a map that is drawn while somebody moves a slider


@dataclass(frozen=True)
class BitExperiment:
    """Everything that decides the answer to one picture.

    Attributes:
        flips: bits of the chosen weight that are flipped.
        plane, share, draw: this bit plane is flipped in this share of the layer's weights, drawn by a seed.
        eps: how far an attack moves every pixel at most, 1/255; 0: there is none.
        mode: "transfer", made on the stored network, or "adaptive", on the one with the flips.
        seed: decides PGD's random start.
        ber: probability that any stored bit flips besides, in a fault map that ``draw`` decides.
    """

    net: str
    enc: str
    layer: str
    w: int
    img: int = 0
    flips: tuple[int, ...] = ()
    plane: int = 0
    share: float = 0.0
    draw: int = 0
    eps: float = 0.0
    attack: str = "pgd"
    mode: str = "transfer"
    seed: int = 0
    ber: float = 0.0

    def argv(self) -> list[str]:
        """The words after ``python -m resq`` that compute it."""
        arguments = ["flip", self.net, "--encoding", self.enc, "--layer", self.layer, "--weight", str(self.w)]
        arguments += ["--bits", ",".join(map(str, self.flips))] if self.flips else []
        if self.share:
            arguments += ["--plane", str(self.plane), "--share", commands.number(self.share)]
        arguments += ["--ber", commands.number(self.ber)] if self.ber else []
        arguments += ["--draw", str(self.draw)] if self.share or self.ber else []
        arguments += ["--image", str(self.img)]
        if self.eps:
            arguments += ["--eps", commands.number(self.eps), "--attack", self.attack, "--mode", self.mode]
            arguments += ["--seed", str(self.seed)]
        return arguments

    @property
    def command(self) -> str:
        """What computes it in a terminal."""
        return commands.line(self.argv())


@dataclass(frozen=True)
class Reading:
    """One stored word before and after its flips, and what it is read as.

    Attributes:
        words: as they lie in memory; of several copies the first.
        codes, values: as they are read, after majorities and guards; codes are None of floats.
    """

    words: tuple[int, int]
    codes: tuple[int, int] | None
    values: tuple[float, float]


def flips(model: QuantizedModel, lab: BitExperiment) -> BitFlips:
    """All flipped bits: of the chosen weight, of the plane and of the map; flipped twice is not flipped."""
    layout = model.layout
    addresses = np.array(sorted(layout.address(lab.layer, lab.w, bit) for bit in lab.flips), dtype=np.int64)
    for others in (_plane(model, lab), _map(model, lab)):
        if len(others):
            addresses = np.setxor1d(addresses, others, assume_unique=True)
    return BitFlips(addresses, np.zeros(len(addresses)))


def rates(model: QuantizedModel) -> tuple[float, ...]:
    """The bit error rates to choose from: those whose maps have ``MOST_FLIPS`` or fewer on average."""
    return tuple(rate for rate in RATES if rate * model.layout.n_bits <= MOST_FLIPS)


def _map(model: QuantizedModel, lab: BitExperiment) -> np.ndarray:
    """Addresses (flips,) int64 of one fault map over the network; those of a smaller rate are a part."""
    if not lab.ber:
        return np.empty(0, dtype=np.int64)
    top = max(lab.ber, rates(model)[-1])
    rng = seeds.rng(lab.draw, "bitlab", "map")
    return faults.random(faults.region(model.layout), top, rng=rng).at_rate(lab.ber).addresses


def _plane(model: QuantizedModel, lab: BitExperiment) -> np.ndarray:
    if not lab.share:
        return np.empty(0, dtype=np.int64)
    where = faults.region(model.layout, [lab.layer], [lab.plane])
    rng = seeds.rng(lab.draw, "bitlab", lab.layer, lab.plane)
    # Drawn once at the full rate and cut to the share: 10 % then holds the bits of 1 %.
    return faults.random(where, 1.0, rng=rng).at_rate(lab.share).addresses


def reading(model: QuantizedModel, faulty: QuantizedModel, layer: str, w: int, flipped: BitFlips) -> Reading:
    """The chosen weight in both models.

    Args:
        flipped: the bits that make the one of the other.
    """
    q = model.weights[layer]
    pairs = [either.weights[layer].words.reshape(-1)[w : w + 1] for either in (model, faulty)]
    entry = quant.channel(q, np.array([w]))
    before, after = (float(quant.values(v, q.scale[entry], q.zero[entry], q.encoding)[0]) for v in pairs)
    table = None if q.encoding.code in FLOATS else quant.codes(q.encoding)
    codes = None if table is None else (int(table[pairs[0][0]]), int(table[pairs[1][0]]))
    first = model.layout.address(layer, w, 0)
    own = flipped.addresses[np.searchsorted(flipped.addresses, first) :] - first
    mask = sum(1 << int(bit) for bit in own[own < q.encoding.word_bits])
    held = _in_memory(q, w)
    return Reading((held, held ^ mask), codes, (before, after))


def _in_memory(q: QuantizedTensor, w: int) -> int:
    """The stored word of one weight: a guard may keep its own bits in it."""
    if not q.encoding.guard:
        return int(q.words.reshape(-1)[w])
    layer = Layer(q.words.reshape(-1), q.encoding)
    block = layer.block(np.array([w]))
    (index, real), (words, _) = layer.members(block), layer.in_memory(block)
    return int(words[(index == w) & real][0])


def probabilities(logits: Tensor) -> np.ndarray:
    """Softmax of one image's logits (1, classes) as float64; NaN throughout where they are not finite."""
    z = logits[0].double().numpy()
    if not np.isfinite(z).all():
        return np.full(len(z), np.nan)
    e = np.exp(z - z.max())
    return e / e.sum()


def answer(network: Network, model: QuantizedModel, bits: BitFlips, x: Tensor) -> np.ndarray:
    """Class probabilities of one image (1, 3, H, W) under flips."""
    from resq.measure.engine import faulty_network

    return probabilities(faulty_network.faulty_logits(network, model, bits, x))


def perturbed(
    network: Network, model: QuantizedModel, bits: BitFlips, x: Tensor, lab: BitExperiment
) -> Tensor:
    """The image (1, 3, H, W) as the attack moves it, away from what the attacked network answers.

    All steps are taken, also after the answer has changed: the image may have to fool another network.

    Raises:
        ValueError: no such attack, or a budget beyond 255/255.
    """
    import torch

    from resq.attacks import linf
    from resq.core import lookup
    from resq.measure.run import joint_attack
    from resq.measure.specs.sweep_spec import attacks

    lookup("attack", lab.attack, attacks())
    eps = linf.check_eps(lab.eps / 255)
    own = _read(network, model, bits) if lab.mode == "adaptive" and len(bits) else network
    with torch.no_grad():
        y = own(x).argmax(1)
    threat = joint_attack.AttackConfig(lab.attack, lab.eps, STEPS, 1, lab.seed)
    # A broken network's slope may be no number; such pixels stay within what they are allowed.
    return linf.project_linf(joint_attack.perturb(own, x, y, threat, early_stop=False), x, eps)


def _read(network: Network, model: QuantizedModel, bits: BitFlips) -> Network:
    """A network of one's own that computes with the flipped words."""
    import torch

    from resq import networks

    faulty = flipping.flip(model, bits)
    names = {name for name, _, _ in flipping.by_layer(model, bits)}
    weights = {f"body.{name}": torch.from_numpy(quant.dequantize(faulty.weights[name])) for name in names}
    return networks.replaced(network, weights)


def four(network: Network, model: QuantizedModel, bits: BitFlips, x: Tensor, attacked: Tensor) -> np.ndarray:
    """Class probabilities float64 (2, 2, classes): as stored and with the flips; clean and attacked."""
    none = BitFlips(np.empty(0, dtype=np.int64), np.empty(0))
    pairs = [[answer(network, model, b, image) for image in (x, attacked)] for b in (none, bits)]
    return np.array(pairs)
