"""ONNX files of real tools: read by what their nodes do, and run to prove it, or refused."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from resq import networks
from resq.core import Encoding
from resq.importers import graphs, import_weights, owncodes, torch_graph
from resq.importers.onnx import onnx_check, onnx_dequantize, onnx_file, onnx_weight_ops
from resq.memory import own, quant
from resq.networks.shapes import shapes_only
from tests.onnx_files import RAW, body, brought_logits, exported, logits, quantized, with_quantizers

onnx = pytest.importorskip("onnx")
X = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
SHIPPED = ("resnet20", "resnet18", "vgg16", "efficientnet_b0", "swin_t")


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("onnx")


@pytest.fixture(scope="session")
def default(folder) -> Path:
    """ResNet-20 by the older exporter's defaults: batch norms folded."""
    return exported(body("resnet20"), folder / "default.onnx", opset_version=17)


@pytest.fixture(scope="session")
def raw(folder) -> Path:
    """ResNet-20 with its batch norms."""
    return exported(body("resnet20"), folder / "raw.onnx", **RAW)


def near(name: str, file: Path, classes: int = 10):
    """What is imported answers as the network that was exported."""
    brought = import_weights(file, name, classes)
    apart = np.abs(brought_logits(brought, name, X, classes) - logits(body(name, classes), X)).max()
    assert apart < 1e-3
    return brought


@pytest.mark.parametrize("name", SHIPPED)
def test_what_the_older_exporter_writes_of_each_shipped_network_comes_in(folder, name):
    brought = near(name, exported(body(name), folder / f"{name}.onnx"))
    assert any(said.startswith("run by") for said in brought.how)


@pytest.mark.parametrize("opset", [13, 20])
@pytest.mark.parametrize("name", ["resnet20", "resnet18_gn"])
def test_old_and_new_operator_sets_come_in(folder, name, opset):
    near(name, exported(body(name), folder / f"{name}-{opset}.onnx", opset_version=opset))


@pytest.mark.parametrize("options", [{}, {"optimize": False}], ids=["default", "as traced"])
def test_what_the_newer_exporter_writes_comes_in(folder, options):
    pytest.importorskip("onnxscript")
    file = folder / f"dynamo{len(options)}.onnx"
    near("resnet20", exported(body("resnet20"), file, dynamo=True, external_data=False, **options))


def test_equal_tensors_that_the_exporter_merged_are_read_through_identity(folder):
    network = body("resnet18")
    with torch.no_grad():
        network.layer2[0].downsample[1].bias.copy_(network.layer2[0].bn2.bias)
    file = exported(network, folder / "merged.onnx", **RAW)
    assert "Identity" in {node.op_type for node in onnx.load(file).graph.node}
    brought = import_weights(file, "resnet18", 10)
    assert np.abs(brought_logits(brought, "resnet18", X) - logits(network, X)).max() < 1e-3


def test_a_batch_norms_own_epsilon_is_used(folder):
    network = body("resnet20")
    network.bn1.eps = 0.3
    network.layer3[1].bn2.eps = 1e-12  # below the network's: the variance cannot take it up everywhere
    with torch.no_grad():
        network.layer3[1].bn2.running_var[:4] = 1e-6
    brought = import_weights(exported(network, folder / "epsilon.onnx", **RAW), "resnet20", 10)
    assert (
        np.abs(brought_logits(brought, "resnet20", X) - logits(network, X)).max()
        < 1e-3 * np.abs(logits(network, X)).max()
    )
    assert "2 batch norms have another epsilon: their variances and scales adapted" in brought.how


