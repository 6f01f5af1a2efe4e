"""ResNet18 for 32x32 images, its tensors named as those of ``resq.networks``, with the pool or without."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


class Block(nn.Module):
    """Two 3x3 convolutions and the way around them."""

    def __init__(self, inside: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.downsample: nn.Module | None = None
        if stride != 1 or inside != out:
            self.downsample = nn.Sequential(
                nn.Conv2d(inside, out, 1, stride, bias=False), nn.BatchNorm2d(out)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, C, H, W) -> (N, out, H / stride, W / stride)."""
        around = x if self.downsample is None else self.downsample(x)
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(y)) + around, inplace=True)


class ResNet18(nn.Module):
    """Images (N, 3, 32, 32) in [0, 1] -> logits (N, classes); the colours are normalised inside.

    Args:
        pool: keep the 3x3 stride-2 max-pool after the first convolution, as the paper's group does: a quarter
            of the multiplications. Without it this is the form most published CIFAR-10 figures are of.
        width: channels of the first group; 64 but in trials.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, pool: bool = True, classes: int = 10, width: int = 64) -> None:
        super().__init__()
        self.pool = pool
        self.conv1 = nn.Conv2d(3, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1 = nn.Sequential(Block(width, width, 1), Block(width, width, 1))
        self.layer2 = nn.Sequential(Block(width, 2 * width, 2), Block(2 * width, 2 * width, 1))
        self.layer3 = nn.Sequential(Block(2 * width, 4 * width, 2), Block(4 * width, 4 * width, 1))
        self.layer4 = nn.Sequential(Block(4 * width, 8 * width, 2), Block(8 * width, 8 * width, 1))
        self.fc = nn.Linear(width * 8, classes)
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Logits in the convolutions' numbers: bfloat16 where the weights are."""
        x = ((x - self.mean) / self.std).to(self.conv1.weight.dtype)
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        if self.pool:
            x = F.max_pool2d(x, 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


def weight_names(network: nn.Module) -> tuple[str, ...]:
    """Names of the tensors that are stored as words: weights of convolutions and of the linear layer."""
    kinds = nn.Conv2d | nn.Linear
    return tuple(f"{name}.weight" for name, m in network.named_modules() if isinstance(m, kinds))


def halved(network: nn.Module) -> nn.Module:
    """The network's convolutions and linear layer in bfloat16, its batch norms in float32, channels last."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.to(torch.bfloat16)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
