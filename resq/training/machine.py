"""What a training run computes on and how: the device asked for, the quickest numbers and order, measured."""

from __future__ import annotations

import copy
import time

import torch
from torch import nn

from resq.core.errors import ResqError
from resq.training.recipe import Recipe

DEVICES = ("auto", "cpu", "cuda")
# Share of a form's time that the next one must stay below. Forms round differently, so where two are nearly
# as quick noise must not choose: in bfloat16 both orders in memory took 76 and 80 ms, then 78 and 78.
GAIN = 0.8
Form = tuple[bool, bool]  # bfloat16 autocast, channels last
USUAL: Form = (False, True)
QUICK: Form = (True, True)


def device(name: str = "auto") -> torch.device:
    """The device of this name; "auto": the GPU where there is one, else the CPU.

    Raises:
        ValueError: no such device, or a GPU that is not here.
    """
    if name not in DEVICES:
        raise ResqError(f"the device is {', '.join(DEVICES[:-1])} or {DEVICES[-1]}, got {name!r}")
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise ResqError("no CUDA device on this machine; --device auto takes the CPU")
    return torch.device("cuda" if there and name != "cpu" else "cpu")


def of(network: nn.Module) -> torch.device:
    """Where a network's weights lie."""
    return next(network.parameters()).device


def order(channels_last: bool) -> torch.memory_format:
    """The order in memory of images (N, C, H, W)."""
    return torch.channels_last if channels_last else torch.contiguous_format


def fastest_layout(network: nn.Module, recipe: Recipe) -> Form:
    """The form in which a training step of a copy of ``network`` takes the least time, measured.

    Float32 and channels last, unless bfloat16 takes a fifth less; then channels first, if that takes a fifth
    less again. On a GPU bfloat16, unmeasured: alone, a step there takes as long as its kernels take to be
    launched, whatever they compute with.
    """
    if of(network).type == "cuda":
        return QUICK
    taken = {form: _seconds(network, recipe, form) for form in (USUAL, QUICK, (False, False), (True, False))}
    best = USUAL
    for form, seconds in taken.items():
        best = form if seconds < GAIN * taken[best] else best
    return best


def _seconds(network: nn.Module, recipe: Recipe, form: Form) -> float:
    """The shortest of five steps on up to 64 images."""
    low, last = form
    x = torch.zeros(min(recipe.batch, 64), 3, recipe.size, recipe.size)
    x = x.contiguous(memory_format=order(last))
    copied = copy.deepcopy(network).train().to(memory_format=order(last))  # type: ignore[call-overload]
    return min(_step(copied, x, low) for _ in range(5))


def _step(network: nn.Module, x: torch.Tensor, low: bool) -> float:
    began = time.perf_counter()
    with torch.autocast(x.device.type, torch.bfloat16, enabled=low):
        loss = network(x).float().square().mean()
    loss.backward()
    return time.perf_counter() - began


def described(device: torch.device) -> str:
    """What computes, as a card says it: the GPU's name, or the number of CPU threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{torch.get_num_threads()} CPU threads"
