"""The post-training stage: in which words the weights lie, and what a few clean images can put right again.

Nothing is trained. The encoding says width, range and copies of the top bits (``int4-tmr2`` is one byte a
weight); batch norms take their statistics anew with the weights as stored; layers with a bias of their own
have it corrected by the mean error that rounding causes (Nagel et al. 2019, arXiv:1906.04721). With ``apart``
the layers that flips harm most are stored in another encoding of the same word length, such as protected
words among plain ones: see ``selected``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from resq.core import Encoding, seeds
from resq.core.errors import ResqError
from resq.measure.engine.predictions import score
from resq.measure.run.sweep import pixels
from resq.networks import clamp
from resq.training.stages.bit_error import recounted
from resq.training.tuning import vulnerability
from resq.training.tuning.stage import Options, Stage, StageInput, StageResult
from resq.training.tuning.stage_eval import network_with

DEFAULTS: dict[str, Any] = {
    "encoding": "int8",
    "apart": "",  # encoding of the most vulnerable layers, such as int4-tmr2; empty: all are stored alike
    "share": 0.1,  # at most this share of all weights is stored apart
    "rate": 0.01,  # bit error rate at which vulnerability is measured
    "recount": 2000,  # clean training images for the batch norms; 0: not
    "correct_bias": True,
    "n_bias": 500,
    "clamp": False,  # cut activations to their largest magnitude on n_clamp training images
    "n_clamp": 500,
    "drop": 0.1,
    "n_valid": 500,
}


def quantize(site: StageInput, options: Options) -> StageResult:
    """The same weights meant for another encoding, norms and biases fitted to it.

    Where that costs more than ``drop`` of the validation accuracy, the fit is given up and the notes say so.

    Raises:
        ValueError: a share or rate that is none, or encodings that do not go together.
    """
    encoding, chosen = _encoding(site, options)
    state = dict(site.checkpoint.state)
    if options["recount"]:
        state = recounted(site, state, encoding, options["recount"])
    if options["correct_bias"]:
        state |= corrected(site, state, encoding, options["n_bias"])
    valid = site.valid.first(min(options["n_valid"], len(site.valid)))
    exact = judged(site, dict(site.checkpoint.state), Encoding.parse("fp32"), valid)
    seen = judged(site, state, encoding, valid)
    back = seen < exact - options["drop"]
    notes = {"floor": round(exact - options["drop"], 5), "rolled_back": back, **chosen}
    row = {"epoch": 1, "epochs": 1, "valid": round(seen, 5)}
    site.report(row)
    if back:
        return StageResult(site.checkpoint.state, [row], notes, str(encoding))
    most = bounded(site, state, encoding, options["n_clamp"]) if options["clamp"] else {}
    return StageResult(state, [row], notes, str(encoding), most)


def _encoding(site: StageInput, options: Options) -> tuple[Encoding, dict[str, Any]]:
    """The encoding that the options ask for, and what the notes say of layers stored apart."""
    base = Encoding.parse(options["encoding"])
    if not options["apart"]:
        return base, {}
    share, rate = options["share"], options["rate"]
    if share > 1 or rate > 0.5:
        raise ResqError(f"quantize takes share in 0..1 and rate in 0..0.5, got {share:g} and {rate:g}")
    other = Encoding.parse(options["apart"])
    replace(base, apart=(0,), other=other)  # refuses encodings that do not go together before work begins
    sizes = [site.checkpoint.state[name].size for name in site.checkpoint.weights]
    harm = vulnerability.layers(site, base, rate)
    chosen = selected(harm, sizes, share)
    names = {site.checkpoint.weights[i]: float(f"{harm[i]:.4g}") for i in chosen}
    return (replace(base, apart=chosen, other=other) if chosen else base), {"apart": names}


def selected(harm: Sequence[float] | np.ndarray, sizes: Sequence[int], share: float) -> tuple[int, ...]:
    """Numbers of the layers to store apart: the most harmed per bit first, as long as their weights fit.

    Args:
        harm: of each layer, per stored bit; a layer without any is never chosen.
        share: of all weights, the most that the chosen ones may be.

    >>> selected([3.0, 9.0, 5.0, 0.0], [10, 80, 10, 10], 0.2)
    (0, 2)
    """
    room, chosen = share * sum(sizes), []
    for i in sorted(range(len(sizes)), key=lambda i: -harm[i]):
        if harm[i] > 0 and sizes[i] <= room:
            chosen.append(i)
            room -= sizes[i]
    return tuple(sorted(chosen))


def bounded(site: StageInput, state: dict[str, np.ndarray], encoding: Encoding, n: int) -> dict[str, float]:
    """The largest magnitude of each bounded activation over ``n`` training images, stored so."""
    network = network_with(site.checkpoint, state, encoding)
    order = seeds.rng(site.seed, "clamp").permutation(len(site.train))[:n]
    return clamp.bounds(network.body, network, pixels(site.train.take(order)))


def judged(site: StageInput, state: dict[str, np.ndarray], encoding: Encoding, valid: Any) -> float:
    """The share of validation images that ``state``, stored so, gets right."""
    network = network_with(site.checkpoint, state, encoding)
    return score(network, pixels(valid), torch.from_numpy(valid.y))[0] / len(valid)


def corrected(
    site: StageInput, state: dict[str, np.ndarray], encoding: Encoding, n: int
) -> dict[str, np.ndarray]:
    """Biases, by name, less the mean shift that rounding puts on their layer's output over ``n`` images.

    Each layer is taken on its own: the shift is (W_stored - W) times the mean input.
    """
    network = network_with(site.checkpoint, state, encoding)
    chosen = {name: m for name, m in network.body.named_modules() if _biased(m, name, site)}
    order = seeds.rng(site.seed, "bias").permutation(len(site.train))[:n]
    shifts = shifted(network, chosen, state, pixels(site.train.take(order)))
    return {f"{name}.bias": state[f"{name}.bias"] - shift for name, shift in shifts.items()}


def _biased(module: nn.Module, name: str, site: StageInput) -> bool:
    layer = isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None
    return layer and f"{name}.weight" in site.checkpoint.weights


def shifted(
    network: nn.Module, layers: Mapping[str, nn.Module], exact: Mapping[str, np.ndarray], x: Tensor
) -> dict[str, np.ndarray]:
    """Name -> mean output of a layer with its stored weight minus that with the exact one, (channels,).

    One pass over the images ``x``. A layer whose weight the network reads without calling it, as attention
    does, is left out.
    """
    state: dict[str, np.ndarray] = {}

    def note(name: str, module: nn.Module, inputs: tuple[Tensor, ...], out: Tensor) -> None:
        weight = module.get_parameter("weight")
        rounded = weight.data
        weight.data = torch.from_numpy(exact[f"{name}.weight"])
        other = module.forward(inputs[0])  # forward itself: a call would come here again
        weight.data = rounded
        channel = -1 if isinstance(module, nn.Linear) else 1
        state[name] = (out - other).movedim(channel, 0).flatten(1).mean(1).numpy()

    handles = [module.register_forward_hook(partial(note, name)) for name, module in layers.items()]
    with torch.no_grad():
        network(x)
    for handle in handles:
        handle.remove()
    return state


STAGE = Stage(
    "the words that the weights are stored in; nothing is trained", quantize, DEFAULTS, lambda options: 0.3
)
