"""ResNet18 as the paper's group builds it for 32x32 images, 11.17 M weights for ten classes."""

from __future__ import annotations

from torch import nn

from resq.vision import torchvision


def resnet18(classes: int) -> nn.Module:
    """torchvision's ResNet18 with one change: a 3x3 stride-1 first convolution instead of 7x7 stride 2.

    The 3x3 stride-2 max-pool stays, as in the group's own public code, so the first group works on 16x16
    pixels: four times cheaper than the variant without the pool.
    """
    network = torchvision().models.resnet18(weights=None, num_classes=classes)
    network.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
    nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
    return network
