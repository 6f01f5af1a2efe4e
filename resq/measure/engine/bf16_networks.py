"""Networks whose bodies compute in bfloat16; their logits are float32."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from resq import networks
from resq.core.errors import ResqError


class Bf16Network(networks.Network):
    """A network whose body computes in bfloat16."""

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 3, H, W) in [0, 1] -> logits (N, classes), float32."""
        return self.body(((x - self.mean) / self.std).bfloat16()).float()


class OwnBf16Network(networks.Network):
    """A network of a person's own whose body computes in bfloat16; logits are found in what it returns."""

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, C, H, W) in [0, 1] -> logits (N, classes), float32.

        Raises:
            ValueError: a part of the body wants numbers of another type.
        """
        try:
            return super().forward(x).float()
        except RuntimeError as error:  # torch's, of two types that do not meet
            kind = type(self.body).__name__
            raise ResqError(f"{kind} does not compute in bfloat16: {error!s:.200}; precision fp32") from error


class Float32Logits(torch.nn.Linear):
    """The layer that gives the logits: with eight bits apiece, many of them would be equal."""

    def forward(self, x: Tensor) -> Tensor:
        """Features (..., inputs) -> logits, summed up in float32."""
        bias = None if self.bias is None else self.bias.float()
        return F.linear(x.float(), self.weight.float(), bias)


def to_bf16(network: networks.Network) -> networks.Network:
    """The network, its parameters and buffers now bfloat16 but for the images' mean and deviation."""
    network.body.bfloat16()
    for layer in [m for m in network.body.modules() if type(m) is torch.nn.Linear][-1:]:
        layer.__class__ = Float32Logits
    network.__class__ = Bf16Network
    return network


def own_to_bf16(network: networks.Network) -> networks.Network:
    """The same of a network of a person's own: its class, and so what it returns, stays what it is."""
    own = type(network)
    network.body.register_forward_pre_hook(lambda body, inputs: tuple(x.bfloat16() for x in inputs))
    to_bf16(network)
    network.__class__ = type(own.__name__, (OwnBf16Network, own), {})
    return network
