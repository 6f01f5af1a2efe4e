"""ResNet-20 in its CIFAR form: three groups of three blocks, 16, 32 and 64 channels, 0.27 M weights.

Source: He et al. 2016, arXiv:1512.03385, section 4.2, with option-A shortcuts (subsampling and zero padding,
no weights). Parameter names follow the public implementations (conv1, bn1, layer1..3, linear), so that their
state dicts load by name.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Block(nn.Module):
    """Two 3x3 convolutions and a parameter-free shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride, self.pad = stride, (outputs - inputs) // 2

    def shortcut(self, x: Tensor) -> Tensor:
        """``x`` subsampled, its channels padded with zeros on both sides (option A).

        (N, C, H, W) -> (N, C2, H / stride, W / stride), float32.
        """
        if self.stride == 1 and self.pad == 0:
            return x
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.pad, self.pad))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C2, H2, W2), float32."""
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class ResNet20(nn.Module):
    """Images (N, 3, 32, 32), normalised -> logits (N, classes)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = _group(16, 16, 1)
        self.layer2 = _group(16, 32, 2)
        self.layer3 = _group(32, 64, 2)
        self.linear = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Normalised images (N, 3, 32, 32) -> logits (N, classes), float32."""
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(torch.mean(x, dim=(2, 3)))


def _group(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(Block(inputs, outputs, stride), *(Block(outputs, outputs, 1) for _ in range(2)))


def resnet20(classes: int) -> nn.Module:
    """ResNet-20 for 32x32 images (He et al. 2016), He-normal convolutions."""
    network = ResNet20(classes)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
    return network