@pytest.mark.parametrize(
    ("per_channel", "encoding"), [(True, "int8-symmetric"), (False, "int8-symmetric-tensor")]
)
def test_float_weights_behind_quantizers_are_read_as_the_codes_they_become(
    raw, folder, per_channel, encoding
):
    brought = import_weights(
        with_quantizers(raw, folder / f"qdq{per_channel}.onnx", per_channel), "resnet20", 10
    )
    assert len(brought.codes) == 20
    assert not own.differing(brought.codes)[encoding]
    card = owncodes.about(brought)
    assert (card["encoding"], card["codes"]["rounded"]) == (encoding, 20)
    (told,) = owncodes.sentences(card)
    assert told.startswith("20 of 20 layers came as floats that the file rounds to integer codes of 8 bits")
    assert f"{encoding} has the very words to which it rounds them" in told
    assert owncodes.rounded(dict.fromkeys(brought.codes, 8))[0] in brought.how
    weight = body("resnet20").conv1.weight.detach().numpy()
    apart = np.abs(brought.state["conv1.weight"] - weight).max()
    assert 0 < apart < np.abs(weight).max() / 127


def test_a_file_that_holds_some_weights_as_codes_and_some_as_floats_that_it_rounds_says_how_many(
    default, folder
):
    from onnx import numpy_helper

    tool = pytest.importorskip("onnxruntime.quantization")
    pairs = {"extra_options": {"AddQDQPairToWeight": True}, "weight_type": tool.QuantType.QInt8}
    file = quantized(default, folder / "pairs.onnx", **pairs)
    model = onnx.load(file)
    held = {tensor.name: tensor for tensor in model.graph.initializer}
    rounding = [n for n in model.graph.node if n.op_type == "QuantizeLinear" and n.input[0] in held]
    whole = owncodes.about(import_weights(file, "resnet20", 10))["codes"]
    assert (whole["layers"], whole["rounded"]) == (20, 20)
    for node in rounding:
        if len(held[node.input[0]].dims) != 4:
            continue
        value, scale, zero = (numpy_helper.to_array(held[name]) for name in node.input)
        codes = np.clip(np.rint(value / scale) + zero, -128, 127).astype(np.int8)
        model.graph.initializer.append(numpy_helper.from_array(codes, node.output[0]))
        model.graph.node.remove(node)
    onnx.save(model, folder / "mixed.onnx")
    card = owncodes.about(import_weights(folder / "mixed.onnx", "resnet20", 10))
    assert (card["codes"]["layers"], card["codes"]["rounded"]) == (20, 1)  # convolutions are codes now
    assert {k: v for k, v in card["codes"].items() if k != "rounded"} == {
        k: v for k, v in whole.items() if k != "rounded"
    }
    (told,) = owncodes.sentences(card)
    assert "came as integer codes of 8 bits, 1 of them as floats that the file rounds to such when" in told


def own_codes(file: Path) -> dict[tuple[int, ...], list[np.ndarray]]:
    """Every integer initialiser of a weight's shape, as the file holds it."""
    from onnx import numpy_helper

    found: dict[tuple[int, ...], list[np.ndarray]] = {}
    for tensor in onnx.load(file).graph.initializer:
        if tensor.data_type in (2, 3) and len(tensor.dims) in (2, 4):
            found.setdefault(tuple(tensor.dims), []).append(numpy_helper.to_array(tensor).view(np.uint8))
    return found


KINDS = {
    "per tensor": ({}, "int8-symmetric-tensor"),
    "per channel": ({"per_channel": True}, "int8-symmetric"),
    "unsigned": ({"weight_type": "QUInt8", "activation_type": "QUInt8"}, "int8-tensor"),
    "on codes": ({"quant_format": "QOperator"}, "int8-symmetric-tensor"),
}


