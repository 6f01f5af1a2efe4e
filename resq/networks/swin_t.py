"""Swin-Tiny for 32x32 images, 27.5 M weights."""

from __future__ import annotations

from torch import nn

from resq.platform.torchvision_compat import torchvision


def swin_t(classes: int) -> nn.Module:
    """Torchvision's Swin-T with patches of 2 and windows of 4 pixels (4 and 7 for 224x224 images).

    The stages then see 16, 8, 4 and 2 patches a side. Stochastic depth is off: it draws from torch's global
    generator, and a resumed run would differ from an uninterrupted one.
    """
    return torchvision().models.SwinTransformer(
        patch_size=[2, 2],
        embed_dim=96,
        depths=[2, 2, 6, 2],
        num_heads=[3, 6, 12, 24],
        window_size=[4, 4],
        stochastic_depth_prob=0.0,
        num_classes=classes,
    )
