"""The short way through convolutions on tiny maps gives what torch's own convolution gives."""

import pytest
import torch
from torch import nn

from resq import networks
from resq.networks.small_conv import SmallConv2d, quicken


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize(
    ("side", "stride", "bias"), [(1, 1, True), (2, 1, False), (2, 2, True), (4, 2, False), (3, 2, True)]
)
def test_values_and_gradients_are_those_of_the_convolution(side, stride, bias, channels_last):
    torch_rng = torch.Generator().manual_seed(side)
    conv = nn.Conv2d(5, 7, 3, stride, 1, bias=bias).double()
    x = torch.randn(4, 5, side, side, generator=torch_rng, dtype=torch.float64)
    if channels_last:
        conv, x = conv.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    x.requires_grad_()
    y = conv(x)
    towards = torch.randn(y.shape, generator=torch_rng, dtype=torch.float64)
    expected = torch.autograd.grad(y, (x, *conv.parameters()), towards)
    quick = quicken(conv)
    assert type(quick) is SmallConv2d
    found = quick(x)
    torch.testing.assert_close(found, y)
    for a, b in zip(torch.autograd.grad(found, (x, *quick.parameters()), towards), expected, strict=True):
        torch.testing.assert_close(a, b)


def test_larger_maps_grouped_and_1x1_convolutions_go_the_usual_way():
    grouped, pointwise = nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.Conv2d(4, 4, 1)
    quicken(nn.Sequential(grouped, pointwise))
    assert type(grouped) is type(pointwise) is nn.Conv2d
    conv = quicken(nn.Conv2d(3, 3, 3, padding=1))
    x = torch.ones(1, 3, 8, 8)
    assert torch.equal(conv(x), nn.Conv2d.forward(conv, x))


def test_resnet18_has_it_in_its_last_group():
    network = networks.build("resnet18", 10, mean=(0.5,) * 3, std=(0.5,) * 3)
    assert type(network.body.layer4[1].conv2) is SmallConv2d


@pytest.mark.parametrize("way", ["trace", "export"])
def test_an_exported_network_has_the_convolution_itself_and_takes_any_number_of_images(way):
    body = quicken(nn.Sequential(nn.Conv2d(3, 4, 3, padding=1)))
    x = torch.rand(2, 3, 2, 2)
    if way == "trace":
        made = torch.jit.trace(body, x)
    else:
        made = torch.export.export(body, (x,), dynamic_shapes=({0: torch.export.Dim("n")},)).module()
    more = torch.rand(5, 3, 2, 2)
    torch.testing.assert_close(made(more), body(more))
    assert "conv" in str(made.graph)
