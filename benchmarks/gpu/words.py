"""Weights as affine codes per output channel, their flips, training under them, and files of them.

The codes are those of ``resq.memory.quant``, the files laid out as those of ``resq.checkpoints``; both are
written out here so that the programme runs where nothing but torch and numpy is.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import load_file, save_file
from torch import Tensor, nn

from benchmarks.gpu.images import Images
from benchmarks.gpu.learner import Learner
from benchmarks.gpu.methods import Method, asked, moved
from benchmarks.gpu.network import ResNet18, weight_names

SCALE, ZERO, SHAPE = "|scale", "|zero", "|shape"
TRIPLED = 2  # of four bits; the copies of each are voted on


def coded(weight: Tensor, bits: int) -> tuple[Tensor, Tensor, Tensor]:
    """Codes (out, rest) in 0..2^bits - 1 as int32, scale and zero point (out, 1) of a weight (out, ...)."""
    rows = weight.contiguous().view(len(weight), -1)
    low, high = rows.amin(1, keepdim=True), rows.amax(1, keepdim=True)
    alike = low == high  # such a row has no range of its own, so zero is taken in
    low, high = torch.where(alike, low.clamp(max=0), low), torch.where(alike, high.clamp(min=0), high)
    scale = (high - low) / (2**bits - 1)
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    zero = (-low / scale).round()
    return ((rows / scale).round() + zero).clamp(0, 2**bits - 1).int(), scale, zero


def read(codes: Tensor, scale: Tensor, zero: Tensor, like: Tensor) -> Tensor:
    """The float32 weight that codes stand for, in the shape of ``like``."""
    return ((codes - zero) * scale).view(like.shape)


def struck(codes: Tensor, bits: int, rate: float, tripled: int = TRIPLED) -> Tensor:
    """Codes whose bits flip as stored bits do at ``rate``: a tripled bit where two of its copies flip."""
    for bit in range(bits):
        voted = bit >= bits - tripled
        rng = 3 * rate**2 - 2 * rate**3 if voted else rate
        codes = codes ^ ((torch.rand(codes.shape, device=codes.device) < rng).int() << bit)
    return codes


class WordLearner(Learner):
    """Training with the weights as they will be stored, half of the loss with bits of them flipped.

    Both halves are on images that ``method`` moved with the stored weights. The flips' pass leaves the batch
    norms alone, and each element of its gradient is bounded by ``CLIP``. Weights stay within ``SIGMAS``
    standard deviations of their layer at the start (Stutz et al., MLSys 2021).
    """

    BITS, CLIP, SIGMAS = 4, 0.05, 3.0

    def __init__(self, network: ResNet18, images: Images, batch: int, method: Method, rate: float) -> None:
        super().__init__(network, images, batch, lambda *_: torch.zeros(()))
        self.method, self.bits_rate = method, rate
        stored = set(weight_names(network))
        self.stored = [name in stored for name in self.names]
        bounded = [w for w, s in zip(self.master, self.stored, strict=True) if s]
        limits = [float(w.std()) * self.SIGMAS for w in bounded]

        def cut() -> None:
            for weight, most in zip(bounded, limits, strict=True):
                weight.clamp_(-most, most)

        self.after = cut

    def _values(self) -> tuple[list[Tensor], list[Tensor]]:
        """All parameters as their words are read, without flips and with fresh ones."""
        calm, hit = list(self.master), list(self.master)
        for i, weight in enumerate(self.master):
            if self.stored[i]:
                codes, scale, zero = coded(weight, self.BITS)
                calm[i] = read(codes, scale, zero, weight)
                hit[i] = read(struck(codes, self.BITS, self.bits_rate), scale, zero, weight)
        return calm, hit

    def gradients(self) -> list[Tensor]:
        """The gradient of both halves to the float weights, straight through the rounding."""
        x, y = self.images.batch(self.rows)
        with torch.no_grad():
            calm, hit = self._values()
        self.write(calm)
        self.network.eval()
        near, wanted = moved(self.network, x, y, self.method).detach(), asked(x, y, self.method, None)
        self.network.train()
        loss = F.cross_entropy(self.network(near).float(), wanted) / 2
        self.loss_sum += 2 * loss.detach()
        own = [g.float() for g in torch.autograd.grad(loss, self.working)]
        self.write(hit)
        self.network.eval()
        faulty = F.cross_entropy(self.network(near).float(), wanted) / 2
        for total, part in zip(own, torch.autograd.grad(faulty, self.working), strict=True):
            total += part.float().clamp(-self.CLIP / 2, self.CLIP / 2)
        return own


def stored_as(network: nn.Module, bits: int, rate: float = 0.0) -> None:
    """A float32 network computes with its weights as codes of ``bits`` from now on, flipped at ``rate``."""
    own = dict(network.named_parameters())
    with torch.no_grad():
        for name in weight_names(network):
            codes, scale, zero = coded(own[name], bits)
            codes = struck(codes, bits, rate) if rate else codes
            own[name].copy_(read(codes, scale, zero, own[name]))


def write(network: nn.Module, file: Path, bits: int) -> None:
    """Writes a float32 network's weights as codes of 8 or 4 bits, all else as it is."""
    names = set(weight_names(network))
    found: dict[str, np.ndarray] = {}
    for name, value in network.state_dict().items():
        found |= _packed(name, value, bits) if name in names else {name: _array(value)}
    save_file(found, file)


def _packed(name: str, weight: Tensor, bits: int) -> dict[str, np.ndarray]:
    codes, scale, zero = coded(weight, bits)
    beside = {name + SCALE: _array(scale)[:, 0].copy(), name + ZERO: _array(zero)[:, 0].copy()}
    words = codes.cpu().numpy().astype(np.uint8)
    if bits == 8:
        return {name: words.reshape(weight.shape), **beside}
    even = np.pad(words, ((0, 0), (0, words.shape[1] % 2)))
    shape = np.array(weight.shape, np.int64)
    return {name: even[:, ::2] | even[:, 1::2] << 4, **beside, name + SHAPE: shape}


def _array(value: Tensor) -> np.ndarray:
    return np.asarray(value.cpu().numpy(), order="C")


def load(file: Path, device: torch.device, pool: bool = True) -> ResNet18:
    """A float32 network in evaluation mode out of a file of 8-bit or 4-bit codes."""
    tensors = load_file(file)
    state = {k: _weight(k, tensors) for k in tensors if "|" not in k}
    network = ResNet18(pool, width=len(state["conv1.weight"]))
    network.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()})
    network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network.eval().requires_grad_(False)


def _weight(name: str, tensors: Mapping[str, np.ndarray]) -> np.ndarray:
    words = tensors[name]
    if name + SCALE not in tensors:
        return words
    shape = words.shape
    if name + SHAPE in tensors:
        shape = tuple(int(n) for n in tensors[name + SHAPE])
        both = np.stack([words & 15, words >> 4], axis=2).reshape(len(words), -1)
        words = both[:, : int(np.prod(shape[1:]))]
    rows = words.reshape(len(words), -1).astype(np.float32)
    return ((rows - tensors[name + ZERO][:, None]) * tensors[name + SCALE][:, None]).reshape(shape)
