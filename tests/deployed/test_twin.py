"""The twin of a deployed file: the runtime's answers, its gradients, its flips."""

import json

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from resq import data
from resq.cli import main
from resq.core import BitFlips, seeds
from resq.deployed.network import Network
from resq.deployed.pixels import Asked
from resq.deployed.twin import check, fused, rounding, taps
from resq.deployed.twin.module import Twin
from resq.memory import faults
from tests import deployed_files

UNIT = Asked((0.0, 1.0))
# Least share of the answers' numbers that are equal: kernels that compute with integers alone are exact.
EXACT = {"qoperator": 1.0, "ic01_int8.tflite": 1.0}
N = 40


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    return deployed_files.made(tmp_path_factory.mktemp("twins"))


@pytest.fixture(params=[*deployed_files.CARRIERS, "ic01_int8.tflite", "ic01_float.tflite"])
def pair(request, files):
    """(name, network, its twin, some images and their labels)"""
    if request.param in files:
        file, asked, name = files[request.param], UNIT, "signs"
    else:
        file = deployed_files.shared(request.param)
        asked, name = Asked() if "int8" in request.param else Asked((0.0, 255.0)), "cifar10"
        if file is None or not data.present(name):
            pytest.skip(f"{request.param} or the images of {name} are not on this machine (set RESQ_DATA)")
    with Network(file, asked=asked, threads=1) as network:
        yield request.param, network, Twin(network), data.load(name, "test").first(N)


def test_the_twin_answers_as_the_runtime_does(pair):
    name, network, twin, images = pair
    found = check.compare(network, twin, images.pixels, images.y)
    assert found.agree == 1
    assert found.same >= EXACT.get(name, 0)
    assert found.mean <= 0.002 * found.span
    assert found.right == found.twin_right > 0.7 * N
    assert not found.said
    assert len(found.layers) > 5
    assert all(layer.same > 0.9 for layer in found.layers)


def test_the_comparison_tells_where_a_wrong_twin_parts(pair):
    _, network, twin, images = pair
    layer = network.stored[len(network.stored) // 2]
    with torch.no_grad():
        twin.numbers[layer.name].mul_(-1)
    found = check.compare(network, twin, images.pixels[:5], images.y[:5])
    assert found.largest > 0.01 * found.span
    assert found.parting is not None
    first = [entry.same > 0.99 for entry in found.layers].index(False)
    assert 0 < first < len(found.layers) - 2


def test_flips_move_the_twin_as_they_move_the_runtime_and_are_undone(pair):
    _, network, twin, images = pair
    x = images.pixels[:20].copy()
    before = check.logits(twin, x)
    top = [
        network.layout.address(s.name, w, s.width - 1) for s in network.stored[:3] for w in (0, s.count // 2)
    ]
    chosen = BitFlips(np.array(sorted(top)), np.zeros(len(top)))
    if "float32" in {s.dtype for s in network.stored}:  # a sign, as a flipped exponent leaves all bounds
        assert network.stored[0].width == 32
    with network.flipped(chosen), twin.flipped(chosen):
        theirs, ours = network.logits(x), check.logits(twin, x)
    assert np.abs(theirs - before).max() > 0
    assert np.abs(theirs - ours).mean() <= 0.002 * (theirs.max() - theirs.min())
    assert (check.logits(twin, x) == before).all()


def test_gradients_reach_the_images_and_every_weight(pair):
    _, network, twin, images = pair
    x = (torch.from_numpy(images.pixels[:4].astype(np.float32)) / 255).requires_grad_()
    held = [twin.numbers[s.name].requires_grad_() for s in network.stored]
    loss = torch.nn.functional.cross_entropy(twin.scores(x), torch.from_numpy(images.y[:4]))
    slope, *found = torch.autograd.grad(loss, [x, *held])
    assert (slope.flatten(1) != 0).any(1).all()
    assert all(torch.isfinite(g).all() and (g != 0).any() for g in found)


def test_a_small_step_along_the_gradient_of_a_float_twin_changes_the_loss_as_it_says(files):
    with Network(files["float"], asked=UNIT) as network:
        twin = Twin(network, dtype=torch.float64)
    images = data.load("signs", "test").first(8)
    x, y = torch.from_numpy(images.pixels / 255), torch.from_numpy(images.y)
    weight = twin.numbers[network.stored[3].name].requires_grad_()
    loss = torch.nn.functional.cross_entropy(twin.scores(x), y)
    (slope,) = torch.autograd.grad(loss, [weight])
    step = 1e-6 * slope / slope.norm()
    with torch.no_grad():
        weight += step
        moved = torch.nn.functional.cross_entropy(twin.scores(x), y)
    assert (moved - loss).item() == pytest.approx((slope * step).sum().item(), rel=0.01)


def test_rounding_is_half_to_even_before_the_zero_point_and_passes_gradients_where_nothing_is_cut():
    x = torch.tensor([0.5, 1.5, -0.5, 200.0, torch.nan], requires_grad=True)
    found = rounding.coded(x, torch.tensor(1.0), "int8")
    assert found.tolist() == [1, 3, 1, 127, -128]
    (slope,) = torch.autograd.grad(found[:4].sum(), x)
    assert slope[:4].tolist() == [1, 1, 1, 0]


@pytest.mark.parametrize(("x", "expected"), [(0.5, 1), (-0.5, -1), (2.4, 2), (-2.6, -3), (0.0, 0)])
def test_means_of_integers_are_rounded_half_away_from_zero(x, expected):
    assert rounding.away(torch.tensor(x)).item() == expected


def test_a_final_softmax_is_left_out_where_attacks_look(files):
    file = deployed_files.shared("ic01_int8.tflite")
    if file is None:
        pytest.skip("ic01_int8.tflite is not on this machine (set RESQ_DATA)")
    with Network(file) as network:
        twin = Twin(network)
    x = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert twin.soft
    torch.testing.assert_close(
        torch.softmax(twin.scores(x), 1), twin(x), atol=1.01 / 256, rtol=0
    )  # 1 is no number of its
    with Network(files["float"], asked=UNIT) as network:
        plain = Twin(network)
    assert not plain.soft
    assert torch.equal(plain.scores(x), plain(x))


def _saved(tmp_path, nodes, initializers=()):
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 4])],
        list(initializers),
    )
    file = tmp_path / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), file)
    return file


