"""An ONNX graph without the quantization of its activations: what it computes with the weights it stores.

Weights stay as their codes, read by DequantizeLinear. The operators on codes (QLinearConv, ConvInteger, QGemm
and their like) become those on floats. A quantizer of activations whose codes begin at 0 also cuts off what
is negative, and onnxruntime leaves out the Relu before it: there one is put back. Add an
operator on codes: a rule, and a line in RULES.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from resq.importers.formats.pickles import RefusedError
from resq.importers.onnx import onnx_file, onnx_packed
from resq.importers.onnx.onnx_values import LOOSE, Values

SHAPES = ("Shape", "Size")  # depend on the images' number and size alone
POSITIVE = ("Relu", "Sigmoid", "Softmax", "HardSigmoid", "MaxPool", "Transpose", "Reshape", "Flatten")


@dataclass(eq=False)
class Plain:
    """The graph in the making.

    Attributes:
        moving: names whose values depend on the images.
        dropped: operators by which activations were quantized, in the order met.
    """

    model: Any
    values: Values
    moving: set[str]
    nodes: list[Any] = field(default_factory=list)
    made: dict[str, Any] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)

    def put(self, kind: str, inputs: list[str], gives: list[str], **settings: Any) -> str:
        """One more node; the name that it gives first."""
        from onnx import helper

        self.add(helper.make_node(kind, inputs, gives, f"{kind}_{len(self.nodes)}", **settings))
        return gives[0]

    def add(self, node: Any) -> None:
        """A node as it is."""
        self.nodes.append(node)
        self.made |= dict.fromkeys(node.output, node)
        if node.op_type not in SHAPES and any(name in self.moving for name in moved(node)):
            self.moving |= set(node.output)

    def fresh(self, stem: str) -> str:
        """A name that nothing has."""
        return f"{stem}|{len(self.nodes)}"

    def number(self, value: np.ndarray, stem: str) -> str:
        """A constant."""
        from onnx import numpy_helper

        return self.put("Constant", [], [self.fresh(stem)], value=numpy_helper.from_array(value))

    def floats(self, name: str, scale: str, zero: str, axis: int = 1) -> str:
        """The floats of a tensor of codes; of activations, which are floats already, the name itself."""
        if name in self.moving:
            return name
        return self.put(
            "DequantizeLinear", [n for n in (name, scale, zero) if n], [self.fresh(name)], axis=axis
        )

    def three(self, inputs: list[str], at: int, axis: int = 1) -> str:
        """The floats of a tensor whose scale and zero point stand right after it."""
        return self.floats(inputs[at], inputs[at + 1], inputs[at + 2], axis)


def moved(node: Any) -> list[str]:
    """Those inputs of a node whose values reach what it gives; a shape does not."""
    return list(node.input[:1]) if node.op_type in ("Reshape", "Expand", "CastLike") else list(node.input)


def plain(model: Any) -> Plain:
    """The model's graph with activations in floats.

    Raises:
        RefusedError: an operator on codes that is not known; the sentence names it.
    """
    nodes = onnx_file.sorted_nodes(model.graph)
    inside = {tensor.name for tensor in model.graph.initializer}
    images = {graph_input.name for graph_input in model.graph.input} - inside
    made = Plain(model, Values(model.graph, nodes, images), images)
    for node in nodes:
        rule = RULES.get(node.op_type)
        if rule is None or not any(name in made.moving for name in node.input):
            _known(node)
            made.add(node)
            continue
        _settled(made, node)
        if node.op_type != onnx_packed.OP or onnx_packed.without_rounding(node) is not None:
            made.dropped[node.op_type] = made.dropped.get(node.op_type, 0) + 1
        rule(made, node, list(node.input) + [""] * 12)
    made.values = Values(model.graph, made.nodes, made.moving)
    return made


def _settled(p: Plain, node: Any) -> None:
    """Refuses codes of weights, scales and zero points that depend on the images."""
    kinds = ("QuantizeLinear", "DequantizeLinear", "QLinearConv", "QGemm")
    rest = any(name in p.moving for name in node.input[1:])
    if node.op_type in kinds and (rest or node.input[0] not in p.moving):
        raise RefusedError(
            f"computes {node.op_type} with a weight, scale or zero point that depends on the images (node "
            f"{node.name[:80]!r})"
        )


def _known(node: Any) -> None:
    if node.op_type in ("MatMulBnb4", "MatMulFpQ4"):
        raise RefusedError(
            f"keeps a weight in {node.op_type}, codes of 4 bits that stand for floats by a table, which are "
            f"not read (node {node.name[:80]!r}); import the float network, or one quantized by "
            "MatMulNBitsQuantizer"
        )
    if node.op_type.startswith("QLinear") or node.op_type in ("QAttention", "QMoE"):
        raise RefusedError(
            f"computes with the operator {node.op_type}, which is not read (node {node.name!r:.80})"
        )


def _dequantized(p: Plain, node: Any, inputs: list[str]) -> None:
    p.put("Identity", [inputs[0]], [node.output[0]])


def _quantized(p: Plain, node: Any, inputs: list[str]) -> None:
    p.put(_rectifier(p, inputs[0], inputs[2], node), [inputs[0]], [node.output[0]])


def _rectifier(p: Plain, name: str, zero: str, node: Any = None) -> str:
    """Relu where codes begin at 0 and what is quantized may be negative, else Identity."""
    if name not in p.made or (node is not None and not zero):
        return "Identity"  # the images themselves
    value = p.values.of(zero)
    kinds = {"uint8": 2, "int8": 3, "uint16": 4, "int16": 5}
    kind = kinds.get(value.array.dtype.name, 3) + (19 if value.bits == 4 else 0)
    lowest = value.array.size == 1 and int(value.array.reshape(-1)[0]) == LOOSE[kind][0]
    return "Relu" if lowest and p.made[name].op_type not in POSITIVE else "Identity"


def _dynamic(p: Plain, node: Any, inputs: list[str]) -> None:
    p.put("Identity", [inputs[0]], [node.output[0]])
    for at, value in ((1, np.float32(1)), (2, np.uint8(0))):
        if len(node.output) > at and node.output[at]:
            p.put("Identity", [p.number(np.asarray(value), "dynamic")], [node.output[at]])


def _ends(p: Plain, node: Any, kind: str, inputs: list[str], zero: str, settings: dict[str, Any]) -> None:
    """A node on floats in the place of one on codes, and the Relu that its output's codes stand for."""
    inner = p.put(kind, inputs, [p.fresh(node.output[0])], **settings)
    p.put(_rectifier(p, inner, zero), [inner], [node.output[0]])


