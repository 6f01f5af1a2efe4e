"""Quantized weights as torch.ao, torchao, quanto and others write them: read as data, or refused by name."""

import json
import warnings
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from resq import networks
from resq.importers import import_weights
from resq.importers.formats import kinds
from tests.importers.test_importers import ONES, body, refused, state  # noqa: F401 (fixtures)

FULL = torch.Generator().manual_seed(5)


def both(module: nn.Module, _: str) -> bool:
    return isinstance(module, nn.Conv2d | nn.Linear)


def plain(tensors) -> nn.Module:
    """The network without this project's quicker convolutions, which torch.fx cannot follow."""
    made = networks.NETWORKS["resnet20"](10)
    made.load_state_dict(tensors)
    return made.eval()


@pytest.fixture(params=["x86", "qnnpack"])
def static(body, request):  # noqa: F811
    """The network quantized by torch.ao, one scale per channel (x86) or per tensor (qnnpack)."""
    if request.param not in torch.backends.quantized.supported_engines:
        pytest.skip(f"no engine {request.param} in this torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.ao.quantization import get_default_qconfig_mapping
        from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

        x, before = torch.rand(8, 3, 32, 32, generator=FULL), torch.backends.quantized.engine
        torch.backends.quantized.engine = request.param
        prepared = prepare_fx(plain(body.state_dict()), get_default_qconfig_mapping(request.param), (x,))
        prepared(x)
        yield convert_fx(prepared)
        torch.backends.quantized.engine = before


def test_what_torch_ao_writes_comes_in_as_the_codes_times_their_scale(static, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(static.state_dict(), tmp_path / "q.pt")
    brought = import_weights(tmp_path / "q.pt", "resnet20", 10)
    layers = {n: m for n, m in static.named_modules() if hasattr(m, "weight") and callable(m.weight)}
    assert len(layers) == 20
    for name, layer in layers.items():
        assert np.allclose(
            brought.state[f"{name}.weight"], layer.weight().dequantize().numpy(), rtol=1e-6, atol=1e-9
        ), name
    assert np.array_equal(brought.state["linear.bias"], static.linear.bias().detach().numpy())
    assert any("scales and zero points of activations left out" in said for said in brought.how)
    assert "batch norms were folded: unfolded as norms that change nothing" in brought.how


def config(name: str):
    torchao = pytest.importorskip("torchao.quantization")
    from torchao.quantization.granularity import PerAxis

    return {
        "int8": lambda: torchao.Int8WeightOnlyConfig(),
        "activations": lambda: torchao.Int8DynamicActivationInt8WeightConfig(),
        "float8": lambda: torchao.Float8WeightOnlyConfig(),
        "intx 8": lambda: torchao.IntxWeightOnlyConfig(weight_dtype=torch.int8, granularity=PerAxis(0)),
        "intx 4": lambda: torchao.IntxWeightOnlyConfig(weight_dtype=torch.int4, granularity=PerAxis(0)),
    }[name]()


@pytest.mark.parametrize("name", ["int8", "activations", "float8", "intx 8", "intx 4"])
@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_a_state_dict_of_torchaos_tensors_is_read_without_running_them(tmp_path, name, form):
    pytest.importorskip("torchao")
    made = networks.build("resnet20", 10, **ONES, seed=2).body
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torchao.quantization import quantize_

        quantize_(made, config(name), **({"filter_fn": both} if name.startswith("intx") else {}))
        torch.save(made.state_dict(), tmp_path / "ao.pt", _use_new_zipfile_serialization=form == "zip")
    brought = import_weights(tmp_path / "ao.pt", "resnet20", 10)
    for key, value in made.state_dict().items():
        plain = value.dequantize() if hasattr(value, "qdata") else value
        assert np.allclose(brought.state[key], plain.numpy(), rtol=1e-6, atol=1e-9), key
    assert any("8-bit activations of 1 layers left out" in said for said in brought.how) == (
        name == "activations"
    )
    assert any("F8_E4M3 weights read as the floats" in said for said in brought.how) == (name == "float8")


def test_packed_codes_of_torchao_are_named(tmp_path):
    made = OrderedDict(networks.build("resnet20", 10, **ONES).body.state_dict())
    file = tmp_path / "packed.safetensors"
    codes = {"linear._weight_qdata": torch.ones(10, 32, dtype=torch.int8),
             "linear._weight_scale": torch.ones(10, 1)}  # fmt: skip
    rest = {k: v.clone() for k, v in made.items() if k != "linear.weight"}
    save_file({**rest, **codes}, file, metadata={"linear.weight": json.dumps({"_type": "Int4Tensor"})})
    assert "as Int4Tensor, several codes in a byte" in refused(file)


def quanto(state, kind: torch.dtype = torch.int8, end: str = "._data"):  # noqa: F811
    """The layout of optimum-quanto 0.2.7: floats as they were, weights as codes and a scale per channel."""
    found = {}
    for name, value in state.items():
        if value.ndim < 2:
            found[name] = value.clone()
            continue
        axes, base = tuple(range(1, value.ndim)), name.removesuffix(".weight")
        most = 127 if kind == torch.int8 else torch.finfo(kind).max
        scale = value.abs().amax(axes, keepdim=True) / most
        codes = (value / scale).round() if kind == torch.int8 else value / scale
        found |= {f"{name}{end}": codes.to(kind), f"{name}._scale": scale}
        found |= {f"{base}.input_scale": torch.tensor(1.0), f"{base}.output_scale": torch.tensor(1.0)}
    return found


@pytest.mark.parametrize("kind", [torch.int8, torch.float8_e4m3fn, torch.float8_e5m2])
@pytest.mark.parametrize("ending", ["safetensors", "pt"])
def test_quantos_layout_is_read(state, tmp_path, kind, ending):  # noqa: F811
    tensors, file = quanto(state, kind), tmp_path / f"x.{ending}"
    save_file(tensors, file) if ending == "safetensors" else torch.save(tensors, file)
    brought = import_weights(file, "resnet20", 10)
    for name, value in state.items():
        if value.ndim > 1:
            expected = tensors[f"{name}._data"].float() * tensors[f"{name}._scale"]
            assert np.array_equal(brought.state[name], expected.numpy()), name
        else:
            assert np.array_equal(brought.state[name], value.numpy()), name
    assert any(said.startswith("40 scales and zero points of activations left out") for said in brought.how)


def test_nncfs_layout_is_read(state, tmp_path):  # noqa: F811
    """NNCF 3.4.0, compress_weights: codes under the weight's name, fp16 scales under that of a hook."""
    tensors = dict(state)
    for name in ("layer1.0.conv1.weight", "linear.weight"):
        hook = f"__nncf_hooks.post_hooks.{name.removesuffix('.weight').replace('.', ':')}:weight__0.0."
        axes = tuple(range(1, state[name].ndim))
        scale = (state[name].abs().amax(axes, keepdim=True) / -128).half()  # negative, as in INT8_SYM
        tensors[name] = (state[name] / scale).round().clamp(-128, 127).to(torch.int8)
        tensors |= {f"{hook}_scale": scale}
    expected = tensors["linear.weight"].float() * tensors["__nncf_hooks.post_hooks.linear:weight__0.0._scale"]
    torch.save(tensors, tmp_path / "x.pt")
    brought = import_weights(tmp_path / "x.pt", "resnet20", 10)
    assert np.array_equal(brought.state["linear.weight"], expected.numpy())
    deep = brought.state["layer1.0.conv1.weight"] - state["layer1.0.conv1.weight"].numpy()
    assert np.abs(deep).max() < float(state["layer1.0.conv1.weight"].abs().max()) / 100


def test_what_quanto_itself_writes_is_that_layout(body, tmp_path):  # noqa: F811
    quantized = pytest.importorskip("optimum.quanto")
    made = networks.build("resnet20", 10, **ONES, seed=2).body.eval()
    made.load_state_dict(body.state_dict())
    quantized.quantize(made, weights=quantized.qint8)
    quantized.freeze(made)
    save_file({k: v.clone().contiguous() for k, v in made.state_dict().items()}, tmp_path / "q.safetensors")
    assert set(made.state_dict()) == set(quanto(body.state_dict()))
    brought = import_weights(tmp_path / "q.safetensors", "resnet20", 10)
    x = torch.rand(4, 3, 32, 32, generator=FULL)
    network = networks.restore("resnet20", brought.state, **ONES, classes=10)
    torch.testing.assert_close(networks.logits(network.body, x), made(x).detach(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16, torch.float16])
def test_activations_that_quanto_quantizes_are_told_in_every_kind_of_floats(body, tmp_path, kind):  # noqa: F811
    tool = pytest.importorskip("optimum.quanto")
    made = networks.build("resnet20", 10, **ONES, seed=2).body.eval()
    made.load_state_dict(body.state_dict())
    made = made.to(kind)
    tool.quantize(made, weights=tool.qint8, activations=tool.qint8)
    with tool.Calibration(), torch.no_grad():
        made(torch.rand(4, 3, 32, 32, generator=FULL).to(kind))
    tool.freeze(made)
    save_file({k: v.clone().contiguous() for k, v in made.state_dict().items()}, tmp_path / "q.safetensors")
    brought = import_weights(tmp_path / "q.safetensors", "resnet20", 10)
    assert brought.quantized[0].startswith("40 scales of activations such as conv1.input_scale")
    assert any(said.endswith("left out: they are floats here") for said in brought.how)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: quanto(s, end="._data._data"), r"quanto's codes of fewer than 8 bits, several in a byte"),
        (lambda s: {**s, "linear.weight_packed": torch.ones(10, 16, dtype=torch.int32)},
         r"format = 'int-quantized'"),
        (lambda s: {"_frozen_param0": s["conv1.weight"], "b": s["bn1.bias"]}, r"PT2E's folded weights"),
        (lambda s: {**s, "conv1.weight_fake_quant.scale": torch.ones(1)},
         r"still being trained .* convert it first"),
        (lambda s: {k: v for k, v in quanto(s, torch.float8_e5m2).items() if k != "linear.weight._scale"},
         r"gives 'linear\.weight', F8_E5M2 of shape 10x64, no scale"),
        (lambda s: {**s, "conv1.weight": s["conv1.weight"].to(torch.complex64)}, r"as C64, complex numbers"),
    ],
)  # fmt: skip
def test_a_layout_that_cannot_be_read_is_named_with_what_to_do(state, tmp_path, change, said):  # noqa: F811
    file = tmp_path / "x.safetensors"
    save_file({k: v.clone().contiguous() for k, v in change(dict(state)).items()}, file)
    with pytest.raises(ValueError, match=said):
        import_weights(file, "resnet20", 10)


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
@pytest.mark.parametrize("ending", ["safetensors", "pt"])
def test_weights_of_eight_bit_floats_are_decoded(state, tmp_path, dtype, ending):  # noqa: F811
    small = {k: v.to(dtype) if v.ndim > 1 else v.clone() for k, v in state.items()}
    file = tmp_path / f"x.{ending}"
    save_file(small, file) if ending == "safetensors" else torch.save(small, file)
    brought = import_weights(file, "resnet20", 10)
    for name, value in small.items():
        assert np.array_equal(brought.state[name], value.float().numpy()), name


