"""What is measured: a network whose stored bits flip, be it torch's or a deployed file with its runtime."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol, Self

import numpy as np
import torch

from resq.core import BitFlips, Layout
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.memory.regions import Words


class Subject(Protocol):
    """A network under faults. What it cannot do is a property that says so."""

    @property
    def layout(self) -> Layout:
        """Where every stored bit of its targets lies."""
        ...

    @property
    def weights(self) -> Mapping[str, Words]:
        """What is stored there, for fault models that look at it."""
        ...

    @property
    def differentiable(self) -> bool:
        """Whether it gives gradients: for attacks that follow them, for hardening, for estimates."""
        ...

    def logits(self, x: np.ndarray) -> np.ndarray:
        """The answers to images (N, C, H, W), uint8 or float32 in [0, 1]: float32 (N, classes)."""
        ...

    def flipped(self, flips: BitFlips) -> AbstractContextManager[Any]:
        """The subject with these bits flipped; on leaving, bit for bit what it was."""
        ...


class TorchSubject:
    """A checkpoint on its bench, as a Subject.

    Attributes:
        differentiable: True: the bench's network gives gradients.
    """

    differentiable = True

    def __init__(self, bench: FaultyNetwork) -> None:
        self.bench = bench

    @property
    def layout(self) -> Layout:
        """The stored bits of the weights."""
        return self.bench.model.layout

    @property
    def weights(self) -> Mapping[str, Words]:
        """The stored words."""
        return self.bench.model.weights

    def logits(self, x: np.ndarray) -> np.ndarray:
        """The answers to images, float32 (N, classes)."""
        images = torch.from_numpy(np.array(x, np.float32))
        if x.dtype == np.uint8:
            images.div_(255)
        images = images.to(self.bench.network.mean.device)
        with torch.inference_mode():
            parts = [self.bench.network(part).cpu().numpy() for part in images.split(250)]
        return np.concatenate(parts)

    @contextmanager
    def flipped(self, flips: BitFlips) -> Iterator[Self]:
        """The subject with these bits flipped."""
        with self.bench.flipped(flips):
            yield self
