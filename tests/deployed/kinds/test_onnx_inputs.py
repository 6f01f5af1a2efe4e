"""What an ONNX constant is for, whichever operator holds it: held to the operators that onnxruntime has."""

import re
import warnings

import onnx
import pytest
import torch
import torch.nn.functional as F
from onnxruntime.capi import onnxruntime_pybind11_state as runtime
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.optimizer import optimize_model
from torch import nn

from resq.cli import main
from resq.data import load
from resq.deployed import canary
from resq.deployed.formats.operators.onnx_inputs import INPUTS
from resq.deployed.network import Network, read
from resq.deployed.pixels import Asked
from tests import onnx_files

UNIT = Asked((0.0, 1.0))
DOMAINS = ("", "com.microsoft")
# Kind -> what an operator's document may call an input that holds it, and must not.
NAMES = {
    "weights": (r"weight|embedding|bias_table|^(data|Inputs|[ABCKPQRVW]|[abw]|[AMQ]W)$", r"scale|zero|bias$"),
    "biases": (r"bias|^[BC]$", r"scale|zero|weight"),
    "scales": (r"scale|zero_point|absmax", r"bias"),
    "norms": (r"[sS]cale|gamma|beta|norm|bias|mean|var|slope|a_log|^[ABCXY]$", r"zero"),
}
TOLD = re.compile(r"weight|bias|gamma|beta|scale|zero_point|embedding|absmax|^[WRP]$")
# Inputs of those names that hold none of the kinds, or that a graph computes.
LEFT = {
    "Resize": {2}, "Upsample": {1},  # sizes
    "GatedDeltaNet": {5}, "LinearAttention": {5},  # computed from the images
    "ScaledSiLU": {1},  # a number of the formula
    "QMoE": {14},  # shares that a router computes
    "QLinearConcat": {0, 1},  # of so many inputs as there are: told by their order
}  # fmt: skip


def schemas():
    """(domain, operator) -> every version of its schema."""
    versions = {}
    for schema in runtime.get_all_operator_schema():
        if schema.domain in DOMAINS:
            versions.setdefault((schema.domain, schema.name), []).append(schema)
    return versions


def inputs_of(schema):
    """The names of the inputs, those of a variadic one repeated."""
    names = [formal.name for formal in schema.inputs]
    variadic = bool(names) and "Variadic" in str(schema.inputs[-1].option)
    return names + names[-1:] * (8 if variadic else 0)


@pytest.mark.parametrize("key", INPUTS)
def test_each_input_of_the_table_is_one_that_the_runtime_calls_so(key):
    op = key.rpartition(".")[2]
    own = ["com.microsoft"] if key != op else [d for d in DOMAINS if f"{d}.{op}" not in INPUTS]
    known = [schema for domain in own for schema in schemas().get((domain, op), [])]
    assert known, "onnxruntime has no such operator"
    for schema in known:
        names = inputs_of(schema)
        newest = max(other.since_version for other in known if other.domain == schema.domain)
        for place, kind in INPUTS[key].items():
            if place >= len(names):
                assert schema.since_version < newest, (place, names)
                continue
            may, never = NAMES[kind]
            assert re.search(may, names[place]), (place, names[place])
            assert not re.search(never, names[place]), (place, names[place])


def test_no_operator_that_runs_here_holds_more_than_the_table_says():
    run = {(k.domain, k.op_name) for k in runtime.get_all_opkernel_def()
           if k.provider == "CPUExecutionProvider" and k.domain in DOMAINS}  # fmt: skip
    assert len(run) > 200
    lacking = []
    for (domain, op), versions in schemas().items():
        if (domain, op) not in run:
            continue
        table = INPUTS.get(f"{domain}.{op}", INPUTS.get(op, {}))
        for place, name in enumerate(inputs_of(max(versions, key=lambda s: s.since_version))):
            if TOLD.search(name) and place not in table and place not in LEFT.get(op, ()):
                lacking.append((domain, op, place, name))
    assert not lacking


