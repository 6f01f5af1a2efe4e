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


def pt2e(
    module: nn.Module, file: Path, images: Tensor, calibration: Iterable[Tensor] = (), fold: bool = True
) -> Path:
    """Saves the module quantized by PT2E: int8 weights per channel, uint8 activations.

    Args:
        fold: keep codes of the weights; else their floats, which the program rounds whenever it runs.
    """
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
        converted = converting.convert_pt2e(prepared, fold_quantize=fold)
        torch.export.save(torch.export.export(converted, (images,), dynamic_shapes=(FREE,)), file)
    return file


class Rounded(nn.Module):
    """A convolution and a dense layer whose float weights pass a fake quantizer, as trained for 8 bits."""

    def __init__(self, classes: int = 16) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 8, 3, padding=1), nn.Linear(8, classes)
        self.register_buffer("scale", self.conv.weight.detach().abs().amax((1, 2, 3)) / 127)
        self.register_buffer("zero", torch.zeros(8, dtype=torch.int32))

    def forward(self, x: Tensor) -> Tensor:
        """Images -> logits."""
        kernels = torch.fake_quantize_per_channel_affine(
            self.conv.weight, self.scale, self.zero, 0, -128, 127
        )
        x = F.conv2d(x, kernels, self.conv.bias, padding=1).relu().mean((2, 3))
        step = self.fc.weight.detach().abs().amax() / 127
        dense = torch.fake_quantize_per_tensor_affine(
            self.fc.weight, step, torch.zeros((), dtype=torch.int32), -128, 127
        )
        return F.linear(x, dense, self.fc.bias)


class Products(nn.Module):
    """A product of tokens and its bias, positions added to what is no product, a dense layer."""

    def __init__(self, classes: int = 16) -> None:
        super().__init__()
        self.patch, self.fc = nn.Conv2d(3, 8, 8, stride=8), nn.Linear(12, classes, bias=False)
        self.place = nn.Parameter(torch.randn(1, 16, 8))
        shapes = (8, 12), (12,), (classes,)
        self.free, self.bias, self.last = (nn.Parameter(torch.randn(*shape)) for shape in shapes)

    def forward(self, x: Tensor) -> Tensor:
        """Images -> logits."""
        x = self.patch(x).flatten(2).transpose(1, 2) + self.place
        x = x @ self.free + self.bias
        return self.fc(x.relu().mean(1)) + self.last


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
