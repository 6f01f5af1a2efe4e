"""Codes and scales under the names that quantizers give them, brought under one: NAME:qdata, NAME:scale.

Layouts as written by optimum-quanto 0.2.7 (``weight._data``, ``weight._scale``), compressed-tensors 0.20
(``weight`` and ``weight_scale``), NNCF 3.4 (``__nncf_hooks.post_hooks.LAYER:weight__0.0._scale``) and
torch.ao of torch 2.13 (``scale`` and ``zero_point`` of activations among the weights). ``coded`` reads what
comes out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from resq.importers.formats import coded, floats
from resq.importers.formats.tensors import Listing, RefusedError, describe

WHOLE = ("i1", "u1", "i2", "i4")
ACTIVATION = re.compile(r"(.*[._])?(input_|output_|act_)?(scale|zero_point)(_\d+)?|.*_packed_params\..*")
HOOK = re.compile(r"__nncf_hooks\.post_hooks\.(.+?):(weight)__\d+\.\d+\.(_scale|_zero_point)")
PACKED = {
    "._data._data": "quanto's codes of fewer than 8 bits, several in a byte; quantize to qint8, or save "
                    "model.dequantize()'d weights",
    "_packed": "compressed-tensors' packed codes; save it with format = 'int-quantized', which keeps int8",
}  # fmt: skip
# torchao's words on activations of 8 bits: act_quant_kwargs, and activation_quantization of Intx tensors.
ACTS = re.compile(r'"act(?:ivation)?_quant\w*": *(?!null)\S')
FROZEN = re.compile(r"_frozen_param\d+|_scale_\d+|_zero_point_\d+")


@dataclass(frozen=True, eq=False)
class Scaled:
    """A weight as floats of eight bits and their scale, read like a tensor of float32."""

    data: Any
    scale: Any
    kind: str = "f4"

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the small floats."""
        return tuple(self.data.shape)

    def read(self, file: Path) -> np.ndarray:
        """The floats times their scale."""
        scale = coded._spread(self.scale.read(file).astype(np.float32), self.shape)
        return np.asarray(self.data.read(file) * scale, np.float32)


def decoded(listed: Listing) -> Listing:
    """The listing with every weight as one tensor of floats, in the file's order.

    Raises:
        RefusedError: codes that are packed, or whose layer cannot be told; the sentence names the tool.
    """
    _refuse(listed)
    named = _renamed(listed.tensors)
    small = _scaled(named, listed.about)
    plain = coded.decoded(replace(listed, tensors=small))
    if plain.tensors.keys() == listed.tensors.keys():
        return plain
    place = {_weight(name): i for i, name in reversed([*enumerate(small)])}
    ordered = dict(sorted(plain.tensors.items(), key=lambda item: place.get(item[0], len(place))))
    left = {name: tensor for name, tensor in ordered.items() if _of_activations(name, tensor)}
    weights = {name: tensor for name, tensor in ordered.items() if name not in left}
    return replace(plain, tensors=weights, activations=left)


def quantized(listed: Listing, file: Path) -> tuple[str, ...]:
    """What a file says of codes of activations, in words; empty where it quantizes weights alone.

    quanto writes scales of activations even where it quantizes none: all are 1 then. A scale is one number,
    whatever its kind and shape.
    """
    steps = {n: t for n, t in listed.activations.items() if "scale" in n and math.prod(t.shape) == 1}
    used = [name for name, t in steps.items() if float(t.read(file).reshape(-1)[0]) != 1]
    packed = [name for name in listed.activations if "_packed_params" in name]
    signs = [f"{len(used)} scales of activations such as {used[0][:60]}"] if used else []
    signs += ["packed parameters of torch.ao"] if packed and not used else []
    layers = [name for name, text in listed.about.items() if ACTS.search(text)]
    return (*signs, *([f"8-bit activations of {', '.join(layers[:3])[:120]}"] if layers else []))


