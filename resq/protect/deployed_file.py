"""A deployed file as the search sees it: its own words lie guarded, and are decoded into it before it runs.

A runtime knows no guards. What can be done is what a board does: the weights' words lie in a guarded
memory, a decoder reads them into the file's place, and the runtime computes with what was read. So only
defences that read exactly the file's words without a fault are tried: copies, SEC-DED, parity that zeroes,
signatures. What needs other words (tripled top bits in shorter codes, in-place codes) would be another file.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from resq import data
from resq.core import BitFlips, Dataset, Encoding, QuantizedModel, QuantizedTensor, seeds
from resq.core.errors import ResqError
from resq.data.held_out import SUFFIX
from resq.deployed import words
from resq.deployed.network import Network
from resq.measure.run import machine, sweep
from resq.measure.run.deployed import attacked_file, rows
from resq.measure.specs import cells
from resq.measure.specs.cells import Cell
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.specs.version import NUMBERS
from resq.measure.store import table
from resq.memory import faults, flipping
from resq.protect import deploy, mixtures
from resq.protect.wanted import Wanted

SIGNATURES = ("radar8", "radar32")  # compared with, though the decoder in C does not read them


class DeployedFile:
    """A .tflite, .onnx or .pt2 file with weights of 8 bits; attributes as in ``protect.subject.Subject``.

    Raises:
        ValueError: a file whose weights are not integers of 8 bits, no data set, or no images.
    """

    def __init__(self, wanted: Wanted) -> None:
        if not wanted.data or wanted.encoding:
            raise ResqError(
                "a deployed file is protected as it is, on held-out images of a data set: say --data cifar10 "
                f"and no --encoding, got --data {wanted.data!r} and --encoding {wanted.encoding!r}"
            )
        self._spec = SweepSpec(wanted.checkpoint, data=f"{wanted.data}{SUFFIX}", encoding="as stored",
                               bers=(0.0,), n=wanted.n, inputs=wanted.inputs)  # fmt: skip
        self._wanted = wanted
        self.network = attacked_file.opened(self._spec)
        self.own = _code(self.network)
        self.name, self.hash = self.network.name, self.network.hash
        self.sizes = tuple(s.count for s in self.network.stored)
        self.lengths = [[self.own]]
        signed = [Encoding.parse(f"{self.own}-{name}") for name in SIGNATURES]
        self.uniform = [self.own, *mixtures.others(self.own), *signed]
        self._model = lru_cache(2)(self._made)
        self._x, self._y, self.images = self._pictures(wanted.data + SUFFIX, wanted.n)

    def _pictures(self, name: str, n: int) -> tuple[np.ndarray, np.ndarray, str]:
        held: Dataset = data.load(name, "test").first(n)
        pixels = np.ascontiguousarray(held.pixels).view()
        pixels.setflags(write=False)  # such images are sent to the runtime once
        return pixels, held.y, held.hash

    def _made(self, encoding: str) -> QuantizedModel:
        """The file's words, each tensor's under its guard."""
        return guarded(self.network, Encoding.parse(encoding))

    def order(self, base: Encoding) -> list[int]:
        """As in ``Subject``, from the gradients of the file's twin.

        Raises:
            ValueError: operators that the twin does not compute.
        """
        few = SweepSpec(self._wanted.checkpoint, data=self._spec.data, encoding="as stored", bers=(0.0,),
                        n=min(256, self._wanted.n), inputs=self._wanted.inputs)  # fmt: skip
        harm: dict[str, float] = {}
        for row in attacked_file.estimates(few):
            harm[row["layer"]] = harm.get(row["layer"], 0.0) + row["change"]
        names = [s.name for s in self.network.stored]  # what the runtime never computes with harms nothing
        return sorted(range(len(names)), key=lambda i: -harm.get(names[i], 0.0))

    def accuracy(self, encoding: Encoding, fault: str, rate: float, number: int) -> float:
        """As in ``Subject``."""
        model = self._model(str(encoding))
        drawn = faults.FAULTS[fault](faults.region(model), rate, rng=seeds.rng(0, "protect", number))
        with self.network.flipped(read_wrong(model, drawn)):
            return float(rows.answered(self.network.logits(self._x), self._y, None).right.mean())

    def tested(
        self, encoding: Encoding, fault: str, rates: tuple[float, ...], maps: int, n: int
    ) -> pd.DataFrame:
        """As in ``Subject``; the rows name the guard that the file's words lie under."""
        spec = SweepSpec(self._wanted.checkpoint, data=self._wanted.data, encoding="as stored", fault=fault,
                         bers=rates, maps=maps, n=n, inputs=self._wanted.inputs)  # fmt: skip
        x, y, images = self._pictures(spec.data, n)
        model = self._model(str(encoding))
        return table.frame([self._row(cell, encoding, model, (x, y), images) for cell in spec.cells()])

    def _row(
        self, cell: Cell, encoding: Encoding, model: QuantizedModel, pictures: tuple[np.ndarray, np.ndarray],
        images: str,
    ) -> dict[str, Any]:  # fmt: skip
        flips = _map(cell, model)
        with self.network.flipped(read_wrong(model, flips)):
            seen = rows.answered(self.network.logits(pictures[0]), pictures[1], None)
        about = {name: getattr(cell, name) for name in sweep.SAME}
        return {
            **about, "encoding": str(encoding), "checkpoint": self.name,
            "network": self.network.parsed.carrier,
            "weights": self.hash, "images": images, "flips": len(flips), "correct": int(seen.right.sum()),
            "due": int(seen.broken.sum()), "right": np.packbits(seen.right).tobytes(), "bits": model.n_bits,
            "code": sweep.code_hash(), "numbers": NUMBERS, "processor": machine.processor(),
            "software": self.network.runtime, "key": cells.key(cell, self.hash, images),
        }  # fmt: skip

    def write(self, folder: Path, encoding: Encoding) -> None:
        """As in ``Subject``: the guarded words, and where each tensor's decoded ones go in the file."""
        places = {s.name: s.at for s in self.network.stored}
        deploy.written(folder, self.name, self.hash, self._model(str(encoding)), str(encoding), places)

    def close(self) -> None:
        """Ends the runtime's process."""
        self.network.close()


