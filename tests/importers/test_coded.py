"""Weights that come as integer codes: torchao's flattened safetensors and ONNX's DequantizeLinear."""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from resq import networks
from resq.cli import main
from resq.core import Encoding
from resq.importers import import_weights
from resq.memory import quant
from tests.onnx_files import RAW, body, exported, with_quantizers

ONES = {"mean": (0.5,) * 3, "std": (0.25,) * 3}
CODES = torch.ones(10, 64, dtype=torch.int8)
HEADER = {"linear.weight": json.dumps({"_type": "IntxUnpackedToInt8Tensor"})}


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    return networks.build("resnet20", 10, **ONES, seed=2).body.state_dict()


def with_codes(state, trio: dict[str, torch.Tensor], file: Path, about=None) -> Path:
    """The state dict with the last layer's weight replaced by its parts."""
    kept = {k: v.clone() for k, v in state.items() if k != "linear.weight"}
    save_file({**kept, **trio}, file, metadata=about)
    return file


def parts(state, group: int = 64) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Codes, scale and zero point of the last layer, one scale per ``group`` weights."""
    blocks = state["linear.weight"].reshape(10, -1, group)
    low, high = blocks.amin(2), blocks.amax(2)
    scale = (high - low) / 255
    zero = (-128 - low / scale).round()
    codes = (blocks / scale[..., None] + zero[..., None]).round().clamp(-128, 127)
    return codes.reshape(10, 64).to(torch.int8), scale, zero.to(torch.int8)


NAMES = {
    "as torchao flattens": ("linear._weight_qdata", "linear._weight_scale", "linear._weight_zero_point"),
    "with colons": ("linear.weight:qdata", "linear.weight:scale", "linear.weight:zero_point"),
    "with points": ("linear.weight.int_data", "linear.weight.scale", "linear.weight.zero_point"),
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("group", [64, 16])
def test_codes_come_in_as_the_floats_that_they_stand_for(state, tmp_path, names, group):
    codes, scale, zero = parts(state, group)
    file = with_codes(state, dict(zip(names, (codes, scale, zero), strict=True)), tmp_path / "x.safetensors")
    brought = import_weights(file, "resnet20", 10)
    spread = [np.repeat(v.numpy().astype(np.float32), group, axis=1) for v in (scale, zero)]
    expected = (codes.numpy().astype(np.float32) - spread[1]) * spread[0]
    assert np.array_equal(brought.state["linear.weight"], expected)
    assert np.abs(expected - state["linear.weight"].numpy()).max() < scale.max() / 1.9
    assert brought.how[0] == "read from a safetensors (integer codes) file"
    assert np.array_equal(brought.state["conv1.weight"], state["conv1.weight"].numpy())


def test_a_scale_per_tensor_and_no_zero_point_will_do(state, tmp_path):
    codes = torch.arange(640).reshape(10, 64).remainder(255).sub(127).to(torch.int8)
    trio = {"linear.weight.int_data": codes, "linear.weight.scale": torch.tensor(0.01)}
    brought = import_weights(with_codes(state, trio, tmp_path / "x.safetensors"), "resnet20", 10)
    assert np.allclose(brought.state["linear.weight"], codes.numpy() * 0.01, rtol=1e-6)


def test_symmetric_codes_that_use_their_range_are_stored_as_the_same_codes_here(state, tmp_path):
    codes = torch.randint(-127, 128, (10, 64), generator=torch.Generator().manual_seed(0), dtype=torch.int8)
    codes[:, 0] = 127
    trio = {"linear._weight_qdata": codes, "linear._weight_scale": torch.full((10, 1), 0.003)}
    brought = import_weights(with_codes(state, trio, tmp_path / "x.safetensors"), "resnet20", 10)
    half = brought.state["linear.weight"].astype(np.float16).astype(np.float32)  # as a checkpoint keeps it
    stored = quant.quantize(half, Encoding(8, "symmetric")).words
    assert np.array_equal(stored.view(np.int8), codes.numpy())


@pytest.mark.parametrize(
    ("trio", "about", "said"),
    [
        ({"linear._weight_qdata": CODES}, None,
         r"codes of 'linear\.weight' without their scale, linear\._weight_scale"),
        ({"linear._weight_qdata": CODES, "linear._weight_scale": torch.ones(10, 7)},
         None, r"codes of shape 10x64, a scale of shape 10x7; expected one per tensor, per channel"),
        ({"linear._weight_qdata": CODES, "linear._weight_scale": torch.ones(10, 1)},
         {"linear.weight": '{"_type": "Int4Tensor"}'}, r"as Int4Tensor, several codes in a byte"),
        ({"linear._weight_qdata": CODES[:, :32].clone(), "linear._weight_scale": torch.ones(10, 1)},
         HEADER, r"linear\.weight has shape 10x32; .* 10 classes has 10x64"),
        ({"linear._weight_qdata": CODES, "linear._weight_scale": torch.full((10, 1), torch.nan)}, HEADER,
         r"holds 640 numbers that are NaN"),
    ],
)  # fmt: skip
def test_codes_that_cannot_be_read_are_refused_with_what_is_wrong(state, tmp_path, trio, about, said):
    with pytest.raises(ValueError, match=said):
        import_weights(with_codes(state, trio, tmp_path / "x.safetensors", about), "resnet20", 10)


@pytest.mark.parametrize("kind", [torch.int8, torch.float8_e4m3fn])
def test_blocks_that_leave_a_rest_are_not_taken_for_even_ones(state, tmp_path, kind):
    """compressed-tensors' strategy "block": 10 rows in blocks of 8 are 8 and 2, as many as two of 5."""
    weight, width = state["linear.weight"], 8
    scale = torch.stack([weight[i : i + width].abs().max() for i in (0, width)]).reshape(2, 1) / 127
    codes = (weight / scale.repeat_interleave(width, 0)[:10]).round().to(kind)
    parts = {"linear.weight": codes, "linear.weight_scale": scale}
    said = r"linear\.weight', .* of shape 10x64, a scale of shape 2x1, which blocks of 5 and blocks of 8"
    with pytest.raises(ValueError, match=said + r" with a rest of 2 both give along axis 0, and the file"):
        import_weights(with_codes(state, parts, tmp_path / "x.safetensors"), "resnet20", 10)


