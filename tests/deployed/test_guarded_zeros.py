"""Guards of a deployed file read as zero what the file's own zero point says."""

from dataclasses import replace

import onnx
import pytest
from onnx import numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from resq import data
from resq.core import Encoding, seeds
from resq.core.errors import ResqError
from resq.deployed import guarded
from resq.deployed.guarded import GuardedFile
from resq.deployed.network import Network
from resq.deployed.pixels import Asked
from resq.memory import faults
from tests import deployed_files

UNIT = Asked((0.0, 1.0))


@pytest.fixture(scope="module")
def dynamic(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dynamic")
    source = deployed_files.made(folder, carriers=["float"])["float"]
    quantize_dynamic(source, folder / "uint8.onnx", weight_type=QuantType.QUInt8)
    return folder / "uint8.onnx"


def test_guards_over_words_of_quantize_dynamic_know_which_byte_stands_for_zero(dynamic):
    graph = onnx.load(dynamic).graph
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    zeros = {
        node.input[1]: int(held[node.input[3]]) for node in graph.node if node.op_type.endswith("Integer")
    }
    some = data.load("signs", "test").first(60)
    with Network(dynamic, asked=UNIT, threads=1) as network:
        memory = GuardedFile(network, Encoding.parse("int8-secded0"))
        assert {name: q.zero.item() for name, q in memory.model.weights.items()} == zeros
        assert min(zeros.values()) > 100
        drawn = faults.random(faults.region(memory.model), 2e-3, rng=seeds.rng(0, "map"))
        with network.flipped(memory.misread(drawn)):
            assert (network.logits(some.pixels).argmax(1) == some.y).mean() > 0.9


def test_shorter_codes_of_quantize_dynamics_words_stand_for_zero_where_the_file_does(dynamic):
    with Network(dynamic, asked=UNIT, threads=1) as network:
        memory = GuardedFile(network, Encoding.parse("int6"))
        for stored, q in zip(network.stored, memory.model.weights.values(), strict=True):
            assert abs(q.zero.item() * 255 / 63 - stored.zero[0]) <= 255 / 63 / 2


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_words_whose_zero_point_is_not_known_are_refused(dynamic, dtype):
    with Network(dynamic, asked=UNIT) as network:
        unknown = replace(network.stored[0], dtype=dtype, zero=())
        with pytest.raises(ResqError, match=r"does not say which byte of '.*' stands for 0"):
            guarded.own_code([unknown], "net.onnx")


def test_channels_with_zero_points_of_their_own_are_refused(dynamic, tmp_path):
    file = tmp_path / "channels.onnx"
    source = dynamic.with_name("float.onnx")
    quantize_dynamic(source, file, weight_type=QuantType.QUInt8, per_channel=True)
    with Network(file, asked=UNIT) as network, pytest.raises(ResqError, match="several zero points a tensor"):
        GuardedFile(network, Encoding.parse("int8-secded0"))


@pytest.mark.parametrize("name", ["int8+int8-secded@{}", "int8+int8-x9@0.{}"])
def test_tensors_stored_apart_that_the_file_does_not_have_are_refused(dynamic, name):
    with Network(dynamic, asked=UNIT, threads=1) as network:
        count = len(network.stored)
        GuardedFile(network, Encoding.parse(name.format(count - 1)))
        with pytest.raises(
            ResqError, match=rf"stores layer {count} apart; the network has 0\.\.{count - 1}$"
        ):
            GuardedFile(network, Encoding.parse(name.format(count)))
