"""Fault campaigns of PyTorchFI 0.6.0 and MRFI 2.1 on the same network, images and BER.

Their best usable modes: PyTorchFI gets our own maps as lists of places and ready faulty values, on a network
in channels-last order. MRFI draws by itself, at the law closest to ours (a Poisson number of int8 weights,
one random bit of each), with ``layerwise: False`` and every layer's range given, so that it quantizes the
chosen weights alone and never looks for a range (as its documents have it, layer by layer, it takes several
times as long); it redraws at every forward pass, so a map is one pass over all images, and its flat views of
weights want torch's default order. Both get the network as torchvision builds it.

Ours is timed in float32 and, where that is the faster one, in bfloat16 on the same maps; the second counts
where its answers agree with the first's as ``bf16_check.choose_precision`` asks of a sweep.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from functools import cache, partial

import numpy as np
import torch

from benchmarks.limit import drawn, one_map
from benchmarks.subjects import BER, bench, half_bench, images, plain
from benchmarks.timing import Figure, figure, in_turn
from resq.core import BitFlips
from resq.measure.run.bf16_check import CHECKED, excess
from resq.memory import flipping, quant

SHARE, FASTER = 1 / 20, 2.0
FEW = 50  # images that tell whether bfloat16 is faster; without instructions for it, it is many times slower


@cache
def half_helps(n: int) -> tuple[bool, str]:
    """Whether bfloat16 is faster here and agrees on the first maps; and a clause that says so."""
    few = in_turn({"fp32": partial(one_map, 0, FEW), "bf16": partial(one_map, 0, FEW, half_bench)}, 1)
    if few["bf16"] > few["fp32"]:
        return False, f"bf16 takes {few['bf16'] / few['fp32']:.1f} times as long on {FEW} images"
    full, half = ([one_map(i, n, on) / n for i in range(CHECKED)] for on in (bench, half_bench))
    apart = excess(full, half, n)
    return apart <= 1, f"bf16 differs by {apart:.2f} of what is allowed on {CHECKED} maps"


def compare(quick: bool) -> dict[str, Figure]:
    """What injection adds beyond the forward passes, and a whole map end to end, against each peer."""
    n, turns = (50, 2) if quick else (1000, 3)
    found = {}
    for name, package, works in (("PyTorchFI", "pytorchfi", _pytorchfi), ("MRFI", "mrfi", _mrfi)):
        if importlib.util.find_spec(package) is None:
            why = f"{package} is not installed (make bench installs requirements-bench.txt)"
            found[f"injection, share of {name}'s"] = figure(None, SHARE, "x", note=why)
            found[f"end to end, times faster than {name}"] = figure(None, FASTER, "x", more=True, note=why)
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found |= _figures(name, works(n), n, turns)
    return found


def _figures(name: str, works: dict[str, Callable[[], object]], n: int, turns: int) -> dict[str, Figure]:
    each = {"ours": _flip_and_undo, "with": works["with"], "without": works["without"]}
    adds = in_turn(each, turns if name == "PyTorchFI" else 8 * turns)  # PyTorchFI takes seconds a map
    good, said = half_helps(n)
    own = {"fp32": partial(one_map, 0, n)} | ({"bf16": partial(one_map, 0, n, half_bench)} if good else {})
    whole = in_turn({**own, "theirs": works["map"]}, turns)
    theirs, best = adds["with"] - adds["without"], min(own, key=whole.__getitem__)
    added = f"ours {1e3 * adds['ours']:.1f} ms a map, {name} {1e3 * theirs:.0f} ms"
    ended = f"{n} images: ours {whole[best]:.2f} s a map in {best} ({said}), {name} {whole['theirs']:.2f} s"
    return {
        f"injection, share of {name}'s": figure(adds["ours"] / theirs, SHARE, "x", note=added),
        f"end to end, times faster than {name}": figure(
            whole["theirs"] / whole[best], FASTER, "x", more=True, note=ended
        ),
    }


def _flip_and_undo() -> None:
    with bench().flipped(drawn(0)):
        pass


def _pass(network: torch.nn.Module, x: torch.Tensor, batch: int) -> None:
    with torch.inference_mode():
        for part in x.split(batch):
            network(part)


def _pytorchfi(n: int) -> dict[str, Callable[[], object]]:
    """Declaring a map's faults, nothing, and a map end to end."""
    from pytorchfi.core import fault_injection

    x, _ = images(n)
    network = plain().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    kinds = [torch.nn.Conv2d, torch.nn.Linear]
    injector = fault_injection(network, 1, input_shape=[3, 32, 32], layer_types=kinds)
    places = _places(drawn(0))

    def declare() -> torch.nn.Module:
        return injector.declare_weight_fi(**places)

    return {"with": declare, "without": lambda: None, "map": lambda: _pass(declare(), x, 250)}


def _places(flips: BitFlips) -> dict[str, list[object]]:
    """A fault map in PyTorchFI's words: layer, coordinates and the faulty value of every weight hit."""
    model = bench().model
    faulty, layers = flipping.flip(model, flips), list(model.weights)
    columns: dict[str, list[object]] = {
        name: [] for name in ("layer_num", "k", "dim1", "dim2", "dim3", "value")
    }
    for name, index, _ in flipping.by_layer(model, flips):
        shape = model.weights[name].words.shape
        at = [axis.tolist() for axis in np.unravel_index(index, shape)]
        at += [[None] * len(index)] * (4 - len(at))
        values = quant.dequantize(faulty.weights[name]).reshape(-1)[index].tolist()
        for column, part in zip(
            columns.values(), ([layers.index(name)] * len(index), *at, values), strict=True
        ):
            column += part
    return columns


def _mrfi(n: int) -> dict[str, Callable[[], object]]:
    """A pass of one image with and without injection, and a map end to end."""
    from mrfi import MRFI, EasyConfig

    x = images(n)[0].contiguous()
    injected, bare = MRFI(plain(), EasyConfig({"faultinject": _mrfi_faults()})), plain()
    one = x[:1]
    return {
        "with": lambda: _mrfi_pass(injected, one),
        "without": lambda: _pass(bare, one, 1),
        "map": lambda: _mrfi_pass(injected, x),
    }


def _mrfi_faults() -> list[dict[str, object]]:
    """What MRFI is to inject: one entry per layer, as each has a range of its own."""
    return [
        {
            "type": "weight",
            "name": ["weight"],
            "enabled": True,
            "quantization": {
                "method": "SymmericQuantization",
                "dynamic_range": float(np.abs(quant.dequantize(q)).max()),
                "bit_width": 8,
                "layerwise": False,
            },
            "selector": {"method": "RandomPositionByRate", "poisson": True, "rate": 8 * BER},
            "error_mode": {"method": "IntRandomBitFlip", "bit_width": 8},
            "module_fullname": [f"body.{name.removesuffix('.weight')}"],
        }
        for name, q in bench().model.weights.items()
    ]


def _mrfi_pass(network: Callable[[torch.Tensor], object], x: torch.Tensor) -> None:
    with torch.no_grad():  # its in-place writes are refused in inference mode
        network(x)
