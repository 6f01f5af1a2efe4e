"""Programs of torch.export for tests: any module, in float or quantized by PT2E, as torch saves them."""

import warnings
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resq.networks.small_conv import SmallConv2d

FREE = {0: torch.export.Dim("n", min=1, max=4096)}


class Small(nn.Module):
    """relu(norm(conv)) -> global mean -> dense."""

    def __init__(self, classes: int = 16, channels: int = 3) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(channels, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.act, self.fc = nn.ReLU(inplace=True), nn.Linear(8, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Images -> logits."""
        return self.fc(self.act(self.norm(self.conv(x))).mean((2, 3)))


def exported(module: nn.Module, file: Path, images: Tensor, free: bool = True) -> Path:
    """Saves the program of a module for any number of such images, or for as many as there are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shapes = (FREE,) if free else None
        torch.export.save(torch.export.export(module.eval(), (images,), dynamic_shapes=shapes), file)
    return file


def pt2e(module: nn.Module, file: Path, images: Tensor, calibration: Iterable[Tensor] = ()) -> Path:
    """Saves the module quantized by PT2E: int8 weights per channel, uint8 activations."""
    converting = import_module("torchao.quantization.pt2e.quantize_pt2e")
    x86 = import_module("torchao.quantization.pt2e.quantizer.x86_inductor_quantizer")

    plain(module)
    chosen = x86.X86InductorQuantizer().set_global(x86.get_default_x86_inductor_quantization_config())
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        prepared = converting.prepare_pt2e(
            torch.export.export(module.eval(), (images,), dynamic_shapes=(FREE,)).module(), chosen
        )
        for part in (images, *calibration):
            prepared(part)
        converted = converting.convert_pt2e(prepared)
        torch.export.save(torch.export.export(converted, (images,), dynamic_shapes=(FREE,)), file)
    return file


class Rectified(nn.Module):
    """relu as a function."""

    def forward(self, x: Tensor) -> Tensor:
        """max(x, 0)."""
        return F.relu(x)


def plain(module: nn.Module) -> None:
    """What torchao 0.18's quantizer expects: it finds layers by their class, and each used in one place."""
    for layer in [*module.modules()]:
        if type(layer) is SmallConv2d:
            object.__setattr__(layer, "__class__", nn.Conv2d)
        for name, inner in layer.named_children():
            if type(inner) is nn.ReLU:
                setattr(layer, name, Rectified())