def notes(listed: Listing, file: Path) -> list[str]:
    """What else the file holds and what was made of small floats, in words for a card."""
    left = len(listed.activations)
    dropped = ": they are floats here" if quantized(listed, file) else ", every scale 1: none are quantized"
    acts = [f"{left} scales and zero points of activations left out{dropped}"] if left else []
    kinds = [str(getattr(t, "data", t).kind) for t in listed.tensors.values()]
    small = sorted({kind for kind in kinds if kind in floats.SMALL})
    note = (
        f"{' and '.join(small)} weights read as the floats that they stand for: no encoding here stores "
        "them, so the flipped bits are not the file's"
    )
    layers = sum(ACTS.search(text) is not None for text in listed.about.values())
    acts += [f"8-bit activations of {layers} layers left out: they are floats here"] if layers else []
    return [*listed.beside, *acts, *([note] if small else [])]


def _refuse(listed: Listing) -> None:
    """Layouts that cannot be read, by the tool that writes them."""
    for name in listed.tensors:
        for end, sentence in PACKED.items():
            if name.endswith(end):
                raise RefusedError(f"holds {name[:80]!r}, {sentence}")
    frozen = [name for name in listed.tensors if FROZEN.fullmatch(name)]
    if frozen and frozen[0].startswith("_frozen"):
        raise RefusedError(
            f"holds {frozen[0][:40]!r}: PT2E's folded weights, whose layers only the graph knows; save the "
            "program with torch.export.save and measure it as it is deployed: python -m resq inspect FILE, "
            "or import the state dict from before convert_pt2e"
        )
    observed = [n for n in listed.tensors if "_fake_quant." in n or "activation_post_process" in n]
    if observed:
        raise RefusedError(
            f"holds {observed[0][:80]!r}: a model still being trained for quantization; convert it first "
            "(torch.ao.quantization.convert) and save the converted state dict"
        )


def _renamed(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Every tensor by the one naming; what is not of a quantized weight keeps its name."""
    new: dict[str, str] = {}
    for match in filter(None, map(HOOK.fullmatch, tensors)):
        weight = f"{match[1].replace(':', '.')}.{match[2]}"  # a hook's name has : where the module's has .
        new |= {match[0]: f"{weight}:{match[3][1:]}", weight: f"{weight}:qdata"}
    for name, tensor in tensors.items():
        stem, _, leaf = name.rpartition(".")
        if leaf in ("_data", "_scale", "_shift") and f"{stem}._data" in tensors:
            new[name] = f"{stem}:{'qdata' if leaf == '_data' else leaf[1:]}"
        elif leaf == "weight" and tensor.kind in (*WHOLE, *floats.SMALL) and f"{name}_scale" in tensors:
            new |= {name: f"{name}:qdata", f"{name}_scale": f"{name}:scale"}
            new[f"{name}_zero_point"] = f"{name}:zero_point"
    return {new.get(name, name): tensor for name, tensor in tensors.items()}


def _scaled(tensors: Mapping[str, Any], about: Mapping[str, str]) -> dict[str, Any]:
    """Floats of eight bits and their scales as one tensor each."""
    merged = dict(tensors)
    for name, tensor in tensors.items():
        stem = name.removesuffix(":qdata")
        if stem == name or tensor.kind not in floats.SMALL:
            continue
        scale, shape = tensors.get(f"{stem}:scale"), tuple(tensor.shape)
        wrong = (
            "no scale; expected one per tensor, per channel or per block"
            if scale is None
            else coded.unfit(tuple(scale.shape), shape, even=bool(about.get(stem)))
        )
        if wrong:
            there = "" if scale is None else "a scale "
            raise RefusedError(
                f"gives {stem[:80]!r}, {tensor.kind} of shape {describe(shape)}, {there}{wrong}"
            )
        merged[name] = Scaled(tensor, scale)
        merged.pop(f"{stem}:scale")
    return {name.removesuffix(":qdata") if isinstance(t, Scaled) else name: t for name, t in merged.items()}


def _weight(name: str) -> str:
    """The weight that a part belongs to."""
    match = coded.DATA.fullmatch(name)
    return re.sub(r"(^|\.)_(\w+)$", r"\1\2", match[1]) if match else name


def _of_activations(name: str, tensor: Any) -> bool:
    return bool(ACTIVATION.fullmatch(name)) and math.prod(tensor.shape) == 1
