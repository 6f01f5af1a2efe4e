"""Networks whose tensors have the same shapes: a file of weights alone does not say which of them it is of."""

from __future__ import annotations

from collections import Counter

from resq import networks
from resq.foreign.names import COUNTER, Shapes
from resq.networks.shapes import shapes_only


def others(network: str, classes: int, wanted: Shapes) -> list[str]:
    """The other networks that have as many tensors of each shape as this one."""
    return [
        name
        for name in networks.NETWORKS
        if name != network and _shapes(_own(name, classes)) == _shapes(wanted)
    ]


def sentence(network: str, classes: int, wanted: Shapes) -> str:
    """What to say where tensors were matched by order, or an empty string where only one network has such."""
    found = others(network, classes, wanted)
    if not found:
        return ""
    names = " and ".join(found)
    verb = "has" if len(found) == 1 else "have"
    return f"{names} {verb} tensors of the same shapes: if the weights are of that, --network {found[0]}"


def _own(name: str, classes: int) -> dict[str, tuple[int, ...]]:
    try:
        with shapes_only():
            body = networks.NETWORKS[name](classes)
    except (
        RuntimeError,
        ValueError,
        TypeError,
    ):  # a network of one's own may be made for other classes alone
        return {}
    return {key: tuple(value.shape) for key, value in body.state_dict().items()}


def _shapes(tensors: Shapes) -> Counter[tuple[int, ...]]:
    return Counter(shape for key, shape in tensors.items() if not key.endswith(COUNTER))
