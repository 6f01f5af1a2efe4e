"""Quantized tensors in a torch file: the axis of their scales, the bits of their codes, their activations."""

import warnings
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from resq import networks
from resq.importers import import_weights
from resq.importers.formats import flattened
from resq.importers.formats.subclasses import Parts
from resq.importers.formats.tensors import RefusedError, Storage, View
from resq.memory import quant

ONES = {"mean": (0.5,) * 3, "std": (0.25,) * 3}


def body(seed: int = 2) -> nn.Module:
    return networks.build("resnet20", 10, **ONES, seed=seed).body


def both(module: nn.Module, _: str) -> bool:
    return isinstance(module, nn.Conv2d | nn.Linear)


def along(value: torch.Tensor, axis: int, kind: torch.dtype) -> torch.Tensor:
    """A weight in codes of torch.ao, one scale and zero point per channel of an axis."""
    others = [i for i in range(value.ndim) if i != axis]
    low, high = value.amin(others).clamp(max=0), value.amax(others).clamp(min=0)
    scale = ((high - low) / 255).double()
    zero = (-low / scale).round().long() - (128 if kind == torch.qint8 else 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.quantize_per_channel(value, scale, zero, axis, kind)


def words_of(codes: torch.Tensor) -> np.ndarray:
    return codes.numpy().view(np.uint8)


@pytest.mark.parametrize("kind", [torch.qint8, torch.quint8])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_scales_lie_along_the_axis_that_the_file_says(tmp_path, axis, kind, form):
    state = body().state_dict()
    saved = OrderedDict(
        (name, along(value, axis, kind) if value.ndim == 4 else value) for name, value in state.items()
    )
    torch.save(saved, tmp_path / "q.pt", _use_new_zipfile_serialization=form == "zip")
    brought = import_weights(tmp_path / "q.pt", "resnet20", 10)
    assert len(brought.codes) == 19
    for name, own in brought.codes.items():
        there = saved[name]
        assert np.allclose(brought.state[name], there.dequantize().numpy(), rtol=1e-6, atol=1e-8), name
        assert np.array_equal(own.words, words_of(there.int_repr())), name
        assert np.array_equal(quant.dequantize(own), brought.state[name]), name


@pytest.mark.parametrize("axis", [-1, 2, 9])
def test_a_scale_along_an_axis_that_the_codes_do_not_have_is_refused(axis):
    storage = Storage("i1", "0", 640)
    codes, scale = View(storage, 0, (10, 64), (64, 1)), View(storage, 0, (64,), (1,))
    with pytest.raises(RefusedError, match=rf"10x64, a scale of shape 64 along axis {axis}; .* from 0 to 1"):
        flattened.flat({"fc.weight": Parts("qtensor", {"qdata": codes, "scale": scale}, axis)}, {})
