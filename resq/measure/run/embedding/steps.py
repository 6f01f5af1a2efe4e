"""A spec -> rows: where every picture lies, and what is answered, clean and at each rate and budget."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from resq import checkpoints
from resq.core import BitFlips, Encoding
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.run import joint_attack, sweep
from resq.measure.run.embedding import features, pca
from resq.measure.run.embedding.spec import EmbeddingSpec
from resq.measure.run.joint_attack import AttackConfig
from resq.measure.specs.cells import Cell
from resq.memory.beside import Struck

NONE = BitFlips(np.empty(0, dtype=np.int64), np.empty(0))
LOOKED = 8  # images that the head is found with


def run(spec: EmbeddingSpec) -> Iterator[dict[str, Any]]:
    """One row for each step, the clean one first: ``spec.total`` of them.

    A row has, beside the spec's fields, hashes and classes:
        ``axis`` ("clean", "ber", "eps"), ``value`` and ``map``; ``flips``; ``features``, how many there are,
        and ``head``, the layer that reads them ("": the logits stand for them); ``shares`` (2,) of the
        variance of the clean features; ``labels`` (N,); ``x`` and ``y`` (N,), the pictures on the plane;
        ``logits`` (N, classes); ``plane`` (3, classes): the head's logits at the plane's middle, and what one
        step along each axis adds, with the head's weights as they are in this step.
        What is no number is None.

    Raises:
        ResqError, FileNotFoundError: as ``sweep.run`` says; or the clean features lie on no plane.
    """
    same = spec.sweep()
    bench = FaultyNetwork(checkpoints.load(spec.checkpoint), Encoding.parse(spec.encoding))
    images = sweep.test_images(same, bench.checkpoint)
    x, y = sweep.pixels(images), torch.from_numpy(images.y.copy())
    head = features.head(bench.network, x[:LOOKED])
    clean = head.see(bench.network, x)
    plane = pca.fitted(clean.features)
    about = {**asdict(spec), "data": images.name, "weights": bench.checkpoint.hash, "images": images.hash,
             "code": sweep.code_of(same.cells()), "classes": list(images.classes), "labels": y.tolist(),
             "features": clean.features.shape[1], "head": head.name.removeprefix("body."),
             "shares": plane.shares.tolist()}  # fmt: skip
    for cell in same.cells():
        flips = flips_of(cell, spec, bench)
        seen_x = _moved(cell, bench, x, y)
        with bench.flipped(flips) as network:
            yield {**about, **_step(cell, flips), **_placed(head, head.see(network, seen_x), plane)}


def flips_of(cell: Cell, spec: EmbeddingSpec, bench: FaultyNetwork) -> BitFlips | Struck:
    """The flips of a step: those of the sweep's map at its rate."""
    return sweep.fault_map(spec.sweep(), bench, cell.map).at_rate(cell.ber) if cell.ber else NONE


def _moved(cell: Cell, bench: FaultyNetwork, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The images as the attack of a step moves them on the network as stored."""
    if not cell.eps:
        return x
    threat = AttackConfig(cell.attack, cell.eps, cell.steps, cell.restarts, cell.seed)
    return joint_attack.perturb(bench.network, x, y, threat)


def _step(cell: Cell, flips: BitFlips | Struck) -> dict[str, Any]:
    """Which step it is."""
    axis = "ber" if cell.ber else "eps" if cell.eps else "clean"
    return {"axis": axis, "value": cell.ber or cell.eps, "map": cell.map, "flips": len(flips)}


def _placed(head: features.Head, seen: features.Seen, plane: pca.Plane) -> dict[str, Any]:
    """Where the pictures lie and what is answered, there and on the plane itself."""
    where = plane.place(seen.features)
    corners = head.along(np.stack([plane.mean, *(plane.mean + plane.axes)]))
    with np.errstate(all="ignore"):
        spanned = np.stack([corners[0], *(corners[1:] - corners[0])])
    return {"x": plain(where[:, 0]), "y": plain(where[:, 1]), "logits": plain(seen.logits),
            "plane": plain(spanned)}  # fmt: skip


def plain(values: np.ndarray) -> list[Any]:
    """Numbers as float32 in as few digits as read back the same; None where there is no number.

    >>> plain(np.array([[0.1, np.inf]]))
    [[0.1, None]]
    """
    if values.ndim > 1:
        return [plain(line) for line in values]
    with np.errstate(all="ignore"):  # beyond float32
        short = values.astype(np.float32)
    return [float(str(value)) if np.isfinite(value) else None for value in short]
