"""A torch network of any architecture as a subject: the bits of its parameters flip where they lie."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from resq.core import BitFlips, Layout
from resq.core.errors import ResqError

BATCH = 250
# Type of a parameter -> bits of its words.
WIDTHS = {torch.float32: 32, torch.float64: 64, torch.float16: 16, torch.bfloat16: 16, torch.int8: 8,
          torch.uint8: 8, torch.int16: 16, torch.int32: 32}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Held:
    """The words of one parameter."""

    words: np.ndarray


class ModuleSubject:
    """An ``nn.Module`` that takes images in [0, 1] (N, C, H, W) and gives logits (N, classes).

    Its parameters are flipped in place and flipped back, so nobody else may use the module meanwhile.

    Args:
        module: any; it is put into evaluation mode. Normalisation of the images is its own.
        targets: "weights", parameters with two axes or more, or "all", every parameter and buffer of numbers.

    Attributes:
        differentiable: True.

    Raises:
        ValueError: no such targets, or one of them does not lie in the processor's memory in one piece.
    """

    differentiable = True

    def __init__(self, module: nn.Module, targets: str = "weights") -> None:
        if targets not in ("weights", "all"):
            raise ResqError(f"targets of a module are weights or all, got {targets!r}")
        self.module = module.eval()
        self._held = dict(_chosen(module, targets))
        if not self._held:
            raise ResqError(f"the module has no {targets} of numbers: there is nothing in it to flip")
        self._views = {name: _words(name, value) for name, value in self._held.items()}

    @property
    def layout(self) -> Layout:
        """Where every stored bit of its targets lies."""
        widths = tuple(view.itemsize * 8 for view in self._views.values())
        sizes = tuple(view.size for view in self._views.values())
        return Layout(tuple(self._views), sizes, max(widths), widths)

    @property
    def weights(self) -> Mapping[str, Held]:
        """What is stored there now."""
        return {name: Held(view.copy()) for name, view in self._views.items()}

    def logits(self, x: np.ndarray) -> np.ndarray:
        """The answers to images (N, C, H, W), uint8 or float32 in [0, 1]: float32 (N, classes)."""
        images = torch.from_numpy(np.array(x, np.float32))
        if x.dtype == np.uint8:
            images.div_(255)
        with torch.no_grad():
            return torch.cat([self.module(part) for part in images.split(BATCH)]).float().numpy()

    @contextmanager
    def flipped(self, flips: BitFlips) -> Iterator[Self]:
        """The module with these bits flipped; on leaving, bit for bit what it was."""
        self._xor(flips.addresses)
        try:
            yield self
        finally:
            self._xor(flips.addresses)

    def _xor(self, addresses: np.ndarray) -> None:
        layout = self.layout
        if len(addresses) and (addresses[0] < 0 or addresses[-1] >= layout.n_bits):
            raise ResqError(f"flips lie outside the module's bits 0..{layout.n_bits - 1}")
        cuts = np.searchsorted(addresses, layout.starts)
        for i, view in enumerate(self._views.values()):
            word, bit = np.divmod(addresses[cuts[i] : cuts[i + 1]] - layout.starts[i], layout.lengths[i])
            np.bitwise_xor.at(view, word, np.left_shift(1, bit.astype(view.dtype), dtype=view.dtype))


def _chosen(module: nn.Module, targets: str) -> Iterator[tuple[str, Tensor]]:
    """The tensors of these targets; those that two layers share, once."""
    everything = [*module.named_parameters(), *(module.named_buffers() if targets == "all" else ())]
    for name, value in everything:
        if value.dtype in WIDTHS and value.numel() and (targets == "all" or value.dim() > 1):
            yield name, value


def _words(name: str, value: Tensor) -> np.ndarray:
    """The parameter's own memory as unsigned integers (words,)."""
    if value.device.type != "cpu" or not value.is_contiguous():
        raise ResqError(f"{name} must lie in the processor's memory in one piece, got {value.device}")
    raw: np.ndarray = value.detach().reshape(-1).view(torch.uint8).numpy()
    return raw.view(np.dtype(f"u{WIDTHS[value.dtype] // 8}"))
