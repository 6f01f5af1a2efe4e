"""One picture again and again under other flips: each pass begins at the first layer that a flip changes.

What a network computes of a picture is noted call by call. A later pass takes what was noted up to the first
call that a changed weight goes into, and computes from there on. Nothing is approximated: what is computed is
computed as in a whole pass, of the same values, so logits are the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from resq.core import BitFlips, QuantizedModel, QuantizedTensor
from resq.core.errors import ResqError
from resq.measure.run.one_flip.heard import Heard
from resq.memory import flipping, quant

if TYPE_CHECKING:
    from resq.networks import Network

NOT_KEPT = object()  # of a call whose output no later pass begins with
PRODUCTS = ("conv2d", "linear")  # calls of an image and a weight, image by image


@dataclass(frozen=True, eq=False)
class Recording:
    """A pass over one image; shared, so never written.

    Attributes:
        layers: stored layer -> its output, in order of computation.
        calls: every function that was called.
        results: what each gave, where a later pass needs it.
        first: stored layer -> the first call that its weight goes into.
        written: calls whose output is written into later on, so that a pass needs its own.
    """

    layers: dict[str, Tensor]
    logits: Tensor
    calls: tuple[Any, ...]
    results: tuple[Any, ...]
    first: Mapping[str, int]
    written: frozenset[int]

    @property
    def nbytes(self) -> int:
        """Bytes of memory that it holds, also of a weight that it holds a part of."""
        held = (tensor.untyped_storage() for tensor in _tensors((self.results, tuple(self.layers.values()))))
        return sum({storage.data_ptr(): storage.nbytes() for storage in held}.values())


class _Noting(TorchFunctionMode):
    """Notes every call of this thread: its function, its output, what it takes, and which weights."""

    def __init__(self, names: Mapping[int, str]) -> None:
        super().__init__()
        self.names, self.heard, self.layers = names, Heard(names), dict[str, Tensor]()
        self.calls, self.outputs = list[Any](), list[Any]()
        self.alive: list[Any] = []  # so that no id is given twice
        self.source = dict[int, int]()  # tensor -> the call that gave it
        self.last = dict[int, int]()  # call -> the last one that uses what it gave
        self.first, self.written = dict[str, int](), set[int]()
        self.fixed = set(names)  # weights and what is computed of them alone: the same for every picture
        self.spoiled = False  # such a tensor was written into

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        at, given = len(self.calls), list(_tensors((args, kwargs or {})))
        output = func(*args, **(kwargs or {}))
        for tensor in given:
            if id(tensor) in self.names:
                self.first.setdefault(self.names[id(tensor)], at)
            if id(tensor) in self.source:
                self.last[self.source[id(tensor)]] = at
                if output is tensor:
                    self.written.add(self.source[id(tensor)])
        spoiled = any(output is tensor and id(tensor) in self.fixed for tensor in given)
        name = self.heard.layer(func, args, kwargs)
        if name is not None and isinstance(output, Tensor):
            self.layers.setdefault(name, output.clone())
        fixed = bool(given) and not spoiled and all(id(tensor) in self.fixed for tensor in given)
        self.spoiled |= spoiled
        for tensor in _tensors(output):  # of several too: parts of a weight, or of an activation
            self.source[id(tensor)] = at
            if fixed:
                self.fixed.add(id(tensor))
        self.calls.append(func)
        self.outputs.append(output.clone() if isinstance(output, Tensor) and not fixed else output)
        self.alive.append(output)
        return output

    def results(self) -> tuple[Any, ...]:
        """Outputs that are used at or after a call of some weight which comes after their own.

        Of several tensors that are not, their number is kept alone: parts of a weight would hold all of it.
        """
        begins = sorted(set(self.first.values()))
        used = (any(at < k <= self.last.get(at, -1) for k in begins) for at in range(len(self.outputs)))
        return tuple(
            output if is_used else _emptied(output)
            for output, is_used in zip(self.outputs, used, strict=True)
        )


def _emptied(output: Any) -> Any:
    """What stands for an output that no later pass begins with."""
    if isinstance(output, Tensor):
        return NOT_KEPT
    if type(output) in (tuple, list):
        return type(output)(torch.empty(0) if isinstance(one, Tensor) else one for one in output)
    return output


def _tensors(part: Any) -> Iterator[Tensor]:
    """All tensors of what a call was given."""
    if isinstance(part, Tensor):
        yield part
    elif isinstance(part, dict):
        yield from _tensors(tuple(part.values()))
    elif isinstance(part, list | tuple):
        for one in part:
            yield from _tensors(one)


def record(network: Network, names: Iterable[str], x: Tensor) -> Recording:
    """A whole pass, noted.

    Args:
        names: the stored layers, as in ``network.body.named_parameters()``.
        x: one image (1, 3, H, W) in [0, 1].
    """
    stored = set(names)
    there = {id(value): name for name, value in network.body.named_parameters() if name in stored}
    with torch.inference_mode(), _Noting(there) as noted:
        logits = network(x)
    first = {} if noted.spoiled else noted.first
    return Recording(
        noted.layers, logits, tuple(noted.calls), noted.results(), first, frozenset(noted.written)
    )


class _Resuming(TorchFunctionMode):
    """Gives what was noted up to a call, and computes from there on.

    Args:
        begin: the first call that is computed.
        images: how many images the noted one is taken for.
        product: computes the first call in its own way.
        own: gives copies, into which a gradient may flow.
    """

    def __init__(
        self,
        noted: Recording,
        begin: int,
        names: Mapping[int, str],
        images: int = 1,
        product: Any = None,
        own: bool = False,
    ) -> None:
        super().__init__()
        self.noted, self.begin, self.images, self.product = noted, begin, images, product
        self.own, self.heard = own, Heard(names)
        self.at, self.layers = 0, dict[str, Tensor]()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        at, self.at = self.at, self.at + 1
        if at < self.begin:
            return self._noted(at, func)
        if at == self.begin and self.product is not None:
            return self.product(func, args, kwargs or {})
        output = func(*args, **(kwargs or {}))
        name = self.heard.layer(func, args, kwargs)
        if name is not None and isinstance(output, Tensor):
            self.layers.setdefault(name, output.clone())  # what follows may write into it
        return output

    def _noted(self, at: int, func: Any) -> Any:
        if self.noted.calls[at] != func:
            raise OtherWayError
        output = self.noted.results[at]
        if output is NOT_KEPT:
            return torch.empty(0)  # is used by calls alone that are not computed either
        if isinstance(output, Tensor) and self.images > 1:
            if output.shape[:1] != (1,):
                raise OtherWayError
            output = output.expand(self.images, *output.shape[1:])
        copied = isinstance(output, Tensor) and (self.own or at in self.noted.written)
        return output.clone() if copied else output


def flipped_weights(network: Network, model: QuantizedModel, flips: BitFlips) -> dict[str, Tensor]:
    """The weights of the layers in which a bit is read wrong, as the words are then read: copies, float32.

    Args:
        network: as ``network_of`` made it from ``model``.
    """
    changed = {}
    for name, index, mask in flipping.by_layer(model, flips):
        changed[name] = network.body.get_parameter(name).detach().clone()
        changed[name].view(-1)[torch.from_numpy(index)] = torch.from_numpy(
            values(model.weights[name], index, mask)
        )
    return changed


def values(q: QuantizedTensor, index: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """What these words are read as once bits of them are flipped, float32 (words,).

    Args:
        index: places in the flat layer, int64 (words,).
        mask: bits to flip in each.
    """
    entry = quant.channel(q, index)
    return quant.values(q.words.reshape(-1)[index] ^ mask, q.scale[entry], q.zero[entry], q.encoding)


class OtherWayError(ResqError):
    """A pass takes another way than the noted one."""


def outputs(
    noted: Recording, network: Network, changed: Mapping[str, Tensor], x: Tensor
) -> tuple[dict[str, Tensor], Tensor] | None:
    """Layers' outputs and logits with these weights in place of the stored ones; None: take a whole pass.

    Args:
        noted: of this network and image.
        changed: stored layer -> its weight.
    """
    from resq import networks

    if not changed:
        return noted.layers, noted.logits
    if any(name not in noted.first for name in changed):
        return None
    own = networks.replaced(network, {f"body.{name}": weight for name, weight in changed.items()})
    there = {id(value): name for name, value in own.body.named_parameters() if name in noted.first}
    begin = min(noted.first[name] for name in changed)
    try:
        with torch.inference_mode(), _Resuming(noted, begin, there) as heard:
            logits = own(x)
    except OtherWayError:
        return None
    return {name: heard.layers.get(name, clean) for name, clean in noted.layers.items()}, logits


def logits_with(noted: Recording, network: Network, layer: str, weight: Tensor, x: Tensor) -> Tensor:
    """Logits (1, classes) with this weight of a layer, through which a gradient flows to it."""
    from resq import networks

    own = networks.replaced(network, {f"body.{layer}": weight})
    try:
        with _Resuming(noted, noted.first.get(layer, 0), {}, own=True):
            return own(x)
    except OtherWayError:
        return own(x)


def logits_of_each(
    noted: Recording, network: Network, layer: str, weights: Iterator[Tensor], n: int, x: Tensor
) -> Tensor | None:
    """Logits (n, classes) with each of n weights of one layer, behind which all are one batch.

    Sums of a batch are taken in another order than those of one image, so logits agree up to rounding. None
    where the network does not allow it: take them one by one.
    """
    from resq import networks

    def product(func: Any, args: Any, kwargs: Any) -> Tensor:
        if getattr(func, "__name__", "") not in PRODUCTS or len(args) < 2 or kwargs:
            raise OtherWayError
        return torch.cat([func(args[0][:1], weight, *args[2:]) for weight in weights])

    begin = noted.first.get(layer)
    if begin is None:
        return None
    own = networks.replaced(network, {})
    try:
        with torch.inference_mode(), _Resuming(noted, begin, {}, n, product):
            logits = own(x)
    except (OtherWayError, RuntimeError):
        return None
    return logits if logits.shape[0] == n else None
