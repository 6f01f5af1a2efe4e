"""An ONNX file: its initialisers and constants, what each is for, and where it stands in the file.

Source: onnx.proto and the operators' inputs as their documents number them. Nothing is run here; weights in
other files and operators of other domains are refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from resq.deployed import soft_ends
from resq.deployed.formats import onnx_ends, onnx_tensors, protobuf
from resq.deployed.formats.onnx_kinds import Graph, Node, kind_of
from resq.deployed.formats.onnx_quantizers import quantizer_of
from resq.deployed.formats.onnx_tensors import TYPES, Held
from resq.deployed.formats.operators import onnx_packed
from resq.deployed.words import Parsed, RefusedError, Stored

GRAPH, FUNCTIONS = 7, 25
NODE, INITIALIZER, SPARSE = 1, 5, 15
ATTRIBUTE, TENSOR = 5, 5
WHOLE = (
    "axis",
    "block_size",
    "transB",
    *onnx_packed.ATTRIBUTES,
)  # attributes that say where a constant's scales belong
DOMAINS = ("", "ai.onnx", "com.microsoft", "ai.onnx.ml")
SUBGRAPHS = (6, 11)
MOST = 100_000  # nodes, initialisers

Span = tuple[int, int]


def parse(raw: bytes) -> Parsed:
    """What an ONNX file stores.

    Raises:
        RefusedError: no such file, damaged, weights in other files, or operators of other domains.
    """
    whole = (0, len(raw))
    if not protobuf.parts(raw, whole, GRAPH):
        raise RefusedError("is no ONNX file: it has no graph")
    _check(raw, whole)
    memory = _written_out(raw)
    constants, original = held_of(memory), held_of(raw)
    graph = protobuf.parts(memory, (0, len(memory)), GRAPH)[-1]
    nodes = Graph.of([_node(memory, s, i) for i, s in enumerate(protobuf.parts(memory, graph, NODE))])
    ends = onnx_ends.ends(memory, graph, constants, nodes)
    constants = onnx_packed.spelled(constants, nodes)
    read = [one for name, one in constants.items() if one.count and name in nodes.readers]
    placed = [_placed_tensor(memory, one, nodes, constants, original[one.name].begin) for one in read]
    placed.sort(key=lambda pair: pair[0])
    makers = {name: (node.op, (*node.inputs, "")[0]) for name, node in nodes.makers.items()}
    notes = (*_notes(raw, whole), *onnx_packed.padding(nodes, constants))
    return Parsed("onnx", memory, tuple(s for _, s in placed), *ends, notes,
                  probabilities=soft_ends.probabilities(ends[1].name, makers))  # fmt: skip


def _check(raw: bytes, model: Span) -> None:
    """Refuses what would be run or read from elsewhere."""
    own = {protobuf.text(raw, f, 10) for f in protobuf.parts(raw, model, FUNCTIONS)}
    count = 0
    for nodes_of in _node_holders(raw, model):
        for span in nodes_of:
            count += 1
            domain = protobuf.text(raw, span, 7)
            if domain not in DOMAINS and domain not in own:
                op = protobuf.text(raw, span, 4)
                raise RefusedError(f"has an operator of its own, {f'{domain}.{op}'!r:.60}, which is not run")
    if count > MOST:
        raise RefusedError(f"has {count} nodes; at most {MOST} are read")
    for span in _tensors(raw, model):
        onnx_tensors.held(raw, span)


def _node_holders(raw: bytes, model: Span, depth: int = 0) -> Iterator[list[Span]]:
    """The nodes of the graph, of the graphs in them and of functions."""
    for graph in protobuf.parts(raw, model, GRAPH):
        yield from _nodes_below(raw, graph, NODE, 0)
    for function in protobuf.parts(raw, model, FUNCTIONS):
        yield from _nodes_below(raw, function, 7, 0)


def _nodes_below(raw: bytes, graph: Span, field: int, depth: int) -> Iterator[list[Span]]:
    if depth > 8:
        raise RefusedError("has graphs within graphs, more than 8 deep")
    nodes = protobuf.parts(raw, graph, field)
    yield nodes
    for node in nodes:
        for attribute in protobuf.parts(raw, node, ATTRIBUTE):
            for number in SUBGRAPHS:
                for inner in protobuf.parts(raw, attribute, number):
                    yield from _nodes_below(raw, inner, NODE, depth + 1)


def _tensors(raw: bytes, model: Span) -> Iterator[Span]:
    """Every tensor of numbers in the file, wherever it stands; strings aside."""
    for graph in protobuf.parts(raw, model, GRAPH):
        yield from protobuf.parts(raw, graph, INITIALIZER)
        if protobuf.parts(raw, graph, SPARSE):
            raise RefusedError("keeps sparse weights; expected dense ones")
    for nodes in _node_holders(raw, model):
        for node in nodes:
            for attribute in protobuf.parts(raw, node, ATTRIBUTE):
                yield from protobuf.parts(raw, attribute, TENSOR)
                yield from protobuf.parts(raw, attribute, 10)
                for inner in [g for number in SUBGRAPHS for g in protobuf.parts(raw, attribute, number)]:
                    yield from protobuf.parts(raw, inner, INITIALIZER)


def _written_out(raw: bytes) -> bytes:
    """The file with all numbers of its graph as raw bytes, so that each bit has a place of its own."""
    for path in ((GRAPH, INITIALIZER), (GRAPH, NODE, ATTRIBUTE, TENSOR)):
        source = raw
        spans = _at(source, path)

        def out(span: Span, source: bytes = source) -> bytes | None:
            return onnx_tensors.out(source, span)

        if any(out(span) is not None for span in spans):
            raw = protobuf.changed(source, (0, len(source)), path, out)
    return raw


def _at(raw: bytes, path: tuple[int, ...]) -> list[Span]:
    spans = [(0, len(raw))]
    for number in path:
        spans = [inner for span in spans for inner in protobuf.parts(raw, span, number)]
    return spans


def held_of(raw: bytes) -> dict[str, Held]:
    """Initialisers and the tensors of Constant nodes, by the name that the graph reads them under.

    Raises:
        RefusedError: one of them is damaged or kept in another file.
    """
    graph = protobuf.parts(raw, (0, len(raw)), GRAPH)[-1]
    constants = {}
    for span in protobuf.parts(raw, graph, INITIALIZER):
        one = onnx_tensors.held(raw, span)
        constants[one.name] = one
    for span in protobuf.parts(raw, graph, NODE):
        if protobuf.text(raw, span, 4) != "Constant":
            continue
        for attribute in protobuf.parts(raw, span, ATTRIBUTE):
            for tensor in protobuf.parts(raw, attribute, TENSOR):
                name = protobuf.text(raw, span, 2)
                constants[name] = replace(onnx_tensors.held(raw, tensor), name=name)
    return constants


def _node(raw: bytes, span: Span, number: int) -> Node:
    read, made = (
        tuple(raw[slice(*s)].decode("utf-8", "replace") for s in protobuf.parts(raw, span, field))
        for field in (1, 2)
    )
    numbers = {
        protobuf.text(raw, a, 1): protobuf.integer(raw, a, 3)
        for a in protobuf.parts(raw, span, ATTRIBUTE)
        if protobuf.text(raw, a, 1) in WHOLE
    }
    return Node(protobuf.text(raw, span, 4), read, made, number, numbers, protobuf.text(raw, span, 7))


def _placed_tensor(
    memory: bytes, one: Held, nodes: Graph, constants: Mapping[str, Held], at: int
) -> tuple[int, Stored]:
    """The place in the graph at which a constant is computed with, and its words."""
    dtype, width = TYPES[one.type]
    kind, op, place = kind_of(one.name, nodes, one.count)
    q = quantizer_of(memory, one, nodes, constants)
    return place, Stored(one.name, kind, dtype, one.shape, width, one.begin, at, q.scale, q.zero, q.axis, op,
                         q.block)  # fmt: skip


def _notes(raw: bytes, model: Span) -> tuple[str, ...]:
    holders = list(_node_holders(raw, model))
    if len(holders) > 1:
        return (
            f"constants in {len(holders) - 1} graphs or functions within the graph are not among the words",
        )
    return ()