@pytest.mark.parametrize("kind", [torch.int8, torch.float8_e4m3fn])
def test_even_blocks_of_both_axes_come_in(state, tmp_path, kind):
    """A convolution's 64 x 64 kernels in blocks of 16 x 32: no other power of two makes as many."""
    weight = state["layer3.1.conv1.weight"]
    blocks = weight.reshape(4, 16, 2, 32, 9)
    scale = blocks.abs().amax((1, 3, 4)) / 127
    spread = scale.repeat_interleave(16, 0).repeat_interleave(32, 1)[..., None, None]
    codes = (weight / spread).round().to(kind)
    kept = {k: v.clone() for k, v in state.items() if k != "layer3.1.conv1.weight"}
    named = {"layer3.1.conv1.weight": codes, "layer3.1.conv1.weight_scale": scale[..., None, None].clone()}
    save_file({**kept, **named}, tmp_path / "x.safetensors")
    brought = import_weights(tmp_path / "x.safetensors", "resnet20", 10)
    expected = (codes.float() * spread).numpy()
    assert np.array_equal(brought.state["layer3.1.conv1.weight"], expected)


def test_torchaos_groups_divide_their_axis_whatever_their_size(tmp_path):
    pytest.importorskip("torchao")
    made = networks.build("swin_t", 10, **ONES, seed=2).body
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torchao.prototype.safetensors.safetensors_support import flatten_tensor_state_dict
        from torchao.quantization import IntxWeightOnlyConfig, quantize_
        from torchao.quantization.granularity import PerGroup

        config = IntxWeightOnlyConfig(weight_dtype=torch.int8, granularity=PerGroup(48))
        quantize_(made, config, filter_fn=lambda module, _: isinstance(module, nn.Linear))
        tensors, about = flatten_tensor_state_dict(made.state_dict())
    save_file({k: v.contiguous() for k, v in tensors.items()}, tmp_path / "x.safetensors", metadata=about)
    brought = import_weights(tmp_path / "x.safetensors", "swin_t", 10)
    name = "features.1.0.attn.qkv.weight"
    weight = made.get_parameter(name)
    assert weight.scale.shape[1] == 2
    assert np.allclose(brought.state[name], weight.dequantize().detach().numpy(), rtol=1e-6, atol=1e-8)


