"""Split a traced network at one layer, so that what comes before it is computed once for all fault maps.

The cut follows what depends on what, not the order of the source, so a branch beside the layer also counts
as before it. Weights are shared with the network, so a flip written into them is seen by the part after.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, fx, nn

from resq.measure.engine import graph_writes

Parts = tuple[Callable[..., tuple[Tensor, ...]], Callable[..., Tensor]]


class _Tracer(fx.Tracer):
    """Looks into modules, but not into those that hold the weights: their forward may ask for shapes."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, nn.Conv2d | nn.Linear) or super().is_leaf_module(m, module_qualified_name)

    def proxy(self, node: fx.Node) -> fx.Proxy:
        """The value of a node while the network is traced."""
        return graph_writes.Proxy(node, self)


def graph(network: nn.Module) -> fx.GraphModule | None:
    """The network as a graph of operations that change nothing in place; None where it cannot be traced.

    A network whose ``forward`` decides by the values that it computes has no such graph, and neither has one
    that writes into a value which something else may read, such as ``h.add_(x)``.
    """
    names = [name for name, _ in network.named_parameters(remove_duplicate=False)]
    if len(names) > len(dict(network.named_parameters())):
        return None  # a weight that two layers share is also read before the second of them
    tracer = _Tracer()
    try:
        traced = fx.GraphModule(network, tracer.trace(network))
    except Exception:  # whatever a person's own forward raises when it is given symbols instead of numbers
        return None
    return traced if graph_writes.replaced(traced) else None


def split(network: nn.Module, traced: fx.GraphModule | None, layer: str) -> Parts:
    """(before, after): images -> kept values, and kept values -> logits.

    ``after(*before(x))`` is ``network(x)``, and ``before`` does not read the weight ``layer``. Where there
    is no graph, or the layer is not found in it, everything is after.
    """
    nodes = list(traced.graph.nodes) if traced is not None else []
    start = [n for n in nodes if n.target in (layer, layer.removesuffix(".weight"))]
    if traced is None or not start:
        return (lambda x: (x,)), network
    late = _dependents(start)
    before = [n for n in nodes if n not in late and n.op not in ("placeholder", "output")]
    after = [n for n in nodes if n in late and n.op != "output"]
    output = next(n for n in nodes if n.op == "output")
    # The answer itself is kept where it does not depend on the layer.
    cut = [n for n in nodes if n not in late and any(user in late or user is output for user in n.users)]
    inputs = [n for n in nodes if n.op == "placeholder"]
    answer = output.args[0]
    return _part(traced, inputs, before, tuple(cut)), _part(traced, cut, after, answer)


def _dependents(start: list[fx.Node]) -> set[fx.Node]:
    dependents, waiting = set(start), list(start)
    while waiting:
        for user in waiting.pop().users:
            if user not in dependents:
                dependents.add(user)
                waiting.append(user)
    return dependents


def _part(traced: fx.GraphModule, inputs: list[fx.Node], nodes: list[fx.Node], output: Any) -> nn.Module:
    """These nodes as a module of their own, from the inputs to the output."""
    part, copies = fx.Graph(), dict[fx.Node, fx.Node]()
    for node in inputs:
        copies[node] = part.placeholder(node.name)
    for node in nodes:
        copies[node] = part.node_copy(node, copies.__getitem__)
    part.output(fx.map_arg(output, copies.__getitem__))
    return fx.GraphModule(traced, part)