def _bias(p: Plain, name: str, steps: tuple[str, str], factor: float = 1.0) -> list[str]:
    """A bias of int32, whose scale is the product of those of input and weight."""
    if not name:
        return []
    step = p.put("Mul", list(steps), [p.fresh(name)])
    if factor != 1:
        step = p.put("Mul", [step, p.number(np.array(factor, np.float32), name)], [p.fresh(name)])
    return [p.floats(name, step, "", 0)]


def _qlinear_conv(p: Plain, node: Any, inputs: list[str]) -> None:
    weight = p.floats(inputs[3], inputs[4], inputs[5], 0)
    bias = _bias(p, inputs[8], (inputs[1], inputs[4]))
    _ends(p, node, "Conv", [inputs[0], weight, *bias], inputs[7], onnx_file.settings(node))


def _qlinear_matmul(p: Plain, node: Any, inputs: list[str]) -> None:
    both = [p.three(inputs, 0), p.three(inputs, 3)]
    _ends(p, node, "MatMul", both, inputs[7], {})


def _qgemm(p: Plain, node: Any, inputs: list[str]) -> None:
    settings = onnx_file.settings(node)
    weight = p.three(inputs, 3, 0 if settings.get("transB") else 1)
    bias = _bias(p, inputs[6], (inputs[1], inputs[4]), settings.get("alpha", 1.0))
    _ends(p, node, "Gemm", [inputs[0], weight, *bias], inputs[8] or inputs[5], settings)


def _qlinear_two(kind: str) -> Callable[[Plain, Any, list[str]], None]:
    def rule(p: Plain, node: Any, inputs: list[str]) -> None:
        _ends(p, node, kind, [p.three(inputs, 0), p.three(inputs, 3)], inputs[7], {})

    return rule


def _qlinear_one(kind: str, *attributes: str) -> Callable[[Plain, Any, list[str]], None]:
    def rule(p: Plain, node: Any, inputs: list[str]) -> None:
        settings = onnx_file.settings(node)
        if settings.get("channels_last"):
            raise RefusedError(f"computes {node.op_type} with channels last, which is not read")
        p.put(kind, [inputs[0]], [node.output[0]], **{k: v for k, v in settings.items() if k in attributes})

    return rule