def test_what_torchao_itself_writes_comes_in(state, tmp_path):
    pytest.importorskip("torchao")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torchao.prototype.safetensors.safetensors_support import flatten_tensor_state_dict
        from torchao.quantization import IntxWeightOnlyConfig, quantize_
        from torchao.quantization.granularity import PerAxis

        body = networks.build("resnet20", 10, **ONES, seed=2).body
        config = IntxWeightOnlyConfig(weight_dtype=torch.int8, granularity=PerAxis(0))
        quantize_(body, config, filter_fn=lambda module, _: isinstance(module, nn.Conv2d | nn.Linear))
        tensors, about = flatten_tensor_state_dict(body.state_dict())
    save_file(tensors, tmp_path / "ao.safetensors", metadata=about)
    brought = import_weights(tmp_path / "ao.safetensors", "resnet20", 10)
    for name, weight in body.state_dict().items():
        expected = weight.dequantize() if hasattr(weight, "qdata") else weight
        assert np.allclose(brought.state[name], expected.numpy(), rtol=1e-6, atol=1e-8), name


@pytest.fixture(scope="module")
def qdq(tmp_path_factory) -> Path:
    """ResNet-20 as an ONNX file with its weights in codes behind DequantizeLinear."""
    onnx = pytest.importorskip("onnx")
    folder = tmp_path_factory.mktemp("coded")
    file = with_quantizers(
        exported(body("resnet20"), folder / "float.onnx", **RAW), folder / "net.onnx", True
    )
    model = onnx.load(file)
    for node in [n for n in model.graph.node if n.op_type == "QuantizeLinear"]:
        value, scale = (next(t for t in model.graph.initializer if t.name == name) for name in node.input[:2])
        numbers, step = (onnx.numpy_helper.to_array(t) for t in (value, scale))
        codes = np.rint(numbers / step.reshape(-1, *[1] * (numbers.ndim - 1))).astype(np.int8)
        model.graph.initializer.append(onnx.numpy_helper.from_array(codes, node.output[0]))
        model.graph.initializer.remove(value)
        model.graph.node.remove(node)
    names = [t.name for t in model.graph.initializer]
    first = names.index("conv1.weight_q")
    model.graph.initializer.insert(0, model.graph.initializer.pop(first))
    onnx.save(model, file)
    return file


def edited(qdq: Path, file: Path, change) -> Path:
    import onnx

    model = onnx.load(qdq)
    change(model.graph)
    file.write_bytes(model.SerializeToString())  # onnx.save would write the other file too
    return file


def _shape_lie(graph) -> None:
    graph.initializer[0].dims[0] = 2**40


def _elsewhere(graph) -> None:
    tensor = graph.initializer[0]
    tensor.data_location = 1
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "elsewhere.bin"


def _no_scale(graph) -> None:
    next(n for n in graph.node if n.op_type == "DequantizeLinear").input[1] = "x"


def _text(graph) -> None:
    graph.initializer[0].data_type = 8


def _no_weights(graph) -> None:
    del graph.initializer[:]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_shape_lie, r"claims \d+ numbers for 'conv1\.weight_q', but stores 432"),
        (_elsewhere, r"keeps 'conv1\.weight_q' in another file"),
        (_no_scale, r"computes DequantizeLinear with a weight, scale or zero point that depends on the im"),
        (_text, r"as ONNX type STRING; expected floats of 16 to 64 bits or integers"),
        (_no_weights, r"reads 'conv1\.weight_q', which no node and no initialiser gives"),
    ],
)
def test_an_onnx_file_that_cannot_be_read_is_refused_with_what_is_wrong(qdq, tmp_path, change, said):
    with pytest.raises(ValueError, match=said):
        import_weights(edited(qdq, tmp_path / "net.onnx", change), "resnet20", 10)


def test_bytes_that_are_no_onnx_are_refused(tmp_path):
    pytest.importorskip("onnx")
    for i, raw in enumerate(
        [b"", b"text\n" * 99, bytes(range(256)) * 9, b"\x08\x07" + b"\x3a\xff\xff\xff\x7f"]
    ):
        file = tmp_path / f"{i}.onnx"
        file.write_bytes(raw)
        with pytest.raises(ValueError, match=rf"{i}\.onnx is no ONNX file"):
            import_weights(file, "resnet20", 10)


def test_without_the_package_an_onnx_file_is_a_sentence_that_says_how_to_get_it(state, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    file = tmp_path / "net.onnx"
    file.write_bytes(b"x")
    with pytest.raises(ValueError, match=r"net\.onnx needs the package onnx.*: pip install onnx=="):
        import_weights(file, "resnet20", 10)


def test_import_takes_an_onnx_file_and_the_card_says_so(qdq, own_folders, capsys):
    assert main(["import", str(qdq), "--network", "resnet20", "--data", "cifar10", "--json"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["names"][0] == "read from an ONNX file"
    assert (card["encoding"], card["codes"]["layers"]) == ("int8-symmetric", 20)
