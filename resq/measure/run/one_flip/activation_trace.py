"""Where flipped weights change what a network computes: layer by layer, on one image, in one forward pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from resq.core import BitFlips, QuantizedModel
from resq.measure.run.one_flip.heard import Heard
from resq.memory import flipping, quant

if TYPE_CHECKING:
    from resq.networks import Network


@dataclass(frozen=True, eq=False)
class Outputs:
    """What a network computes on its way: layer -> its output, in order of computation; and its logits."""

    layers: dict[str, Tensor]
    logits: Tensor


class _Listening(TorchFunctionMode):
    """Notes what each known weight was multiplied into; of this thread alone, so nobody else is heard."""

    def __init__(self, names: Mapping[int, str]) -> None:
        super().__init__()
        self.heard, self.outputs = Heard(names), dict[str, Tensor]()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        name = self.heard.layer(func, args, kwargs)
        if name is not None and isinstance(output, Tensor):
            self.outputs.setdefault(name, output.clone())  # an activation may be written into it
        return output


def outputs(network: Network, model: QuantizedModel, flips: BitFlips, x: Tensor) -> Outputs:
    """What every layer with stored weights gives for images (N, 3, H, W) under flips, and the logits.

    Args:
        network: as ``network_of`` made it from ``model``; nothing is written into it.
    """
    from resq import networks

    faulty = flipping.flip(model, flips)
    touched = {name for name, _, _ in flipping.by_layer(model, flips)}
    changed = {f"body.{name}": torch.from_numpy(quant.dequantize(faulty.weights[name])) for name in touched}
    own = networks.replaced(network, changed)
    there = {id(value): name for name, value in own.body.named_parameters() if name in model.weights}
    # ``replaced`` puts plain tensors where parameters were, which ``named_parameters`` gives all the same.
    with torch.inference_mode(), _Listening(there) as heard:
        logits = own(x)
    return Outputs(heard.outputs, logits)


def relative_change(before: Outputs, after: Outputs) -> dict[str, float]:
    """||after - before|| / ||before|| of every layer's output (2-norms); infinite where it is no number.

    >>> clean, faulty = ({"conv1": torch.tensor([3.0, last])} for last in (4.0, 5.0))
    >>> relative_change(Outputs(clean, torch.zeros(1, 2)), Outputs(faulty, torch.zeros(1, 2)))
    {'conv1': 0.2}
    """
    changes = {}
    for name, clean in before.layers.items():
        if after.layers[name] is clean:  # not computed again, see ``resumed``
            changes[name] = 0.0
            continue
        base = float(torch.linalg.vector_norm(clean.double()))
        off = float(torch.linalg.vector_norm((after.layers[name] - clean).double()))
        changes[name] = off / base if np.isfinite(off) and base else (0.0 if off == 0 else float("inf"))
    return changes
