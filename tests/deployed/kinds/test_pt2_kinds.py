"""What the constants of a .pt2 program are for, where a product with codes is made real behind it."""

import pytest
import torch
from torch import nn

from resq.deployed.network import read
from tests import pt2_files

X = torch.rand(20, 3, 4, 8, generator=torch.Generator().manual_seed(0))


class Coded(nn.Module):
    """Codes, a product with them, its scale for each output, a bias: what becomes of torchao's weights."""

    def __init__(self, integers: bool) -> None:
        super().__init__()
        generator, self.integers = torch.Generator().manual_seed(1), integers
        self.register_buffer(
            "codes", torch.randint(-127, 128, (16, 96), dtype=torch.int8, generator=generator)
        )
        self.scale, self.bias = nn.Parameter(torch.full((16,), 0.01)), nn.Parameter(torch.ones(16))

    def forward(self, x):
        """Images -> answers."""
        x = x.flatten(1)
        if self.integers:
            step = x.abs().amax(1, keepdim=True) / 127
            codes = torch.clamp(torch.round(x / step), -127, 127).to(torch.int8)
            product = torch._int_mm(codes, self.codes.t()).to(torch.float32) * step
        else:
            product = torch.mm(x, self.codes.to(torch.float32).t())
        return product * self.scale + self.bias


class Gated(nn.Module):
    """Float weights, whose product learned numbers multiply: they are the scale of no code."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.gamma = nn.Linear(96, 16), nn.Parameter(torch.ones(16))

    def forward(self, x):
        """Images -> answers."""
        return self.fc(x.flatten(1)) * self.gamma


@pytest.mark.parametrize("integers", [False, True])
def test_what_makes_a_product_of_codes_real_is_its_scale_and_what_is_added_then_its_bias(tmp_path, integers):
    file = pt2_files.exported(Coded(integers), tmp_path / "coded.pt2", X, free=False)
    kinds = {stored.name: (stored.kind, stored.count) for stored in read(file)[1].stored}
    assert kinds["codes"] == ("weights", 16 * 96)
    assert kinds["scale"] == ("scales", 16)
    assert kinds["bias"] == ("biases", 16)


def test_learned_factors_behind_float_weights_are_no_scales(tmp_path):
    file = pt2_files.exported(Gated(), tmp_path / "gated.pt2", X)
    kinds = {stored.name: stored.kind for stored in read(file)[1].stored}
    assert kinds == {"fc.weight": "weights", "fc.bias": "biases", "gamma": "norms"}