class Attention(nn.Module):
    """Attention of four heads, its four products apart as the optimizer looks for them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(width, width) for _ in range(4))
        self.size = width // 4

    def forward(self, x):
        """Tokens (N, T, width) -> tokens."""
        q, k, v = (
            one(x).view(len(x), -1, 4, self.size).permute(0, 2, 1, 3) for one in (self.q, self.k, self.v)
        )
        shares = (torch.matmul(q, k.transpose(-1, -2)) / self.size**0.5).softmax(-1)
        x = torch.matmul(shares, v).permute(0, 2, 1, 3).contiguous()
        return self.out(x.view(len(x), -1, 4 * self.size))


class Tokens(nn.Module):
    """A transformer of one block over 16 patches."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, 8, 8)
        self.first, self.norm, self.last = (nn.LayerNorm(width) for _ in range(3))
        self.attention = Attention(width)
        for norm in (self.first, self.norm, self.last):  # the exporter keeps equal tensors once
            nn.init.normal_(norm.weight, 1, 0.1)
            nn.init.normal_(norm.bias, 0, 0.1)
        self.wide, self.narrow, self.head = nn.Linear(width, 64), nn.Linear(64, width), nn.Linear(width, 16)

    def forward(self, x):
        """Images -> answers."""
        x = self.first(self.patches(x).flatten(2).transpose(1, 2))
        x = self.norm(x + self.attention(x))
        return self.head(self.last(x + self.narrow(F.gelu(self.wide(x)))).mean(1))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """form -> file"""
    folder = tmp_path_factory.mktemp("tokens")
    torch.manual_seed(0)
    source = onnx_files.exported(Tokens().eval(), folder / "float.onnx", opset_version=17)
    fused, dynamic = folder / "fused.onnx", folder / "dynamic.onnx"
    made = optimize_model(str(source), model_type="bert", num_heads=4, hidden_size=32, opt_level=0)
    made.save_model_to_file(str(fused))
    quantize_dynamic(fused, dynamic, weight_type=QuantType.QInt8, extra_options={"DefaultTensorType": 1})
    return {"float": source, "fused": fused, "dynamic": dynamic}


def counts(file):
    kinds = ("weights", "biases", "norms")
    return {kind: sum(s.count for s in read(file)[1].stored if s.kind == kind) for kind in kinds}


def test_fused_and_quantized_attention_has_the_words_that_it_had_as_products(files):
    ops = [{node.op_type for node in onnx.load(file).graph.node} for file in files.values()]
    assert {"Attention", "BiasGelu"} <= ops[1]
    assert {"QAttention", "BiasGelu"} <= ops[2]
    weights = sum(p.numel() for p in Tokens().parameters() if p.dim() > 1)
    assert [counts(file) for file in files.values()] == [
        {"weights": weights, "biases": 272, "norms": 192}
    ] * 3
    quantized = next(
        s for s in read(files["dynamic"])[1].stored if (s.op, s.kind) == ("QAttention", "weights")
    )
    assert (quantized.dtype, quantized.shape, len(quantized.scale)) == ("int8", (32, 96), 1)


@pytest.mark.parametrize("form", ["fused", "dynamic"])
def test_flips_in_the_words_of_fused_attention_are_computed_with(files, form):
    with Network(files[form], "weights,biases", UNIT, threads=1) as network:
        settled = canary.settle(network, load("signs", "test").first(20).pixels)
    assert settled.unread == ()
    assert {"Attention", "QAttention"} & {s.op for s in network.stored}


class Summed(nn.Module):
    """An einsum, a layer of a recurrent network, a table of numbers beside the pixels."""

    def __init__(self, beside: int) -> None:
        super().__init__()
        self.rows, self.head = nn.LSTM(96, 8, batch_first=True), nn.Linear(8, 16)
        self.mix, self.beside = nn.Parameter(torch.randn(8, 8)), nn.Parameter(torch.randn(beside, 96))

    def forward(self, x):
        """Images -> answers."""
        x = torch.cat([x.permute(0, 2, 1, 3).flatten(2), self.beside[None].expand(len(x), -1, -1)], 1)
        return self.head(torch.einsum("nc,cd->nd", self.rows(x)[0].mean(1), self.mix))


@pytest.mark.parametrize("beside", [4, 12])
def test_a_large_constant_without_a_known_part_is_told(tmp_path, capsys, beside):
    torch.manual_seed(0)
    file = tmp_path / "summed.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        onnx_files.exported(Summed(beside).eval(), file, opset_version=17)
    stored = read(file)[1].stored
    assert {s.op: s.kind for s in stored if s.op == "Einsum"} == {"Einsum": "weights"}
    assert [(s.kind, s.count) for s in stored if s.op == "LSTM" and s.count > 8] == [
        ("weights", 32 * 96), ("weights", 32 * 8), ("biases", 64),
    ]  # fmt: skip
    main(["inspect", str(file)])
    sentence = "note: constants of more than 1,000 numbers have no known part in a layer ('"
    assert (sentence in capsys.readouterr().out) is (beside * 96 > 1000)
