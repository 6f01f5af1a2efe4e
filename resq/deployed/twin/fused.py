"""What ONNX Runtime makes of a QDQ file when a session begins: products of integers instead of real numbers.

DequantizeLinear -> Conv, Gemm, MatMul or Add -> QuantizeLinear becomes QLinearConv, QGemm and so on. Sums of
integers are exact, so a twin that computes the same in real numbers would round some values to the other
side. On x86, onnxruntime 1.32.0 first makes uint8 of int8 activations that have one reader, and then fuses no
product whose input and output are of different types: with int8 activations 10 of the 19 convolutions of a
ResNet-20 are computed in real numbers, in the twin too.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import replace

from resq.deployed.twin.graph import Program, Step

X86 = ("x86_64", "AMD64")
FUSED = {"Conv": "QLinearConv", "Gemm": "QGemm", "MatMul": "QLinearMatMul", "Add": "QLinearAdd"}


def fused(program: Program, dtypes: Mapping[str, str], x86: bool | None = None) -> Program:
    """The program with its quantized products as ONNX Runtime computes them.

    Args:
        dtypes: integer type of each zero point.
        x86: whether the runtime is that of x86 processors; None: of this machine.
    """
    moved = platform.machine() in X86 if x86 is None else x86
    makers = {out: step for step in program.steps for out in step.outputs}
    readers: dict[str, int] = {program.output: 1}
    for step in program.steps:
        for name in step.inputs:
            readers[name] = readers.get(name, 0) + 1
    once = {
        step.inputs[0]
        for step in program.steps
        if step.op == "DequantizeLinear" and readers.get(step.inputs[0]) == readers.get(step.outputs[0]) == 1
    }
    types = {
        step.outputs[0]: _type(dtypes.get(step.inputs[2], ""), moved and step.outputs[0] in once)
        for step in program.steps
        if step.op == "QuantizeLinear" and len(step.inputs) == 3
    }
    steps = [_fused(step, makers, readers, types) for step in program.steps]
    read = {name for step in steps for name in step.inputs} | {program.output}
    return replace(program, steps=tuple(step for step in steps if read & set(step.outputs)))


def _type(dtype: str, moved: bool) -> str:
    return "uint8" if moved and dtype == "int8" else dtype


def _fused(
    step: Step, makers: Mapping[str, Step], readers: Mapping[str, int], types: Mapping[str, str]
) -> Step:
    """The step, or the product of integers that stands for it."""
    if step.op != "QuantizeLinear" or len(step.inputs) != 3:
        return step
    name = step.inputs[0]
    maker = makers.get(name)
    if maker is None or maker.op not in FUSED or readers[name] != 1:
        return step
    made = _product(step, maker, makers)
    if made is None:
        return step
    read = (made.inputs[0], made.inputs[3]) if made.op == "QLinearAdd" else made.inputs[:1]
    return made if {types.get(name) for name in read} == {types[step.outputs[0]]} else step


def _product(step: Step, maker: Step, makers: Mapping[str, Step]) -> Step | None:
    parts = [makers.get(name) for name in maker.inputs]
    if not all(p is not None and p.op == "DequantizeLinear" and len(p.inputs) == 3 for p in parts[:2]):
        return None
    x, w = (p.inputs for p in parts[:2] if p is not None)
    bias: tuple[str, ...] = ()
    if len(parts) > 2:
        if parts[2] is None or parts[2].op != "DequantizeLinear":
            return None
        bias = parts[2].inputs[:1]
    if any(p is not None and p.attributes.get("block_size") for p in parts[:2]):
        return None
    op, out = FUSED[maker.op], step.inputs[1:]
    inputs = (*x, *w, *(bias or ("",)), *out) if op == "QGemm" else (*x, *w, *out, *bias)
    return Step(op, inputs, step.outputs, maker.attributes)