@pytest.mark.parametrize(("options", "encoding"), KINDS.values(), ids=KINDS)
def test_onnxruntimes_static_files_come_in_with_their_own_words(default, folder, options, encoding):
    tool = pytest.importorskip("onnxruntime.quantization")
    kinds = dict.fromkeys(("weight_type", "activation_type"), tool.QuantType) | {
        "quant_format": tool.QuantFormat
    }
    given = {k: getattr(kinds[k], v) if k in kinds else v for k, v in options.items()}
    file = quantized(
        default, folder / f"ort{encoding}{len(options)}{'quant_format' in options}.onnx", **given
    )
    brought = import_weights(file, "resnet20", 10)
    assert owncodes.about(brought)["encoding"] == encoding
    assert "rounded" not in owncodes.about(brought)["codes"]
    assert f"{encoding} has the very words of the file" in owncodes.sentences(owncodes.about(brought))[0]
    theirs = own_codes(file)
    for name, q in brought.codes.items():
        words = quant.quantize(brought.state[name], Encoding.parse(encoding)).words
        assert np.array_equal(words, q.words)
        turned = [
            w.T if w.ndim == 2 and w.shape != words.shape else w
            for w in theirs.get(words.shape, []) + theirs.get(words.shape[::-1], [])
        ]
        assert any(np.array_equal(w, words) for w in turned), name
    assert len(brought.codes) == 20
    assert any("left out" in said for said in brought.how)


def test_onnxruntimes_dynamic_file_comes_in(default, folder):
    tool = pytest.importorskip("onnxruntime.quantization")
    file = folder / "dynamic.onnx"
    tool.quantize_dynamic(str(default), str(file))
    assert {"ConvInteger", "MatMulInteger"} <= {node.op_type for node in onnx.load(file).graph.node}
    brought = import_weights(file, "resnet20", 10)
    whole = onnx_check.answers(onnx.load(file), X.numpy()).logits
    here = brought_logits(brought, "resnet20", X)
    assert np.corrcoef(whole.reshape(-1), here.reshape(-1))[0, 1] > 0.99


def test_codes_of_four_bits_in_blocks_come_in_with_their_own_words(default, folder):
    pytest.importorskip("onnxruntime")
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(default)
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid("", 21))
    (gemm,) = [node for node in model.graph.node if node.op_type == "Gemm"]
    (tensor,) = [t for t in model.graph.initializer if t.name == gemm.input[1]]
    codes = np.random.default_rng(0).integers(-8, 8, (10, 64)).astype(np.int8)
    scale = np.random.default_rng(1).uniform(0.01, 0.02, (10, 4)).astype(np.float32)
    model.graph.initializer.remove(tensor)
    model.graph.initializer.extend([
        helper.make_tensor("four", TensorProto.INT4, (10, 64), codes.reshape(-1).tolist()),
        numpy_helper.from_array(scale, "four_scale"),
    ])  # fmt: skip
    node = helper.make_node("DequantizeLinear", ["four", "four_scale"], [tensor.name], axis=1, block_size=16)
    model.graph.node.insert(0, node)
    onnx.save(model, folder / "four.onnx")
    brought = import_weights(folder / "four.onnx", "resnet20", 10)
    q = brought.codes["linear.weight"]
    assert np.array_equal(q.words, codes.view(np.uint8) & 15)
    assert (q.encoding.bits, len(q.scale)) == (4, 40)
    assert np.array_equal(brought.state["linear.weight"], codes * scale.repeat(16, axis=1))
    assert "encoding" not in owncodes.about(brought)  # the other layers are floats


def test_a_network_that_pools_elsewhere_is_told_from_one_of_the_same_shapes(folder):
    file = exported(body("resnet18_nopool"), folder / "nopool.onnx")
    near("resnet18_nopool", file)
    with pytest.raises(
        ValueError, match=r"answers otherwise .* and as resnet18_nopool does: --network resnet18_nopool"
    ):
        import_weights(file, "resnet18", 10)


def changed(file: Path, to: Path, change) -> Path:
    model = onnx.load(file)
    change(model.graph)
    to.write_bytes(model.SerializeToString())  # onnx.save would write another file too
    return to


def _leaky(graph) -> None:
    for node in [n for n in graph.node if n.op_type == "Relu"][3:4]:
        node.op_type = "LeakyRelu"


