"""What guards cost in time: a pass of one image with all words decoded in C, over that without."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

from resq import checkpoints, data
from resq.checkpoints import Checkpoint
from resq.core import Encoding
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.run import sweep
from resq.memory import quant
from resq.protect import decoder
from resq.protect.mixtures import Mixture


def slower(checkpoint: Checkpoint) -> Callable[[Mixture], float]:
    """The time of a pass of one image with all words decoded by the C decoder, over that of the pass alone.

    Both are measured here, the least of five; the decoding once for each guard on the largest layer.

    Raises:
        LackingError: no C compiler here.
    """
    network = FaultyNetwork(checkpoint, Encoding.parse(checkpoints.default_encoding(checkpoint.name))).network
    image = sweep.pixels(data.load(checkpoint.data, "test").first(1))

    def look() -> Tensor:
        with torch.inference_mode():
            return network(image)

    alone = _least(look)

    @cache
    def decoding(encoding: Encoding) -> float:
        """Seconds a weight."""
        name = max(checkpoint.weights, key=lambda w: checkpoint.state[w].size)
        q = quant.quantize(checkpoint.state[name], encoding)
        words, checks = decoder.packed(q)
        zero = quant.zeros(q)[:1]
        return _least(lambda: decoder.read(words, checks, q.words.size, encoding, zero)) / q.words.size

    def ratio(mixture: Mixture) -> float:
        each = [mixture.encoding.of(i).bare for i in range(len(mixture.sizes))]
        return 1 + sum(n * decoding(e) for n, e in zip(mixture.sizes, each, strict=True)) / alone

    return ratio


def _least(run: Callable[[], Any], times: int = 5) -> float:
    run()
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        run()
        taken.append(time.perf_counter() - begun)
    return min(taken)
