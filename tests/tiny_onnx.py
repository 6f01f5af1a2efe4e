"""A tiny ONNX classifier, written node by node: any input size, grey or colour, any number of classes."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def made(file: Path, classes: int = 5, channels: int = 1, height: int = 12, width: int = 10) -> Path:
    """Writes relu(conv) -> global mean -> dense, weights of chance, and gives the file."""
    chance = np.random.default_rng(classes * 100 + channels)
    constants = {
        "conv.weight": chance.normal(0, 1, (8, channels, 3, 3)),
        "conv.bias": chance.normal(0, 0.1, 8),
        "fc.weight": chance.normal(0, 1, (classes, 8)),
        "fc.bias": chance.normal(0, 0.1, classes),
    }
    nodes = [
        helper.make_node("Conv", ["images", "conv.weight", "conv.bias"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("GlobalAveragePool", ["b"], ["c"]),
        helper.make_node("Flatten", ["c"], ["d"]),
        helper.make_node("Gemm", ["d", "fc.weight", "fc.bias"], ["logits"], transB=1),
    ]
    taken = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", channels, height, width])
    given = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", classes])
    kept = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in constants.items()]
    graph = helper.make_graph(nodes, "tiny", [taken], [given], kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, file)
    return file
