"""EfficientNet-B0 for 32x32 images, 4.0 M weights."""

from __future__ import annotations

from torch import nn

from resq.platform.torchvision_compat import torchvision


def efficientnet_b0(classes: int) -> nn.Module:
    """Torchvision's EfficientNet-B0 with a stride-1 stem: the first convolution keeps all 32x32 pixels.

    Stochastic depth and dropout are off: they draw from torch's global generator, and a resumed run would
    differ from an uninterrupted one.
    """
    network = torchvision().models.efficientnet_b0(
        weights=None, num_classes=classes, stochastic_depth_prob=0.0, dropout=0.0
    )
    network.features[0][0].stride = (1, 1)
    return network
