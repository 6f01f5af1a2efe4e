"""Quantized tensors in a torch file: the axis of their scales, the bits of their codes, their activations."""

import warnings
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from resq import networks
from resq.core import QuantizedTensor
from resq.importers import import_weights, owncodes
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


def linear(module: nn.Module, _: str) -> bool:
    return isinstance(module, nn.Linear)


def of_torchao(file: Path, config, chosen=both) -> nn.Module:
    """A network that torchao quantized, and its file: a state dict of tensors, or flattened ones."""
    pytest.importorskip("torchao")
    made = body()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torchao.prototype.safetensors.safetensors_support import flatten_tensor_state_dict
        from torchao.quantization import quantize_

        quantize_(made, config, filter_fn=chosen)
        if file.suffix == ".pt":
            torch.save(made.state_dict(), file)
        else:
            tensors, about = flatten_tensor_state_dict(made.state_dict())
            save_file({k: v.contiguous() for k, v in tensors.items()}, file, metadata=about)
    return made


def stored_bits(codes: dict[str, QuantizedTensor]) -> int:
    return sum(own.words.size * own.encoding.bits for own in codes.values())


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 8])
@pytest.mark.parametrize("ending", ["pt", "safetensors"])
def test_codes_of_torchao_have_the_bits_that_it_gave_them_in_either_format(tmp_path, bits, ending):
    tool = pytest.importorskip("torchao.quantization")
    from torchao.quantization.granularity import PerAxis

    config = tool.IntxWeightOnlyConfig(weight_dtype=getattr(torch, f"int{bits}"), granularity=PerAxis(0))
    made = of_torchao(tmp_path / f"ao.{ending}", config)
    brought = import_weights(tmp_path / f"ao.{ending}", "resnet20", 10)
    weights = {name: made.state_dict()[name] for name in brought.weights}
    assert stored_bits(brought.codes) == bits * sum(w.numel() for w in weights.values())
    for name, weight in weights.items():
        kept = brought.codes[name]
        assert np.array_equal(kept.words, words_of(weight.qdata) & (2**bits - 1)), name
        assert np.allclose(quant.dequantize(kept), weight.dequantize().numpy(), rtol=1e-6, atol=1e-8), name
    assert owncodes.about(brought)["codes"]["bits"] == bits


@pytest.mark.parametrize("ending", ["pt", "safetensors"])
def test_codes_of_one_bit_are_said_to_be_read_as_floats(tmp_path, ending):
    tool = pytest.importorskip("torchao.quantization")
    from torchao.quantization.granularity import PerAxis

    config = tool.IntxWeightOnlyConfig(weight_dtype=torch.int1, granularity=PerAxis(0))
    of_torchao(tmp_path / f"ao.{ending}", config)
    brought = import_weights(tmp_path / f"ao.{ending}", "resnet20", 10)
    assert not brought.codes
    assert any("codes of 1 bits, read as floats: words here have 2 to 8" in said for said in brought.how)


@pytest.mark.parametrize("name", ["weights", "intx", "int8", "int8 static"])
@pytest.mark.parametrize("ending", ["pt", "safetensors"])
def test_every_way_in_which_torchao_quantizes_activations_is_seen(tmp_path, name, ending):
    tool = pytest.importorskip("torchao.quantization")
    from torchao.quantization.granularity import PerAxis, PerTensor

    config = {
        "weights": lambda: tool.Int8WeightOnlyConfig(),
        "intx": lambda: tool.Int8DynamicActivationIntxWeightConfig(
            weight_dtype=torch.int4, weight_granularity=PerAxis(0)
        ),
        "int8": lambda: tool.Int8DynamicActivationInt8WeightConfig(),
        "int8 static": lambda: tool.Int8StaticActivationInt8WeightConfig(
            act_quant_scale=torch.full((1, 1), 0.02), granularity=PerTensor()
        ),
    }[name]()
    of_torchao(tmp_path / f"ao.{ending}", config, linear)
    brought = import_weights(tmp_path / f"ao.{ending}", "resnet20", 10)
    acts = [any("activations" in words for words in told) for told in (brought.quantized, brought.how)]
    assert acts == [name != "weights"] * 2
