"""What a runtime computes in between: the file with more outputs, run by the same runtime and kernels.

LiteRT's delegate keeps no value in between, and without the delegate other kernels run. So the values are
made outputs of a copy of the file.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from resq.deployed.formats import protobuf
from resq.deployed.formats.flatbuffer import Table
from resq.deployed.formats.pt2_kinds import PRODUCTS
from resq.deployed.network import Network
from resq.deployed.process import Process
from resq.deployed.twin.graph import Program

GRAPH, OUTPUT, NAME = 7, 12, 1
# Operators whose results are no numbers of a layer.
SHAPES = ("Shape", "Gather", "Unsqueeze", "Squeeze", "Concat", "ConstantOfShape", "Equal", "Where", "Slice",
          "Cast", "Reshape", "Flatten", "Transpose", "Identity", "Expand", "SHAPE", "PACK", "STRIDED_SLICE",
          "RESHAPE", "CAST", "DequantizeLinear", "Split", "SPLIT", "Mod", "Div", "Constant")  # fmt: skip


def names(program: Program) -> tuple[str, ...]:
    """The values worth comparing: of an ONNX file with integers, what is rounded; else each layer's."""
    steps = [step for step in program.steps if step.op not in SHAPES]
    if program.carrier == "pt2":
        steps = [step for step in steps if step.op in PRODUCTS or step.op.startswith("quantize_per")]
    rounded = [
        step for step in steps if step.op.startswith(("QLinear", "QGemm", "QuantizeLinear", "quantize_per"))
    ]
    chosen = [step for step in rounded or steps if step.inputs[0] not in program.words]
    outputs = dict.fromkeys(step.outputs[0] for step in chosen)
    return tuple(name for name in outputs if name != program.output)


def with_outputs(program: Program, memory: bytes, wanted: Sequence[str]) -> bytes:
    """The file with these values as outputs behind its own; a .pt2 program is told them beside its file."""
    if program.carrier == "pt2":
        return memory
    return _onnx(memory, wanted) if program.carrier == "onnx" else _tflite(memory, wanted)


def _onnx(memory: bytes, wanted: Sequence[str]) -> bytes:
    more = b"".join(protobuf.written(OUTPUT, protobuf.written(NAME, name.encode())) for name in wanted)
    return protobuf.changed(memory, (0, len(memory)), (GRAPH,), lambda span: memory[slice(*span)] + more)


def _tflite(memory: bytes, wanted: Sequence[str]) -> bytes:
    """A longer list of outputs is written behind the file, and the graph pointed to it."""
    graph = Table.root(memory).tables(2)[0]
    numbers = [*graph.array(2, "<i4").tolist(), *(int(name.split(":", 1)[0]) for name in wanted)]
    filled = memory + bytes(-len(memory) % 4)
    at = graph.place(2)
    longer = filled + struct.pack(f"<I{len(numbers)}i", len(numbers), *numbers)
    return longer[:at] + struct.pack("<I", len(filled) - at) + longer[at + 4 :]


def values(network: Network, program: Program, wanted: Sequence[str], x: np.ndarray) -> list[np.ndarray]:
    """The runtime's own answers to images (N, C, H, W), then each wanted value, as the runtime holds it.

    Raises:
        ValueError: the runtime does not give them.
    """
    memory = with_outputs(program, network.parsed.memory, wanted)
    with _process(network, memory, wanted) as process:
        arrays: list[np.ndarray] = process.ask("outputs", [network.pixels.fitted(x)])[1]
    return arrays


@contextmanager
def _process(network: Network, memory: bytes, wanted: Sequence[str]) -> Any:
    process = Process(len(memory))
    try:
        about = {"carrier": network.parsed.carrier, "threads": network.threads, "stored": [],
                 "pixels": vars(network.pixels), "wanted": list(wanted), "ends": network.ends}  # fmt: skip
        process.ask("open", [np.frombuffer(memory, np.uint8)], about=about)
        process.ask("use", batch=network.batch)
        yield process
    finally:
        process.close()
