"""What is measured: ResNet18 for CIFAR-10 and images for it, trained and real where they are there."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

from resq import checkpoints, data, networks
from resq.checkpoints import Checkpoint
from resq.core import Encoding, seeds
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.run import sweep
from resq.memory import quant
from resq.networks.resnet18 import resnet18

NAME = "cifar10/resnet18/base"
BER = 1e-3


@cache
def checkpoint() -> Checkpoint:
    """The trained network; or one with random weights, which costs the same."""
    if NAME in checkpoints.names():
        return checkpoints.load(NAME)
    source = data.source("cifar10")
    body = networks.build("resnet18", 10, mean=source.mean, std=source.std).body
    state = {k: v.numpy() for k, v in body.state_dict().items()}
    names = networks.weight_names(body)
    return Checkpoint("cifar10/resnet18/random", "resnet18", "cifar10", state, names, {}, "0" * 16)


@cache
def bench() -> FaultyNetwork:
    """The network as int8 words, ready for faults."""
    return FaultyNetwork(checkpoint(), Encoding.parse("int8"))


@cache
def half_bench() -> FaultyNetwork:
    """The same words, computed in bfloat16."""
    return FaultyNetwork(checkpoint(), Encoding.parse("int8"), bf16=True)


@cache
def images(n: int) -> tuple[Tensor, Tensor]:
    """The first n test images and their labels; random pixels where there are no images."""
    if data.present("cifar10"):
        first = data.load("cifar10", "test").first(n)
        return sweep.pixels(first), torch.from_numpy(first.y)
    x = torch.from_numpy(seeds.rng(0, "images").random((n, 3, 32, 32), dtype=np.float32))
    return x.contiguous(memory_format=torch.channels_last), torch.zeros(n, dtype=torch.long)


def plain() -> networks.Network:
    """The same network as a user of PyTorch has it: torchvision's modules, the int8 weights as floats."""
    source, body, model = data.source("cifar10"), resnet18(10), bench().model
    state = {**model.floats, **{name: quant.dequantize(q) for name, q in model.weights.items()}}
    body.load_state_dict({name: torch.tensor(value) for name, value in state.items()})
    return networks.Network(body, source.mean, source.std).eval().requires_grad_(False)
