"""A .pt2 file of torch.export: its parameters, buffers and constants, and where each lies in the file.

The file is read as data: a zip of raw words and a JSON graph. Nothing is loaded or unpickled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from resq.core.errors import ResqError
from resq.deployed import soft_ends
from resq.deployed.formats import pt2_graph, pt2_kinds, pt2_zip
from resq.deployed.formats.operators import pt2_ends
from resq.deployed.formats.pt2_graph import TYPES, Node
from resq.deployed.words import Parsed, RefusedError, Stored, Tensor

DAMAGED = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, StopIteration)
LARGEST_RANK = 8
STRIDED = 7
SINGLE = "expected one program; save the classifier alone"


CODES = ("int8", "uint8")  # types of weights that a scale makes real


@dataclass(frozen=True)
class Held:
    """A tensor as the file says that it lies there.

    Attributes:
        name: in the state dict; ``begin``: byte of the file; ``strides``: in numbers, of ``shape``.
    """

    name: str
    dtype: str
    width: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    begin: int

    @property
    def order(self) -> tuple[int, ...]:
        """The axes from the slowest to the quickest, as they lie in memory."""
        axes = range(len(self.shape))
        return tuple(sorted(axes, key=lambda i: (-self.strides[i], -self.shape[i], i)))


@dataclass(frozen=True, eq=False)
class Program:
    """What a .pt2 file says.

    Attributes:
        held: name of a value in the graph -> the tensor in the file.
        taken: about the input; ``output``: its name and what is said of it.
    """

    nodes: tuple[Node, ...]
    held: Mapping[str, Held]
    taken: Tensor
    output: Tensor


def parse(raw: bytes) -> Parsed:
    """What a .pt2 file stores.

    Raises:
        RefusedError: no such file, damaged, or with parts that would be run.
    """
    program = read(raw)
    codes = [name for name, held in program.held.items() if held.dtype in CODES]
    graph = pt2_kinds.Graph.of(program.nodes, codes)
    placed: dict[int, tuple[int, Stored]] = {}
    for name, held in program.held.items():
        if held.begin not in placed and name in graph.readers and np.prod(held.shape, dtype=np.int64):
            placed[held.begin] = _placed_tensor(raw, name, held, graph, program.held)
    _apart([one for _, one in placed.values()])
    ordered = sorted(placed.values(), key=lambda pair: pair[0])
    makers = {name: (node.op, next((read for _, read in node.reads()), ""))
              for node in program.nodes for name in node.makes()}  # fmt: skip
    return Parsed("pt2", raw, tuple(s for _, s in ordered), program.taken, program.output, _notes(program),
                  probabilities=soft_ends.probabilities(program.output.name, makers))  # fmt: skip


def read(raw: bytes) -> Program:
    """The program of a file.

    Raises:
        RefusedError: as ``parse`` says.
    """
    archive = pt2_zip.opened(raw)
    try:
        return _program(archive)
    except RefusedError:
        raise
    except (*DAMAGED, RecursionError):
        raise RefusedError("has a graph that is not written as torch.export does: it is damaged") from None


def _program(archive: pt2_zip.Archive) -> Program:
    models = [n for n in archive.parts if n.startswith("models/") and n.endswith(".json")]
    if len(models) != 1:
        raise RefusedError(f"has {len(models)} programs; {SINGLE}")
    model = models[0].removeprefix("models/").removesuffix(".json")
    module = archive.text(models[0])["graph_module"]
    graph, signature = module["graph"], module["signature"]
    weights, constants = (_tensors(archive, model, kind) for kind in ("weights", "constants"))
    held, inputs = _inputs(signature["input_specs"], {**constants, **weights})
    outputs = [_output(spec) for spec in signature["output_specs"]]
    for what, ends in (("input", inputs), ("output", outputs)):
        if len(ends) != 1:
            raise RefusedError(f"has {len(ends)} {what}s; an image classifier has one")
    nodes = pt2_graph.nodes(graph)
    _made_before_read(nodes, {*held, inputs[0]}, outputs[0])
    taken, output = (_end(name, graph["tensor_values"]) for name in (inputs[0], outputs[0]))
    return Program(nodes, held, pt2_ends.input_of(taken, nodes, held), pt2_ends.output_of(output, nodes))


def _made_before_read(nodes: Sequence[Node], known: set[str], output: str) -> None:
    """Refuses a graph in which a value is read that nothing before it makes."""
    for node in nodes:
        for _, name in node.reads():
            if name not in known:
                raise RefusedError(f"reads {name!r:.60} in {node.op!r:.40} before it is made: it is damaged")
        known.update(node.makes())
    if output not in known:
        raise RefusedError(f"gives {output!r:.60}, which nothing in it makes: it is damaged")


def _tensors(archive: pt2_zip.Archive, model: str, kind: str) -> dict[str, Held]:
    """The tensors that the list of weights, or that of constants, names."""
    folder = f"data/{kind}/"
    listed = f"{folder}{model}_{kind}_config.json"
    if listed not in archive.parts:
        return {}
    config = archive.text(listed)["config"]
    return {name: _held(archive, str(name), about, folder) for name, about in config.items()}


def _held(archive: pt2_zip.Archive, name: str, about: dict[str, Any], folder: str) -> Held:
    if about["use_pickle"] or about["tensor_meta"] is None:
        raise RefusedError(
            f"keeps {name!r:.60} as a pickle, which is not opened: quantize with PT2E or save plain tensors"
        )
    meta = about["tensor_meta"]
    if meta["dtype"] not in TYPES or meta["layout"] != STRIDED:
        raise RefusedError(f"keeps {name!r:.60} as ScalarType {meta['dtype']}, which has no words here")
    dtype, width = TYPES[meta["dtype"]]
    shape, strides = (tuple(_size(n) for n in meta[part]) for part in ("sizes", "strides"))
    begin, end = archive.span(folder + about["path_name"])
    begin += _size(meta["storage_offset"]) * width // 8
    made = Held(name, dtype, width, shape, strides, begin)
    _check(made, end)
    return made


def _size(value: dict[str, Any]) -> int:
    size = value["as_int"]
    if type(size) is not int or not 0 <= size < 2**40:
        raise ResqError(f"a size is a whole number from 0 to 2**40, got {size!r}")
    return size


def _check(held: Held, end: int) -> None:
    """Refuses a tensor whose words do not lie one behind the other in their part."""
    step = 1
    if len(held.shape) > LARGEST_RANK or len(held.shape) != len(held.strides):
        raise RefusedError(f"says that {held.name!r:.60} has the shape {held.shape!s:.60}: it is damaged")
    for axis in reversed(held.order):
        if held.shape[axis] > 1 and held.strides[axis] != step:
            raise RefusedError(
                f"keeps {held.name!r:.60} as a view of other words (strides {held.strides!s:.60}); save it "
                "with .contiguous()"
            )
        step *= max(1, held.shape[axis])
    if held.begin % (held.width // 8):
        raise RefusedError(
            f"keeps {held.name!r:.60} at byte {held.begin}, where numbers of {held.width // 8} bytes do not "
            "lie; torch.export.save puts them right"
        )
    size = int(np.prod(held.shape, dtype=object)) * held.width // 8
    if held.begin + size > end:
        raise RefusedError(
            f"says that {held.name!r:.60} has the shape {held.shape!s:.60} of {held.dtype} at byte "
            f"{held.begin}, where its part does not hold them"
        )


def _inputs(specs: list[dict[str, Any]], tensors: Mapping[str, Held]) -> tuple[dict[str, Held], list[str]]:
    """(values of the graph that lie in the file, names of those that are given)."""
    held: dict[str, Held] = {}
    user_inputs: list[str] = []
    for spec in specs:
        kind, about = pt2_graph.only(spec)
        if kind == "user_input":
            user_inputs.append(str(about["arg"].get("as_tensor", {"name": ""})["name"]))
        elif kind in ("parameter", "buffer", "tensor_constant"):
            name = about[f"{kind}_name"]
            if name not in tensors:
                raise RefusedError(f"names {name!r:.60}, which it does not hold: it is damaged")
            held[str(about["arg"]["name"])] = tensors[name]
        else:
            raise RefusedError(f"takes {kind!r:.40} beside its images, which is not run")
    return held, user_inputs


def _output(spec: dict[str, Any]) -> str:
    kind, about = pt2_graph.only(spec)
    if kind != "user_output":
        raise RefusedError(
            f"changes what it keeps when it answers ({kind!r:.40}); export it from model.eval()"
        )
    return str(about["arg"]["as_tensor"]["name"])


def _end(name: str, values: dict[str, Any]) -> Tensor:
    meta = values[name]
    dtype = TYPES.get(meta["dtype"], (f"type {meta['dtype']}", 0))[0]
    if dtype not in ("float32", "float16", "uint8", "int8"):
        raise RefusedError(f"takes or gives {dtype} ({name!r:.40}); expected float32, float16, uint8 or int8")
    return Tensor(name, dtype, tuple(_size(n) if "as_int" in n else -1 for n in meta["sizes"]))


def _placed_tensor(
    raw: bytes, name: str, held: Held, graph: pt2_kinds.Graph, all_held: Mapping[str, Held]
) -> tuple[int, Stored]:
    """The place in the graph at which a tensor is computed with, and its words."""
    count = int(np.prod(held.shape, dtype=np.int64))
    kind, op, place = pt2_kinds.kind_of(name, graph, count)
    names, numbers = pt2_kinds.quantizer_of(name, graph)
    scale: tuple[float, ...] = () if numbers is None else (numbers[0],)
    zero: tuple[int, ...] = () if numbers is None else (numbers[1],)
    axis = -1
    if names:
        scale, zero = (tuple(_values(raw, all_held.get(n))) if n else (0,) for n in names[:2])
        axis = names[2] if len(scale) > 1 else -1
    shape = tuple(held.shape[i] for i in held.order)
    axis = held.order.index(axis) if axis in held.order else axis
    return place, Stored(
        held.name, kind, held.dtype, shape, held.width, held.begin, held.begin,
        tuple(map(float, scale)), tuple(map(int, zero)), axis, op,
    )  # fmt: skip


def _values(raw: bytes, held: Held | None) -> list[Any]:
    if held is None or held.dtype == "bfloat16":
        return []
    count = int(np.prod(held.shape, dtype=np.int64))
    numbers: list[Any] = np.frombuffer(raw, np.dtype(held.dtype), count, held.begin).tolist()
    return numbers


def _apart(tensors: list[Stored]) -> None:
    """Refuses a file in which one byte would be a part of two tensors."""
    ordered = sorted(tensors, key=lambda s: s.offset)
    for one, other in pairwise(ordered):
        if one.offset + one.n_bytes > other.offset:
            raise RefusedError(f"keeps {one.name!r:.60} and {other.name!r:.60} in the same bytes")


def _notes(program: Program) -> tuple[str, ...]:
    """What is in the program and not among its words."""
    written = sum(n.op in ("quantize_per_tensor", "dequantize_per_tensor") and
                  isinstance(dict(n.arguments).get("scale"), float) for n in program.nodes)  # fmt: skip
    if not written:
        return ()
    return (
        f"scales and zero points of {written} operators stand in the graph as text, not as words: no target "
        "reaches them",
    )