def _qlinear_concat(p: Plain, node: Any, inputs: list[str]) -> None:
    parts = [p.three(list(node.input), i) for i in range(2, len(node.input), 3)]
    p.put("Concat", parts, [node.output[0]], axis=onnx_file.settings(node)["axis"])


def _integer(kind: str) -> Callable[[Plain, Any, list[str]], None]:
    def rule(p: Plain, node: Any, inputs: list[str]) -> None:
        """ConvInteger and MatMulInteger: whole numbers whose scale a later Mul brings."""
        if inputs[1] in p.moving:
            p.put(kind, inputs[:2], [node.output[0]], **onnx_file.settings(node))
            return
        axis = 0 if kind == "Conv" else p.values.of(inputs[1]).array.ndim - 1
        many = bool(inputs[3]) and p.values.of(inputs[3]).array.size > 1
        count = p.values.of(inputs[1]).array.shape[axis] if many else 1
        one = np.ones(count, np.float32) if many else np.ones((), np.float32)
        weight = p.floats(inputs[1], p.number(one, inputs[1]), inputs[3], axis)
        p.put(kind, [inputs[0], weight], [node.output[0]], **onnx_file.settings(node))

    return rule


def _scaled_matmul(p: Plain, node: Any, inputs: list[str]) -> None:
    """com.microsoft's MatMulIntegerToFloat: A, B, their scales, their zero points, a bias."""
    _product(p, node, inputs[0], p.floats(inputs[1], inputs[3], inputs[5]), inputs[6])


def _dynamic_matmul(p: Plain, node: Any, inputs: list[str]) -> None:
    """com.microsoft's DynamicQuantizeMatMul: A, B, its scale, its zero point, a bias."""
    _product(p, node, inputs[0], p.floats(inputs[1], inputs[2], inputs[3]), inputs[4])


def _packed_matmul(p: Plain, node: Any, inputs: list[str]) -> None:
    """com.microsoft's MatMulNBits: its weight is read where layers are; only its rounding is taken off."""
    p.add(onnx_packed.without_rounding(node) or node)


def _product(p: Plain, node: Any, x: str, weight: str, bias: str) -> None:
    out = p.put("MatMul", [x, weight], [p.fresh(node.output[0]) if bias else node.output[0]])
    if bias:
        p.put("Add", [out, bias], [node.output[0]])


POOL = ("auto_pad", "ceil_mode", "count_include_pad", "kernel_shape", "pads", "strides")
RULES: dict[str, Callable[[Plain, Any, list[str]], None]] = {
    "QuantizeLinear": _quantized,
    "DequantizeLinear": _dequantized,
    "DynamicQuantizeLinear": _dynamic,
    "QLinearConv": _qlinear_conv,
    "QLinearMatMul": _qlinear_matmul,
    "QGemm": _qgemm,
    "QLinearAdd": _qlinear_two("Add"),
    "QLinearMul": _qlinear_two("Mul"),
    "QLinearSigmoid": _qlinear_one("Sigmoid"),
    "QLinearLeakyRelu": _qlinear_one("LeakyRelu", "alpha"),
    "QLinearSoftmax": _qlinear_one("Softmax", "axis"),
    "QLinearGlobalAveragePool": _qlinear_one("GlobalAveragePool"),
    "QLinearAveragePool": _qlinear_one("AveragePool", *POOL),
    "QLinearConcat": _qlinear_concat,
    "ConvInteger": _integer("Conv"),
    "MatMulInteger": _integer("MatMul"),
    "MatMulIntegerToFloat": _scaled_matmul,
    "DynamicQuantizeMatMul": _dynamic_matmul,
    onnx_packed.OP: _packed_matmul,
}


def as_model(p: Plain) -> Any:
    """The plain graph as an ONNX model of its own, to be run."""
    import onnx

    model = onnx.ModelProto()
    model.CopyFrom(p.model)
    del model.graph.node[:]
    del model.graph.value_info[:]
    model.graph.node.extend(p.nodes)
    if p.dropped:  # codes have become floats on the way
        for graph_output in model.graph.output:
            graph_output.type.tensor_type.elem_type = 1
    return model
