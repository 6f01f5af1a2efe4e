"""Which tensor of a file is which of a network: by name, else by order and shape where only one way fits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from torch import nn

Shapes = Mapping[str, tuple[int, ...]]
PREFIXES = ("module.", "model.", "_orig_mod.", "net.", "backbone.")
COUNTER = "num_batches_tracked"


def stripped(names: Iterable[str], wanted: Iterable[str]) -> tuple[dict[str, str], str]:
    """Name without what wrappers put before all of them -> name in the file; and what was taken away."""
    bare, gone = {name: name for name in names if name != "n_averaged"}, ""
    own = set(wanted)
    while not own & set(bare):
        prefix = next((p for p in PREFIXES if all(_wrapped(n, p) for n in bare)), None)
        if prefix is None or not bare:
            break
        bare, gone = {n.removeprefix(prefix): f for n, f in bare.items()}, gone + prefix
    return bare, gone


def _wrapped(name: str, prefix: str) -> bool:
    return name.startswith(prefix) or name.endswith(COUNTER)


def matched(shapes_in_file: Shapes, wanted: Shapes, ordered: bool) -> tuple[dict[str, str], int]:
    """Name wanted -> name found, and how many of them differ; what fits nowhere is left out.

    Equal names first. Of the rest, tensors of one role (weights, biases, running means, ...) must agree in
    shape one after the other; where a shape occurs twice in a role only the order tells which is which, so
    the file must keep the network's order.

    >>> matched({"fc.weight": (10, 64)}, {"linear.weight": (10, 64)}, ordered=False)
    ({'linear.weight': 'fc.weight'}, 1)
    """
    pairs = {name: name for name in wanted if name in shapes_in_file}
    ours, theirs = (_roles({k: v for k, v in s.items() if k not in pairs}) for s in (wanted, shapes_in_file))
    renamed: dict[str, str] = {}
    for role, names in ours.items():
        others = theirs.get(role, [])
        shapes = [wanted[name] for name in names]
        same = shapes == [shapes_in_file[name] for name in others]
        if not same or (len(set(shapes)) < len(shapes) and not ordered):
            return pairs, 0
        renamed |= dict(zip(names, others, strict=True))
    return pairs | renamed, len(renamed)


def _roles(shapes: Shapes) -> dict[str, list[str]]:
    """Names by what they are, counters left out: they are equal in all and not needed."""
    roles: dict[str, list[str]] = defaultdict(list)
    for name, shape in shapes.items():
        leaf = name.rsplit(".", 1)[-1]
        if leaf != COUNTER:
            roles[f"{leaf} of {len(shape)} axes"].append(name)
    return roles


def norms(body: nn.Module) -> dict[str, tuple[str, nn.BatchNorm2d]]:
    """Convolution -> the name of the batch norm right after it, and that norm."""
    pairs, last = {}, ("", 0)
    for name, module in body.named_modules():
        if isinstance(module, nn.Conv2d):
            last = (name, module.out_channels)
        elif isinstance(module, nn.BatchNorm2d) and last == (last[0], module.num_features) and last[0]:
            pairs[last[0]], last = (name, module), ("", 0)
    return pairs


def folded(shapes: Shapes, body: nn.Module) -> bool:
    """Whether a file's batch norms were folded into its convolutions: biases there, nothing of the norms."""
    has_norms = any(
        name.endswith(("running_mean", "running_var")) or (name.endswith(".weight") and len(shape) == 1)
        for name, shape in shapes.items()
    )
    biases = any(
        name.endswith(".weight") and len(shape) == 4 and name.removesuffix("weight") + "bias" in shapes
        for name, shape in shapes.items()
    )
    has = [m for m in body.modules() if isinstance(m, nn.BatchNorm2d)]
    return bool(has) and biases and not has_norms and len(norms(body)) == len(has)


def without_norms(wanted: Shapes, body: nn.Module) -> dict[str, tuple[int, ...]]:
    """What a network has once its batch norms are folded: none of them, and a bias per convolution."""
    inside = norms(body)
    folded_shapes: dict[str, tuple[int, ...]] = {}
    for name, shape in wanted.items():
        module, _, leaf = name.rpartition(".")
        if module not in {norm for norm, _ in inside.values()}:
            folded_shapes[name] = shape
            if leaf == "weight" and module in inside:
                folded_shapes[f"{module}.bias"] = shape[:1]
    return folded_shapes


def stem(shapes: Shapes, wanted: Shapes) -> str | None:
    """A sentence where the first convolution was made for images of another size, else None."""
    name = next((n for n, shape in wanted.items() if len(shape) == 4), None)
    theirs, ours = shapes.get(name or ""), wanted.get(name or "")
    if not theirs or not ours or len(theirs) != 4 or theirs[2:] == ours[2:]:
        return None
    size = "an ImageNet stem, for 224x224 images" if theirs[2] > ours[2] else "a stem for other images"
    return (
        f"{name} has shape {'x'.join(map(str, theirs))}: {size}; "
        f"expected the {ours[2]}x{ours[3]} stem for 32x32 images, {'x'.join(map(str, ours))}"
    )
