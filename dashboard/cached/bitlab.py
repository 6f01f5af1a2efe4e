"""What the Bit lab shows: the answers of intact, flipped and attacked networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
import streamlit as st
from cachetools import LRUCache, cached

from dashboard.cached.checkpoint_models import LoadedNetwork, card, load_network
from dashboard.cached.images import pictures
from dashboard.model import bit_view

NOTES = 256 << 20  # bytes, of the passes noted for all visitors


@dataclass(frozen=True, eq=False)
class Outcome:
    """What the Bit lab shows for one state; ``before`` and ``after`` are None without images.

    Attributes:
        trace: relative change of every layer's output; empty where no bit is flipped.
    """

    reading: bit_view.Reading
    n_flips: int
    edges: np.ndarray
    counts: np.ndarray
    faulty: np.ndarray | None
    before: np.ndarray | None
    after: np.ndarray | None
    trace: Mapping[str, float] = field(default_factory=dict)


@st.cache_resource(show_spinner=False, max_entries=512)
def _clean(net: str, sha256: str, enc: str, img: int) -> np.ndarray:
    return bit_view.probabilities(_noted(net, sha256, enc, img).logits)


@st.cache_resource(show_spinner=False, max_entries=256)
def _histogram(net: str, sha256: str, enc: str, layer: str) -> tuple[np.ndarray, np.ndarray]:
    from resq.memory import quant

    weight = quant.dequantize(load_network(net, enc).model.weights[layer])
    at = bit_view.edges(weight)
    return at, bit_view.counts(weight, at)


def largest(net: str, enc: str, layer: str) -> int:
    """The number of the layer's weight that is farthest from zero."""
    return _largest(net, str(card(net)["sha256"]), enc, layer)


@st.cache_data(show_spinner=False, max_entries=1024)
def _largest(net: str, sha256: str, enc: str, layer: str) -> int:
    return bit_view.largest(load_network(net, enc).model, layer)


def most_harmful(net: str, enc: str, layer: str, img: int, own: np.ndarray | None = None) -> tuple[int, int]:
    """The (weight, bit) of a layer whose flip costs the answer to this picture most: searched for once.

    Args:
        own: a visitor's picture in place of the numbered one; nothing of it is kept.
    """
    if own is None:
        return _most_harmful(net, str(card(net)["sha256"]), enc, layer, img)
    both = load_network(net, enc)
    return bit_view.most_harmful(both.network, both.model, layer, picture(both, img, own))


@st.cache_data(show_spinner=False, max_entries=4096)
def _most_harmful(net: str, sha256: str, enc: str, layer: str, img: int) -> tuple[int, int]:
    both, noted = load_network(net, enc), _noted(net, sha256, enc, img)
    return bit_view.most_harmful(both.network, both.model, layer, picture(both, img), noted=noted)


def outcome(state: bit_view.BitExperiment, seen: bool, own: np.ndarray | None = None) -> Outcome:
    """Everything the Bit lab shows.

    Args:
        seen: whether the images are on this machine.
        own: a visitor's picture (3, H, W) uint8, shown in place of the chosen one; never cached.
    """
    from resq.memory import flipping, quant

    both, sha256 = load_network(state.net, state.enc), str(card(state.net)["sha256"])
    bits = bit_view.flips(both.model, state)
    faulty = flipping.flip(both.model, bits)
    at, counts = _histogram(state.net, sha256, state.enc, state.layer)
    spread = bit_view.counts(quant.dequantize(faulty.weights[state.layer]), at) if state.share else None
    if own is not None:
        before: np.ndarray | None = _answer(both, state, None, own)
    else:
        before = _clean(state.net, sha256, state.enc, state.img) if seen else None
    after, trace = before, dict[str, float]()
    if before is not None and len(bits):
        after, trace = _after(both, sha256, state, bits, own)
    reading = bit_view.reading(both.model, faulty, state.layer, state.w, bits)
    return Outcome(reading, len(bits), at, counts, spread, before, after, trace)


