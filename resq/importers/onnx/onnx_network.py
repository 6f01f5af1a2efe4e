"""An ONNX file as the state of a known network: found by what its nodes do, and proven by running it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from resq import networks
from resq.core import QuantizedTensor
from resq.core.errors import ResqError
from resq.data.normal import Normal
from resq.importers import graphs, names, owncodes, torch_graph
from resq.importers.formats.pickles import RefusedError
from resq.importers.graphs import Layer
from resq.importers.onnx import onnx_check, onnx_dequantize, onnx_file, onnx_state, onnx_weight_ops
from resq.networks.shapes import shapes_only


@dataclass(frozen=True, eq=False)
class FromOnnx:
    """What an ONNX file holds of a network.

    Attributes:
        codes: weights that came as integer codes.
        rounded: those of them that the file stores as floats and rounds to codes whenever it runs.
        said: sentences on what was found, adapted and dropped.
        normal: what the file itself takes from its images and divides them by; None: nothing.
        quantized: the operators by which it quantizes activations, which are floats here.
    """

    state: Mapping[str, np.ndarray]
    codes: Mapping[str, QuantizedTensor] = field(default_factory=dict)
    sentences: tuple[str, ...] = ()
    normal: Normal | None = None
    quantized: tuple[str, ...] = ()
    rounded: tuple[str, ...] = ()


def read(file: Path, network: str, classes: int) -> FromOnnx:
    """The state of ``network`` that an ONNX file holds.

    Raises:
        RefusedError: damaged, or with operators that are not read.
        ValueError: it does not fit the network, or does not answer as what was read from it.
    """
    plain = onnx_dequantize.plain(onnx_file.loaded(file))
    graph = onnx_weight_ops.layers(plain)
    if not graph.reads:
        raise RefusedError("holds no layers with weights")
    filled = _as(network, classes, graph)
    if isinstance(filled, str):
        raise ResqError(filled)
    normal = _normalised(graph)
    how = _proven(plain, network, classes, filled, normal)
    own = {name: q for name, value in filled.weights.items() if (q := value.own()) is not None}
    rounded = {name: value.bits for name, value in filled.weights.items() if value.rounded}
    wide = owncodes.unkept(
        {n: value.bits for n, value in filled.weights.items() if n not in own and n not in rounded}
    )
    return FromOnnx(
        filled.state,
        own,
        (*_sentences(plain, filled, normal), *wide, *owncodes.rounded(rounded), how),
        normal,
        tuple(sorted(plain.dropped)),
        tuple(rounded),
    )


def _as(network: str, classes: int, graph: onnx_weight_ops.Graph) -> onnx_state.Filled | str:
    """The state of a network, or why the file holds none."""
    with shapes_only():
        body = networks.NETWORKS[network](classes)
    ours = torch_graph.layers(body)
    places = graphs.matched(ours, graph.layers)
    if places is None:
        unread = f"; it {graph.unread}" if graph.unread else ""
        return _apart(network, classes, ours, graph.layers) + unread
    if any(
        not b.is_floating_point() and b.ndim for b in body.buffers()
    ):  # indices, which have no file to come from
        body = networks.build(network, classes, mean=(0, 0, 0), std=(1, 1, 1)).body
    return onnx_state.filled(body, ours, graph, places)


def _apart(network: str, classes: int, ours: Sequence[Layer], theirs: Sequence[Layer]) -> str:
    """Where the layers of a file and a network first differ."""
    both = [[x for x in side if x.kind != "norm"] for side in (ours, theirs)]
    for own, other in zip(*both, strict=False):
        sentence = names.stem({f"{own.name}.weight": other.shape}, {f"{own.name}.weight": own.shape})
        if sentence and own is both[0][0]:
            return sentence
        if own.shape != other.shape or own.how != other.how:
            return (
                f"{own.name}.weight has shape {_shape(other)}; {network} for {classes} classes has "
                f"{_shape(own)} (node {other.name[:80]!r})"
            )
    if len(both[0]) != len(both[1]):
        return f"it has {len(both[1])} layers with weights; {network} has {len(both[0])}"
    return f"its layers have the shapes of {network}, but feed each other in another way"


def _shape(layer: Layer) -> str:
    steps = f" in steps of {layer.how[0]}" if layer.how and layer.how[0] != 1 else ""
    return "x".join(map(str, layer.shape)) + steps


def _normalised(graph: onnx_weight_ops.Graph) -> Normal | None:
    """Mean and deviation by which the file normalises its images itself.

    Raises:
        ValueError: they are none for pixels in [0, 1].
    """
    if np.all(graph.scale == 1) and np.all(graph.shift == 0):
        return None
    scale, shift = (np.broadcast_to(v, 3).astype(float) for v in (graph.scale, graph.shift))
    mean, std = ((float(a), float(b), float(c)) for a, b, c in (-shift / scale, 1 / scale))
    return Normal(mean, std).checked()


def _proven(
    plain: onnx_dequantize.Plain,
    network: str,
    classes: int,
    filled: onnx_state.Filled,
    normal: Normal | None,
) -> str:
    """Runs the file and what was read from it on the same images; the sentence that says so.

    Raises:
        ValueError: they answer differently; the sentence names a network that answers alike, if there is one.
    """
    float16 = any(t.data_type in (10, 16) for t in plain.model.graph.initializer)
    x = onnx_check.images() if normal else (onnx_check.images() - 0.5) / 0.25
    theirs = onnx_check.answers(onnx_dequantize.as_model(plain), x)
    if theirs.logits is None:
        return f"not run for comparison: {theirs.runtime}"
    normalised = (
        x if normal is None else (x - np.reshape(normal.mean, (3, 1, 1))) / np.reshape(normal.std, (3, 1, 1))
    )
    same, apart = onnx_check.compare(theirs.logits, _logits(network, classes, filled, normalised), float16)
    if same:
        return f"run by {theirs.runtime}: the same logits on {len(x)} images, within {apart:.1g}"
    raise ResqError(_other(network, classes, plain, normalised, theirs.logits, float16, apart))


def _logits(network: str, classes: int, filled: onnx_state.Filled, x: np.ndarray) -> np.ndarray:
    net = networks.restore(network, filled.state, mean=(0, 0, 0), std=(1, 1, 1), classes=classes)
    batch = torch.from_numpy(np.ascontiguousarray(x, np.float32))
    return np.asarray(networks.logits(net, batch).numpy())


def _other(
    network: str,
    classes: int,
    plain: onnx_dequantize.Plain,
    x: np.ndarray,
    theirs: np.ndarray,
    float16: bool,
    apart: float,
) -> str:
    """The refusal of a file that answers otherwise."""
    graph = onnx_weight_ops.layers(plain)
    for name in networks.NETWORKS:
        if name == network:
            continue
        filled = _tried(lambda name=name: _as(name, classes, graph))  # type: ignore[misc]
        if (
            isinstance(filled, onnx_state.Filled)
            and onnx_check.compare(theirs, _logits(name, classes, filled, x), float16)[0]
        ):
            return (
                f"it has layers of the shapes of {network}, but run on the same images it answers otherwise "
                f"(logits up to {apart:.3g} apart) and as {name} does: --network {name}"
            )
    return (
        f"run on the same images it answers otherwise than {network} with its weights (logits up to "
        f"{apart:.3g} apart), so some operation in it is not that network's; nothing is imported"
    )


def _tried(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except (ValueError, RuntimeError, TypeError, RefusedError):
        return None


def _sentences(
    plain: onnx_dequantize.Plain, filled: onnx_state.Filled, normal: Normal | None
) -> tuple[str, ...]:
    dropped = ", ".join(sorted(plain.dropped))
    lines = [
        "matched by the graph",
        f"{filled.unfolded} batch norms were folded: unfolded as norms that change nothing"
        if filled.unfolded
        else "",
        f"{filled.eps} batch norms have another epsilon: their variances and scales adapted"
        if filled.eps
        else "",
        f"activations are floats here: the file's quantization of them ({dropped}) is left out"
        if dropped
        else "",
        f"its images are normalised inside by {normal}, as by a Normalize layer" if normal else "",
    ]
    return tuple(line for line in lines if line)