def _longer(graph) -> None:
    for node in graph.node:
        if node.op_type == "Conv":
            node.op_type = "ConvTranspose"


def _computed(graph) -> None:
    conv = next(n for n in graph.node if n.op_type == "Conv")
    graph.node.insert(0, onnx.helper.make_node("Softplus", [conv.input[1]], ["softened"], "soft"))
    conv.input[1] = "softened"


def _training(graph) -> None:
    for node in graph.node:
        if node.op_type == "BatchNormalization":
            node.attribute.append(onnx.helper.make_attribute("training_mode", 1))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_leaky, r"run on the same images it answers otherwise than resnet20 .* nothing is imported"),
        (_longer, r"computes with ConvTranspose, which no network here has"),
        (_computed, r"computes a weight by the operator Softplus, which is not read \(node 'soft'\)"),
        (_training, r"normalises in training mode"),
    ],
)
def test_a_file_that_computes_something_else_is_refused_with_what_it_is(raw, tmp_path, change, said):
    with pytest.raises(ValueError, match=said):
        import_weights(changed(raw, tmp_path / "x.onnx", change), "resnet20", 10)


def test_another_number_of_classes_and_another_network_are_named(default):
    with pytest.raises(
        ValueError, match=r"linear\.weight has shape 10x64; resnet20 for 16 classes has 16x64"
    ):
        import_weights(default, "resnet20", 16)
    with pytest.raises(
        ValueError, match=r"conv1\.weight has shape 16x3x3x3; resnet18 for 10 classes has 64x3x3x3"
    ):
        import_weights(default, "resnet18", 10)


def shuffled(file: Path, to: Path, seed: int) -> Path:
    """The same graph: nodes and initialisers in another order, all names but the input's others."""
    rng, model = random.Random(seed), onnx.load(file)
    names = {name for node in model.graph.node for name in (*node.input, *node.output)} - {"", "x"}
    new = dict(zip(sorted(names), rng.sample(range(10**6), len(names)), strict=True))
    called = {
        old: f"{rng.choice(['module.', 'bn1.', 'fc.weight', ''])}{number}" for old, number in new.items()
    }
    nodes = list(model.graph.node)
    for node in nodes:
        for side in (node.input, node.output):
            side[:] = [called.get(name, name) for name in side]
        node.name = called.get(node.name, "")
    for held in (*model.graph.initializer, *model.graph.output):
        held.name = called.get(held.name, held.name)
    there, order = {"", "x", *(t.name for t in model.graph.initializer)}, []
    while nodes:
        node = rng.choice([n for n in nodes if set(n.input) <= there])
        nodes.remove(node)
        order.append(node)
        there |= set(node.output)
    stored = list(model.graph.initializer)
    rng.shuffle(stored)
    for held, again in ((model.graph.node, order), (model.graph.initializer, stored)):
        del held[:]
        held.extend(again)
    del model.graph.value_info[:]
    onnx.checker.check_model(model)
    onnx.save(model, to)
    return to


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["folded", "with norms"])
def test_order_and_names_never_change_what_is_read(default, raw, tmp_path, kind, seed):
    near("resnet20", shuffled(default if kind == "folded" else raw, tmp_path / "x.onnx", seed))


def test_layers_are_told_apart_by_their_place_whatever_their_order():
    with shapes_only():
        ours = torch_graph.layers(networks.NETWORKS["resnet18"](10))
    order = list(range(len(ours)))
    random.Random(2).shuffle(order)
    at = {old: new for new, old in enumerate(order)}
    theirs = [graphs.replace(ours[i], before=frozenset(at[j] for j in ours[i].before)) for i in order]
    assert graphs.matched(ours, theirs) == [at[i] for i in range(len(ours))]


