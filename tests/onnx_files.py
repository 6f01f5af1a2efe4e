"""ONNX files as real tools write them, of networks with seeded random weights."""

import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn

from resq import networks

RAW = {"training": torch.onnx.TrainingMode.PRESERVE, "do_constant_folding": False}
NORMS = (nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)


def body(name: str, classes: int = 10) -> nn.Module:
    """A network whose norms and statistics are no longer those of a fresh start, in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        made = networks.NETWORKS[name](classes).eval()
    rng = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for module in made.modules():
            if isinstance(module, NORMS):
                module.weight.uniform_(0.5, 1.5, generator=rng)
                module.bias.normal_(0, 0.2, generator=rng)
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1, generator=rng)
                module.running_var.uniform_(0.5, 2, generator=rng)
    return made


def session(file):
    """onnxruntime's session of a file, or of its bytes: its sums exact also on a processor without VNNI."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.x64quantprecision", "1")
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def exported(network: nn.Module, file: Path, dynamo: bool = False, **options) -> Path:
    """What torch's exporter makes of it, once per file."""
    if not file.exists():
        x = torch.rand(1, 3, 32, 32)
        if not dynamo:
            options = {"input_names": ["x"], "dynamic_axes": {"x": {0: "n"}}, **options}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(network, (x,), file, dynamo=dynamo, **options)
    return file


def logits(network: nn.Module, x: torch.Tensor) -> np.ndarray:
    with torch.inference_mode():
        return network(x).numpy()


def brought_logits(brought, name: str, x: torch.Tensor, classes: int = 10) -> np.ndarray:
    """Of what was imported."""
    made = networks.restore(name, brought.state, mean=(0, 0, 0), std=(1, 1, 1), classes=classes)
    return logits(made, x)


def quantized(source: Path, file: Path, spread: float = 1.0, **options) -> Path:
    """What onnxruntime's static quantizer makes of a file, calibrated on noise like the tests' images.

    Args:
        spread: the noise's deviation; far below 1, what is brighter or darker is cut off.
    """
    from onnxruntime.quantization import CalibrationDataReader, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            rng = np.random.default_rng(5)
            self.left = iter(
                [{"x": rng.normal(0, spread, (4, 3, 32, 32)).astype(np.float32)} for _ in range(2)]
            )

        def get_next(self):
            return next(self.left, None)

    if not file.exists():
        quantize_static(str(source), str(file), Reader(), **options)
    return file


def with_quantizers(file: Path, to: Path, per_channel: bool) -> Path:
    """Float weights behind QuantizeLinear and DequantizeLinear, as training for quantization exports them."""
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load(file)
    nodes, more = [], []
    for tensor in list(model.graph.initializer):
        value = numpy_helper.to_array(tensor)
        if value.ndim not in (2, 4) or not tensor.name.endswith("weight"):
            continue
        rows = np.abs(value).reshape(len(value), -1).max(1)
        scale = (rows if per_channel else rows.max(keepdims=False)) / np.float32(127)
        parts = [f"{tensor.name}{end}" for end in ("", "_s", "_z")]
        more += [numpy_helper.from_array(np.asarray(scale, np.float32), parts[1]),
                 numpy_helper.from_array(np.zeros_like(scale, np.int8), parts[2])]  # fmt: skip
        for node in model.graph.node:
            for at, name in enumerate(node.input):
                if name == tensor.name:
                    node.input[at] = f"{tensor.name}_dq"
        read = [f"{tensor.name}_q", *parts[1:]]
        nodes.append(helper.make_node("QuantizeLinear", parts, read[:1], axis=0))
        nodes.append(helper.make_node("DequantizeLinear", read, [f"{tensor.name}_dq"], axis=0))
    model.graph.initializer.extend(more)
    nodes += list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, to)
    return to


def with_matmul(file: Path, to: Path) -> Path:
    """The last layer as MatMul and Add, its weight (in, out): as of tokens, and as many tools write it."""
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load(file)
    graph = model.graph
    (gemm,) = [node for node in graph.node if node.op_type == "Gemm"]
    (weight,) = [t for t in graph.initializer if t.name == gemm.input[1]]
    turned = numpy_helper.from_array(numpy_helper.to_array(weight).T.copy(), "turned")
    graph.initializer.remove(weight)
    graph.initializer.append(turned)
    graph.node.remove(gemm)
    graph.node.extend([
        helper.make_node("MatMul", [gemm.input[0], "turned"], ["product"], "product"),
        helper.make_node("Add", ["product", gemm.input[2]], list(gemm.output), "sum"),
    ])  # fmt: skip
    onnx.save(model, to)
    return to
