"""Weights that this project did not make: a safetensors, torch or ONNX file -> the state of a known network.

Nothing in a file is executed, and no memory is taken for a tensor before its name and shape are those of the
network: first the file's own structure is checked, then names and shapes, then the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from resq import data, networks
from resq.core import QuantizedTensor, lookup
from resq.core.errors import LackingError, ResqError
from resq.data.normal import Normal
from resq.importers import epsilon, layers, names, order, owncodes, prefixes, siblings
from resq.importers.formats import carriers, files, floats
from resq.importers.formats.pickles import RefusedError
from resq.importers.formats.tensors import Listing
from resq.importers.onnx import onnx_network
from resq.networks.shapes import shapes_only

ROUNDING = 1e-3  # what float16 may round off a weight
FLOAT16_MAX = 65504.0  # the largest float16: weights are kept so


@dataclass(frozen=True, eq=False)
class ImportedWeights:
    """A state that fits its network.

    Attributes:
        weights: names of the tensors that are stored as words.
        how: sentences for the card: the format, what was taken away, renamed, unfolded or filled.
        normal: the mean and deviation of a Normalize layer in the file; None: it holds none.
        codes: the words of weights that came as integer codes.
        quantized: what in the file quantizes activations, which are floats here: operators, scales.
        rounded: weights of ``codes`` that the file stores as floats and rounds whenever it runs.
    """

    state: Mapping[str, np.ndarray]
    weights: tuple[str, ...]
    how: tuple[str, ...]
    normal: Normal | None = None
    codes: Mapping[str, QuantizedTensor] = field(default_factory=dict)
    quantized: tuple[str, ...] = ()
    rounded: tuple[str, ...] = ()


def import_weights(
    file: Path, network: str, classes: int, state: str = "", eps: float | None = None
) -> ImportedWeights:
    """The weights in ``file`` as the state of ``network``.

    Args:
        state: which state dict, by its key or prefix, where the file holds several.
        eps: the one that the file's batch norms were trained with; None: as the file says, or the network's.

    Raises:
        ValueError: no such network; a file that is damaged, holds code, or does not fit; one sentence that
            names the tensor, what it is and what was expected.
    """
    make = lookup("network", network, networks.NETWORKS)
    if file.suffix.lower() == ".onnx" and file.is_file():
        return _onnx(file, network, classes, state, eps)
    listed = _listed(file, state)  # first: a damaged file is refused before anything is built
    with shapes_only():
        body = make(classes)
    wanted = {name: tuple(value.shape) for name, value in body.state_dict().items()}
    layer, there = _behind(listed, wanted, file, state)
    file_names, gone = there.names, there.gone
    shapes = {name: listed.tensors[inside].shape for name, inside in file_names.items()}
    folded = names.folded(shapes, body)
    goal = names.without_norms(wanted, body) if folded else wanted
    ordered = listed.ordered and order.same_order(shapes, goal)
    pairs, renamed = order.matched(*names.matched(shapes, goal, ordered))
    try:
        _fits(network, classes, body, shapes, goal, pairs, folded)
        own = body.state_dict()
        values = {
            ours: _numbers(ours, listed.tensors[file_names[theirs]], file, _whole(own.get(ours)))
            for ours, theirs in pairs.items()
        }
    except ValueError as error:
        raise ResqError(f"{file.name} does not fit: {error}") from None
    how = (
        *_how(listed, gone, renamed, folded),
        *carriers.notes(listed, file),
        *prefixes.left_out(there),
        *(layer.sentences() if layer else ()),
        *([] if folded else [epsilon.sentence(body, eps, False)]),
        *siblings.sentences(network, siblings.siblings(network, body, classes, bool(renamed)), renamed),
    )
    whole = _completed(values, body, folded)
    if eps is not None:
        epsilon.check(body, folded, False)
        whole = epsilon.moved(whole, body, eps)
    weight_names = networks.weight_names(body)
    coded = {w: t for w in weight_names if hasattr(t := listed.tensors[file_names[pairs[w]]], "own")}
    codes = _codes(coded, file)
    how = (*how, *owncodes.unkept({w: t.width for w, t in coded.items() if w not in codes}))
    normal = layer.normal if layer else None
    acts = carriers.quantized(listed, file)
    return ImportedWeights(whole, weight_names, tuple(s for s in how if s), normal, codes, acts)


def identified(file: Path, state: str = "") -> list[tuple[str, int]]:
    """Networks that the file may be of, by the shapes of its tensors, each with its number of classes (int).

    Of an ONNX file, whose graph says more than shapes, none.

    Args:
        state: which state dict, as for ``import_weights``.

    Raises:
        ResqError: a file that is damaged or holds code.
    """
    if file.suffix.lower() == ".onnx":
        return []
    shapes = [tuple(tensor.shape) for tensor in _listed(file, state).tensors.values()]
    return siblings.of_shapes(shapes, [len(source.classes) for source in data.DATASETS.values()])


def _codes(weights: Mapping[str, Any], file: Path) -> dict[str, QuantizedTensor]:
    """The words of weights that came as codes, where words here can hold them."""
    own = {name: tensor.own(file) for name, tensor in weights.items()}
    return {name: q for name, q in own.items() if q is not None}


def _onnx(file: Path, network: str, classes: int, state: str, eps: float | None) -> ImportedWeights:
    """The weights in an ONNX file, which holds one state and says its epsilons itself."""
    if state or eps is not None:
        option = "--state" if state else "--eps"
        raise ResqError(
            f"{file.name} is an ONNX file, which needs no {option}: its graph says all that it computes"
        )
    try:
        imported = onnx_network.read(file, network, classes)
        for name, value in imported.state.items():
            _checked(name, value, name in imported.codes)
    except RefusedError as error:
        raise ResqError(f"{file.name} {error}") from None
    except LackingError:
        raise  # of a package: it names the file itself
    except ValueError as error:
        raise ResqError(f"{file.name} does not fit: {error}") from None
    with shapes_only():
        weight_names = networks.weight_names(networks.NETWORKS[network](classes))
    how = ("read from an ONNX file", *imported.sentences)
    return ImportedWeights(
        imported.state,
        weight_names,
        how,
        imported.normal,
        imported.codes,
        imported.quantized,
        tuple(name for name in imported.rounded if name in imported.codes),
    )


def _behind(
    listed: Listing, wanted: names.Shapes, file: Path, state: str
) -> tuple[layers.Layer | None, prefixes.Behind]:
    """A Normalize layer, and the network's tensors behind whatever stands before their names."""
    try:
        layer = layers.saved(listed.tensors, file)
        key = "" if listed.by_key else state
        return layer, prefixes.behind(layers.without(listed.tensors, layer), wanted, key, listed.states)
    except RefusedError as error:
        raise ResqError(f"{file.name} {error}") from None