def test_an_operator_that_a_twin_lacks_is_named(tmp_path):
    weight = numpy_helper.from_array(np.ones((192, 4), np.float32), "w")
    nodes = [
        helper.make_node("Flatten", ["images"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["a"]),
        helper.make_node("Softplus", ["a"], ["logits"]),
    ]
    network = Network(_saved(tmp_path, nodes, [weight]), asked=UNIT)
    with pytest.raises(
        ValueError, match=r"net\.onnx has operators that a differentiable twin does not compute: Softplus"
    ):
        Twin(network)


def test_a_use_of_an_operator_that_a_twin_does_not_compute_is_one_sentence(tmp_path):
    weight = numpy_helper.from_array(np.ones((3, 4), np.float32), "w")
    nodes = [
        helper.make_node("MaxPool", ["images"], ["p"], kernel_shape=[3, 3], strides=[3, 3], ceil_mode=1),
        helper.make_node("ReduceMean", ["p"], ["m"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["m", "w"], ["logits"]),
    ]
    twin = Twin(Network(_saved(tmp_path, nodes, [weight]), asked=UNIT))
    with pytest.raises(
        ValueError, match=r"a twin does not compute MaxPool as it is used here: .*ceil_mode 1"
    ):
        twin(torch.zeros(1, 3, 8, 8))


def test_flips_in_shapes_are_refused_by_name(files):
    with Network(files["float"], "all", UNIT) as network:
        twin = Twin(network)
        shapes = [s for s in network.stored if s.dtype == "int64"]
        if not shapes:
            pytest.skip("this export has no shape among its constants")
        flip = BitFlips(np.array([network.layout.address(shapes[0].name, 0, 0)]), np.zeros(1))
        with pytest.raises(ValueError, match="does not compute with flips in"), twin.flipped(flip):
            pass


def test_products_are_fused_only_where_input_and_output_keep_one_type(files):
    with Network(files["qdq-tensor"], asked=UNIT) as network:
        twin = Twin(network)
    read = fused.fused  # on other processors int8 stays int8, and every product is one of integers
    from resq.deployed.twin import read_onnx

    program, types = read_onnx.program(network.parsed), {s.name: s.dtype for s in network.parsed.stored}
    counts = [
        sum(step.op == "QLinearConv" for step in read(program, types, x86=x86).steps) for x86 in (False, True)
    ]
    assert counts[0] > counts[1] > 0
    assert len(twin.program.steps) < len(program.steps)


def test_more_outputs_leave_the_files_own_answer_what_it_is(pair):
    _, network, twin, images = pair
    wanted = taps.names(twin.program)[:2]
    own, *more = taps.values(network, twin.program, wanted, images.pixels[:3])
    assert len(more) == 2
    assert own.reshape(3, -1).shape == network.logits(images.pixels[:3].copy()).shape
    assert [len(value) for value in more] == [3, 3]


def test_the_command_prints_the_comparison_and_writes_it(files, tmp_path, capsys):
    out = tmp_path / "found.json"
    told = [
        "twin",
        str(files["qoperator"]),
        "--data",
        "signs",
        "--range",
        "0..1",
        "--n",
        "20",
        "--out",
        str(out),
    ]
    assert main(told) == 0
    said = capsys.readouterr().out
    assert "100.00 % of the answers are the same" in said
    found = json.loads(out.read_text())
    assert found["same"] == 1
    assert found["parting"] is None
    assert found["right"] == found["twin_right"]


def test_random_flips_in_scales_and_biases_reach_the_twin_too(files):
    with Network(files["qoperator"], "biases,scales", UNIT, threads=1) as network:
        twin, x = Twin(network), data.load("signs", "test").first(10).pixels.copy()
        flips = faults.FAULTS["random"](
            faults.region(network, planes=range(8)), 5e-3, rng=seeds.rng(0, "map")
        )
        before = check.logits(twin, x)
        with network.flipped(flips), twin.flipped(flips):
            theirs, ours = network.logits(x), check.logits(twin, x)
    assert (theirs != before).any()
    assert np.abs(theirs - ours).mean() <= 0.01 * np.ptp(theirs)