def test_without_onnxruntime_the_reference_runs_the_file(default, monkeypatch):
    from resq.importers.onnx import onnx_run

    raw = default.read_bytes()
    run, given, runtime = onnx_run._reference(raw)
    assert (given[0], runtime) == ("x", "onnx's reference")
    assert np.abs(run({"x": X.numpy()[:1]}) - logits(body("resnet20"), X[:1])).max() < 1e-3


def test_a_file_that_cannot_be_run_says_why(default):
    model = onnx.load(default)
    model.graph.node[0].op_type = "Nonsense"
    answers = onnx_check.answers(model, X.numpy())
    assert answers.logits is None
    assert "Nonsense" in answers.runtime


def test_images_normalised_inside_the_graph_are_told(folder):
    class Inside(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = body("resnet20")

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.body((x - torch.tensor([0.5, 0.4, 0.3]).view(3, 1, 1)) / torch.tensor(0.25))

    brought = import_weights(exported(Inside().eval(), folder / "inside.onnx"), "resnet20", 10)
    assert np.allclose(brought.normal.mean, (0.5, 0.4, 0.3))
    assert np.allclose(brought.normal.std, 0.25)


def test_a_plain_graph_has_no_operator_on_codes_of_activations(default, folder):
    pytest.importorskip("onnxruntime")
    file = quantized(default, folder / "plain.onnx")
    plain = onnx_dequantize.plain(onnx_file.loaded(file))
    assert set(plain.dropped) == {"QuantizeLinear", "DequantizeLinear"}
    left = {node.op_type for node in plain.nodes if any(name in plain.moving for name in node.input)}
    assert not left & {"QuantizeLinear", "DequantizeLinear"}
    assert len(onnx_weight_ops.layers(plain).reads) == 20


def test_a_graph_that_works_out_endless_numbers_is_refused_before_they_take_memory(raw, tmp_path):
    def endless(graph) -> None:
        conv, sizes = next(n for n in graph.node if n.op_type == "Conv"), (8192, 4096)
        graph.initializer.append(onnx.numpy_helper.from_array(np.array(sizes), "sizes"))
        graph.initializer.append(onnx.numpy_helper.from_array(np.float32(1), "one"))
        grown = [onnx.helper.make_node("Expand", ["one", "sizes"], [f"grown{i}"], "grow") for i in range(4)]
        added = onnx.helper.make_node("Concat", [n.output[0] for n in grown], ["much"], "much", axis=0)
        for at, node in enumerate([*grown, added]):
            graph.node.insert(at, node)
        conv.input[1] = "much"

    with pytest.raises(ValueError, match=r"numbers of weights; expected|numbers; expected"):
        import_weights(changed(raw, tmp_path / "x.onnx", endless), "resnet20", 10)


def test_group_norms_written_out_and_not_optimised_come_in(folder):
    pytest.importorskip("onnxscript")
    file = exported(body("resnet18_gn"), folder / "gn.onnx", dynamo=True, optimize=False)
    assert {"Range", "CastLike"} <= {node.op_type for node in onnx.load(file).graph.node}
    near("resnet18_gn", file)


def _packed(graph) -> None:
    gemm = next(n for n in graph.node if n.op_type == "Gemm")
    gemm.op_type, gemm.domain = "MatMulBnb4", "com.microsoft"


def _qonnx(graph) -> None:
    conv = next(n for n in graph.node if n.op_type == "Conv")
    graph.node.insert(
        0, onnx.helper.make_node("Quant", [conv.input[1]], ["q"], "q", domain="qonnx.custom_op")
    )
    conv.input[1] = "q"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_packed, r"keeps a weight in MatMulBnb4, codes of 4 bits that stand for floats by a table"),
        (_qonnx, r"by the operator Quant, which is not read \(node 'q'\); Brevitas' export_onnx_qcdq writes"),
    ],
)
def test_other_forms_of_codes_are_refused_with_what_to_write_instead(raw, tmp_path, change, said):
    with pytest.raises(ValueError, match=said):
        import_weights(changed(raw, tmp_path / "x.onnx", change), "resnet20", 10)