@pytest.mark.parametrize("kind", ["F4", "F6_E2M3"])
def test_smaller_floats_are_named(tmp_path, kind):
    entry = {"conv1.weight": {"dtype": kind, "shape": [2], "data_offsets": [0, 1]}}
    raw = json.dumps(entry).encode()
    (tmp_path / "x.safetensors").write_bytes(len(raw).to_bytes(8, "little") + raw + b"\0")
    assert f"holds 'conv1.weight' as {kind}" in refused(tmp_path / "x.safetensors")


def test_programs_of_other_formats_are_named(body, tmp_path):  # noqa: F811
    x = torch.rand(2, 3, 32, 32)
    torch.jit.save(torch.jit.trace(body, x), tmp_path / "script.pt")
    assert "is a TorchScript program (torch.jit.save)" in refused(tmp_path / "script.pt")
    torch.export.save(torch.export.export(body, (x,)), tmp_path / "export.pt2")
    assert "is a program of torch.export (.pt2)" in refused(tmp_path / "export.pt2")
    torch.save(torch.export.load(tmp_path / "export.pt2").state_dict, tmp_path / "other.pt")
    import_weights(tmp_path / "other.pt", "resnet20", 10)  # what the sentence says to do
    torch.save(torch.jit.load(tmp_path / "script.pt").state_dict(), tmp_path / "other.pt")
    import_weights(tmp_path / "other.pt", "resnet20", 10)
    for (at, mark), sentence in kinds.MARKS.items():
        (tmp_path / "net.bin").write_bytes(bytes(at) + mark + bytes(600))
        assert sentence[:40] in refused(tmp_path / "net.bin")
    for name in ("net.tflite", "net.pte", "net.engine"):
        Path(tmp_path / name).write_bytes(b"text" * 99)
        assert kinds.ENDINGS["." + name.rpartition(".")[2]][:30] in refused(tmp_path / name)
