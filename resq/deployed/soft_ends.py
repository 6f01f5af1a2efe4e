"""Whether a network answers with probabilities or with logits, told by the operators that it ends with."""

from __future__ import annotations

from collections.abc import Mapping

# Operators of TFLite, ONNX and torch.export, by the names that their readers give them.
LOG_SOFT = ("LOG_SOFTMAX", "LogSoftmax", "log_softmax", "_log_softmax")
SOFT = ("SOFTMAX", "Softmax", "QLinearSoftmax", "softmax", "_softmax", *LOG_SOFT)
# What may stand behind a last softmax.
AFTER = (
    "QUANTIZE", "DEQUANTIZE", "RESHAPE", "SQUEEZE", "CAST",
    "QuantizeLinear", "DequantizeLinear", "Identity", "Reshape", "Cast", "Flatten", "Squeeze", "Unsqueeze",
    "quantize_per_tensor", "dequantize_per_tensor", "view", "reshape", "flatten", "squeeze", "unsqueeze",
    "to", "_to_copy", "clone", "alias", "detach", "contiguous",
)  # fmt: skip
# What makes logits: products with weights, and their biases.
LOGITS = (
    "FULLY_CONNECTED", "CONV_2D", "ADD",
    "Gemm", "FusedGemm", "MatMul", "Conv", "Add", "QGemm", "QLinearMatMul", "QLinearConv", "QLinearAdd",
    "MatMulIntegerToFloat", "DynamicQuantizeMatMul", "MatMulNBits",
    "linear", "addmm", "mm", "matmul", "conv2d", "convolution", "add", "add_",
)  # fmt: skip


def probabilities(output: str, makers: Mapping[str, tuple[str, str]]) -> bool | None:
    """Whether an answer is that of a softmax; None where another operator than these makes it.

    Args:
        makers: name of a value -> (operator that makes it, name of what that reads first).

    >>> probabilities("y", {"y": ("DequantizeLinear", "q"), "q": ("QLinearSoftmax", "x")})
    True
    """
    name = output
    for _ in range(len(makers)):
        op, name = makers.get(name, ("", ""))
        if op in SOFT or op in LOGITS:
            return op in SOFT and op not in LOG_SOFT
        if op not in AFTER:
            break
    return None
