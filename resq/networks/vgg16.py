"""VGG16 with batch norm for 32x32 images, 14.7 M weights."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from resq.platform.torchvision_compat import torchvision


def vgg16(classes: int) -> nn.Module:
    """Torchvision's VGG16-BN convolutions and one linear classifier.

    Five poolings leave 1x1 pixels of a 32x32 image, so the two hidden layers of 4,096 units that the ImageNet
    form has (119 of its 134 M weights) would see nothing more; the CIFAR form leaves them out.
    """
    vgg = torchvision().models.vgg
    features = vgg.make_layers(vgg.cfgs["D"], batch_norm=True)
    for module in features.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    parts = OrderedDict(features=features, flatten=nn.Flatten(), classifier=nn.Linear(512, classes))
    return nn.Sequential(parts)
