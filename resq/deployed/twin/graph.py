"""The graph of a deployed file as data: operators in order, what each reads, makes and was told. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from resq.deployed.words import Parsed


@dataclass(frozen=True)
class Step:
    """An operator of the graph.

    Attributes:
        op: its name in the carrier, such as CONV_2D or QLinearConv.
        inputs, outputs: names of values; "" for an input that is left out.
        told: its attributes by name.
    """

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Codes:
    """The quantizer of a TFLite value, or of an end of another file.

    Attributes:
        scale, zero: names of constants, both of one number for each channel or of one.
        axis: of the channels.
        dtype: of the integers, such as int8.
    """

    scale: str
    zero: str
    axis: int
    dtype: str


@dataclass(frozen=True, eq=False)
class Program:
    """A file's graph.

    Attributes:
        carrier: "tflite" or "onnx".
        steps: in an order in which each value is made before it is read.
        constants: name -> numbers as they are stored, before any scale; those that are not among the file's
            words (``words`` says which are).
        words: name of a value -> name of the ``Stored`` that holds its numbers.
        codes: of TFLite, the quantizer of each value that has one; of the other carriers, of an
            input and output in integers.
        shapes: of TFLite, the shape of each value, -1 where it is free.
        opset: of ONNX, the version of its own operators.
    """

    carrier: str
    steps: tuple[Step, ...]
    constants: Mapping[str, np.ndarray]
    words: Mapping[str, str]
    input: str
    output: str
    codes: Mapping[str, Codes] = field(default_factory=dict)
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    opset: int = 0


def ends(parsed: Parsed) -> tuple[dict[str, Codes], dict[str, np.ndarray]]:
    """The quantizers of an input and an output in integers, and the numbers that they name, float32 scalars.

    They are no words of the file: whoever runs it has them beside it.
    """
    codes, numbers = {}, {}
    for end in (parsed.input, parsed.output):
        if end.scale and "int" in end.dtype:
            codes[end.name] = Codes(f"{end.name}/own scale", f"{end.name}/own zero", -1, end.dtype)
            numbers[f"{end.name}/own scale"] = np.asarray(end.scale, np.float32)
            numbers[f"{end.name}/own zero"] = np.asarray(end.zero, np.float32)
    return codes, numbers