def guarded(network: Network, encoding: Encoding) -> QuantizedModel:
    """A file's words of weights as a guarded memory; scales are not in it, the file keeps them."""
    raw, one, held = np.frombuffer(network.parsed.memory, np.uint8), np.ones(1, np.float32), {}
    for i, s in enumerate(network.stored):
        zero = np.full(1, s.zero[0] if s.zero else 0, np.float32)
        held[s.name] = QuantizedTensor(words.unsigned(raw, s).copy(), one, zero, encoding.of(i))
    return QuantizedModel(held, {})


def read_wrong(model: QuantizedModel, flips: BitFlips) -> BitFlips:
    """The bits of the file that are read wrong under flips of the guarded memory."""
    wrong = flipping.misread(model, flips)
    return BitFlips(np.sort(wrong), np.zeros(len(wrong)))


def _map(cell: Cell, model: QuantizedModel) -> BitFlips:
    if cell.fault == "none":
        return rows.NO_FLIPS
    where, rng = faults.region(model), seeds.rng(cell.seed, "map", cell.map)
    return faults.FAULTS[cell.fault](where, cell.top, rng=rng).at_rate(cell.ber)


def _code(network: Network) -> Encoding:
    """How the file's words are read, which says what word stands for weight 0.

    Raises:
        ResqError: words that are not bytes, or zero points of each channel.
    """
    other = sorted({s.dtype for s in network.stored if s.dtype not in ("int8", "uint8")})
    if other:
        network.close()
        raise ResqError(
            f"{network.file.name} stores weights of {', '.join(other)}; words of int8 or uint8 are guarded "
            "here: quantize it to 8 bits, or protect the checkpoint it was made of"
        )
    kinds = {s.dtype for s in network.stored}
    if len(kinds) > 1 or any(len(set(s.zero or (0,))) > 1 for s in network.stored):
        network.close()
        raise ResqError(
            f"{network.file.name} stores weights of {' and '.join(sorted(kinds))} with several zero points a "
            "tensor; one type and one zero point are expected"
        )
    if kinds == {"int8"} and any(s.zero and s.zero[0] for s in network.stored):
        network.close()
        raise ResqError(f"{network.file.name} stores int8 weights whose zero point is not 0; 0 is expected")
    return Encoding.parse("int8-symmetric" if kinds == {"int8"} else "int8")