def _after(
    both: LoadedNetwork, sha256: str, state: bit_view.BitExperiment, bits: Any, own: np.ndarray | None
) -> tuple[np.ndarray, dict[str, float]]:
    """The answer with the flips, and how far they move what each layer gives: one pass for both."""
    from resq.measure.run.one_flip import activation_trace, resumed

    clean = _noted(state.net, sha256, state.enc, state.img) if own is None else _note(both, 0, own)
    x, changed = picture(both, state.img, own), resumed.flipped_weights(both.network, both.model, bits)
    passed = resumed.outputs(clean, both.network, changed, x)
    if passed is None:
        whole = activation_trace.outputs(both.network, both.model, bits, x)
        passed = whole.layers, whole.logits
    faulty = activation_trace.Outputs(*passed)
    before = activation_trace.Outputs(clean.layers, clean.logits)
    return bit_view.probabilities(faulty.logits), activation_trace.relative_change(before, faulty)


@cached(LRUCache(NOTES, getsizeof=lambda noted: noted.nbytes), lock=Lock())
def _noted(net: str, sha256: str, enc: str, img: int) -> Any:
    """The pass over a picture without flips, from which those with flips go on.

    A hundred visitors look at more pictures, networks and encodings than a few dozen; how many fit is a
    matter of memory, 1.4 MB of ResNet18 and 9.4 of Swin-Tiny.
    """
    return _note(load_network(net, enc), img)


def _note(both: LoadedNetwork, img: int, own: np.ndarray | None = None) -> Any:
    from resq.measure.run.one_flip import resumed

    return resumed.record(both.network, both.model.weights, picture(both, img, own))


@dataclass(frozen=True, eq=False)
class Attacked:
    """A picture and what an attack made of it, (3, H, W) in 0..1; the answers as of ``bit_view.four``."""

    before: np.ndarray
    after: np.ndarray
    answers: np.ndarray


def attacked(state: bit_view.BitExperiment, own: np.ndarray | None = None) -> Attacked:
    """The chosen picture attacked, read by the network as stored and with the flips."""
    both, sha256 = load_network(state.net, state.enc), str(card(state.net)["sha256"])
    bits, x = bit_view.flips(both.model, state), picture(both, state.img, own)
    if own is None and (state.mode == "transfer" or not len(bits)):  # flips change nothing of it
        seen = bit_view.BitExperiment(
            state.net, state.enc, "", 0, state.img, eps=state.eps, attack=state.attack, seed=state.seed
        )
        after = _moved(seen, sha256)
    else:
        after = bit_view.perturbed(both.network, both.model, bits, x, state)
    answers = bit_view.four(both.network, both.model, bits, x, after)
    return Attacked(x[0].numpy(), after[0].numpy(), answers)


@st.cache_resource(show_spinner="Attacking…", max_entries=256)
def _moved(state: bit_view.BitExperiment, sha256: str) -> Any:
    from resq.core import BitFlips

    both, none = load_network(state.net, state.enc), BitFlips(np.empty(0, dtype=np.int64), np.empty(0))
    return bit_view.perturbed(both.network, both.model, none, picture(both, state.img), state)


def _answer(
    both: LoadedNetwork, state: bit_view.BitExperiment, bits: Any, own: np.ndarray | None = None
) -> np.ndarray:
    from resq.core import BitFlips

    none = BitFlips(np.empty(0, dtype=np.int64), np.empty(0))
    x = picture(both, state.img, own)
    return bit_view.answer(both.network, both.model, none if bits is None else bits, x)


def picture(both: LoadedNetwork, img: int, own: np.ndarray | None = None) -> Any:
    """One image (1, 3, H, W) in [0, 1] as the network reads it: a test image, or a visitor's own."""
    import torch

    if own is None:
        known = pictures(both.checkpoint.data)
        own = known.pixels[known.at(img)]
    pixels = own[None]
    return torch.from_numpy(np.ascontiguousarray(pixels)).float() / 255