def _listed(file: Path, state: str) -> Listing:
    """The file's tensors as floats: integer codes are read as what they stand for."""
    try:
        listed = carriers.decoded(files.listing(file, state))
        if not listed.tensors:
            raise RefusedError("holds no tensors")
        return listed
    except RefusedError as error:
        raise ResqError(f"{file.name} {error}") from None


def _fits(
    network: str,
    classes: int,
    body: nn.Module,
    shapes: names.Shapes,
    goal: names.Shapes,
    pairs: Mapping[str, str],
    folded: bool,
) -> None:
    """Refuses names and shapes that are not the network's, in the words of ``networks.restore``."""
    sentence = names.stem({ours: shapes[theirs] for ours, theirs in pairs.items()}, goal)
    if sentence:
        raise ResqError(sentence)
    left = {name: name for name in shapes if name not in pairs.values()}
    if names.COUNTER in {name.rsplit(".", 1)[-1] for name in goal}:
        left = {name: name for name in left if not name.endswith(names.COUNTER)}  # renamed as their norms are
    # A view of one zero has any shape and takes no memory.
    nothing = {o: np.broadcast_to(np.float32(0), shapes[t]) for o, t in {**left, **pairs}.items()}
    if folded:
        missing = [name for name in goal if name not in nothing]
        if left:
            raise ResqError(f"it holds {next(iter(left))}, which {network} without norms does not have")
        if missing:
            shape = "x".join(map(str, goal[missing[0]]))
            raise ResqError(
                f"it has no batch norm, so it would be folded, but lacks {missing[0]} of shape {shape}"
            )
        added = {f"{conv}.bias" for conv in names.norms(body)} - set(body.state_dict())
        for name in added:
            if nothing[name].shape != goal[name]:
                raise ResqError(f"{name} has shape {nothing[name].shape}; expected {goal[name]}")
        nothing = {name: value for name, value in nothing.items() if name not in added}
    filled = {
        name: np.broadcast_to(np.float32(0), value.shape)
        for name, value in body.state_dict().items()
        if name.endswith(names.COUNTER) or (folded and name not in goal)
    }
    networks.restore(network, {**filled, **nothing}, mean=(0, 0, 0), std=(1, 1, 1), classes=classes)


