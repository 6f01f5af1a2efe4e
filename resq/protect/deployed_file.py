"""A deployed file as the search sees it: its words lie in another memory and are decoded before it runs.

``deployed.guarded`` says how. Tried are the file's own words, under guards or stored several times, and
shorter codes with its scales, whose top bits are stored three times.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from resq import data
from resq.core import Dataset, Encoding, QuantizedModel, seeds
from resq.core.errors import ResqError
from resq.data.held_out import SUFFIX
from resq.deployed import guarded
from resq.deployed.guarded import GuardedFile
from resq.measure.run import sweep
from resq.measure.run.deployed import attacked_file, file_answers
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import table
from resq.memory import faults
from resq.protect import deploy, mixtures
from resq.protect.wanted import SEED, Wanted


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
        try:
            self.own = guarded.own_code(self.network.stored, self.network.file.name)
        except ResqError:
            self.network.close()
            raise
        self.name, self.hash = self.network.name, self.network.hash
        self.inputs: str | None = self._spec.inputs
        self.sizes = tuple(s.count for s in self.network.stored)
        self.lengths = mixtures.bases(self.own)
        self.uniform = mixtures.uniform(self.own)
        self._memory = lru_cache(2)(self._made)
        held: Dataset = data.load(self._spec.data, "test").first(wanted.n)
        self._x, self._y, self.images = np.ascontiguousarray(held.pixels).view(), held.y, held.hash
        self._x.setflags(write=False)  # such images are sent to the runtime once

    def _made(self, encoding: str) -> GuardedFile:
        return GuardedFile(self.network, Encoding.parse(encoding))

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
        memory = self._memory(str(encoding))
        drawn = faults.FAULTS[fault](
            faults.region(memory.model), rate, rng=seeds.rng(SEED, "protect", number)
        )
        with self.network.flipped(memory.misread(drawn)):
            return float(file_answers.answered(self.network.logits(self._x), self._y, False).right.mean())

    def tested(
        self, encoding: Encoding, fault: str, rates: tuple[float, ...], maps: int, n: int
    ) -> pd.DataFrame:
        """As in ``Subject``; the rows name the encoding that the file's words lie in."""
        spec = SweepSpec(self._wanted.checkpoint, data=self._wanted.data, encoding=str(encoding), fault=fault,
                         bers=rates, maps=maps, n=n, seed=SEED, inputs=self._wanted.inputs)  # fmt: skip
        return table.frame(sweep.run(spec))

    def write(self, folder: Path, encoding: Encoding) -> None:
        """As in ``Subject``: the guarded words, and where each tensor's decoded ones go in the file."""
        deploy.write_file(folder, self.network, str(encoding))

    def stored(self, encoding: Encoding) -> QuantizedModel:
        """As in ``Subject``."""
        return self._memory(str(encoding)).model

    def look(self, images: int, encoding: Encoding) -> Callable[[], Any]:
        """As in ``Subject``, by the file's own runtime in its process."""
        x = self._x[:images]
        x.setflags(write=False)

        def run() -> None:
            self.network.logits(x)

        run.elsewhere = True  # type: ignore[attr-defined]  # in the runtime's process
        return run

    def close(self) -> None:
        """Ends the runtime's process."""
        self.network.close()