def _numbers(name: str, tensor: Any, file: Path, whole: bool) -> np.ndarray:
    """A tensor's values as float32; as int64 where the network has ``whole`` numbers: counters, indices.

    Raises:
        ValueError: integers where floats belong, a number that is not finite or that float16 cannot hold.
    """
    expected = ("i8", "i4", "i2", "i1", "u1") if whole else ("f8", "f4", "f2", "bf16", *floats.SMALL)
    if tensor.kind not in expected:
        raise ResqError(f"{name} holds numbers of kind {tensor.kind}; expected {' or '.join(expected)}")
    if whole:
        return tensor.read(file).astype(np.int64)
    return _checked(name, tensor.read(file), hasattr(tensor, "own"))


def _checked(name: str, values: np.ndarray, coded: bool = False) -> np.ndarray:
    """Values as float32, finite and, unless they are kept as codes, within float16.

    Raises:
        ValueError: they are not.
    """
    if values.dtype.kind != "f":
        return values
    most = float(np.finfo(np.float32).max) if coded else FLOAT16_MAX
    bad = int(np.count_nonzero(~(np.abs(values) <= most)))
    if bad:
        shape = "x".join(map(str, values.shape))
        raise ResqError(
            f"{name} of shape {shape} holds {bad} numbers that are NaN, infinite or beyond {most:g}; "
            "expected finite ones"
        )
    if name.endswith("running_var") and values.min(initial=0) < 0:
        raise ResqError(f"{name} holds {values.min():g}; a variance is at least 0")
    if values.ndim > 1 and name.endswith("weight") and not coded and (lost := _lost(values)) > ROUNDING:
        raise ResqError(
            f"{name} of shape {'x'.join(map(str, values.shape))} holds numbers as small as "
            f"{float(np.sqrt(np.mean(np.square(values, dtype=np.float64)))):.2g}, of which float16, in which "
            f"weights are kept here, would lose {100 * lost:.2g} %; scale the layer up and its norm's mean, "
            "variance and eps with it"
        )
    return values.astype(np.float32)


def _lost(values: np.ndarray) -> float:
    """The share of a tensor's size that float16 rounds off: 0.0003, and more of numbers too small for it."""
    exact = values.astype(np.float64)
    size = float(np.linalg.norm(exact))
    return float(np.linalg.norm(exact - values.astype(np.float16))) / size if size else 0.0


def _completed(state: Mapping[str, np.ndarray], body: nn.Module, folded: bool) -> dict[str, np.ndarray]:
    """The whole state in the network's order: counters filled with 0, folded norms made to change nothing."""
    whole = dict(state)
    for conv, (norm, module) in names.norms(body).items() if folded else ():
        n, own = module.num_features, f"{conv}.bias" in body.state_dict()
        whole[f"{norm}.weight"], whole[f"{norm}.running_mean"] = (
            np.ones(n, np.float32),
            np.zeros(n, np.float32),
        )
        whole[f"{norm}.bias"] = np.zeros(n, np.float32) if own else whole.pop(f"{conv}.bias")
        whole[f"{norm}.running_var"] = np.full(n, 1 - module.eps, np.float32)  # sqrt(var + eps) = 1
    return {name: whole.get(name, np.zeros((), np.int64)) for name in body.state_dict()}


def _how(listed: Listing, gone: str, renamed: int, folded: bool) -> tuple[str, ...]:
    sentences = [
        f"read from a {listed.format} file",
        f"taken from {'/'.join(listed.nest)}" if listed.nest else "",
        f"{gone!r} taken from the front of every name" if gone else "",
        f"{renamed} tensors matched by order and shape, the others by name" if renamed else "matched by name",
        "batch norms were folded: unfolded as norms that change nothing" if folded else "",
    ]
    return tuple(s for s in sentences if s)


def _whole(own: torch.Tensor | None) -> bool:
    return own is not None and not own.is_floating_point()
