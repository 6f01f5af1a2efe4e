"""What is asked of the search, checked."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from resq.core.errors import ResqError
from resq.core.validation import lookup
from resq.memory import faults

SEED = 0  # of every fault map of a search, held-out and test images alike; it stands in the answer


@dataclass(frozen=True)
class Wanted:
    """What is asked for.

    Attributes:
        checkpoint: its name, or the path of a checkpoint or of a deployed file.
        keep: share of the accuracy without faults that is to be left at the rate ``ber``.
        bits: most stored bits a weight; time: most of a pass' time, decoding included, over that without.
        batch: images of a pass, for all of which the words are decoded once; matters with ``time`` alone.
        encoding: the only plain words that are mixed; "": several, see ``mixtures.bases``.
        n, maps: held-out images and fault maps that decide; test, test_maps: those that confirm.
        data, inputs: of a deployed file, as ``SweepSpec`` has them.
    """

    checkpoint: str
    ber: float
    keep: float = 0.99
    bits: float = math.inf
    time: float = math.inf
    batch: int = 1
    encoding: str = ""
    fault: str = "random"
    n: int = 500
    maps: int = 4
    test: int = 500
    test_maps: int = 10
    data: str = ""
    inputs: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.ber <= 0.5:
            raise ResqError(f"the bit error rate must lie in (0, 0.5], got {self.ber:g}")
        if not 0 < self.keep <= 1:
            raise ResqError(f"what is to be kept is a share in (0, 1], such as 0.99, got {self.keep:g}")
        for name in ("n", "maps", "test", "test_maps", "batch"):
            if getattr(self, name) < 1:
                raise ResqError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.test_maps < 2:
            raise ResqError(
                f"test_maps must be at least 2, got {self.test_maps}: one map tells nothing of other maps"
            )
        lookup("fault model", self.fault, dict.fromkeys(faults.FAULTS))

    @property
    def rates(self) -> tuple[float, float, float]:
        """A fifth of the rate, the rate itself, and twice of it or one half."""
        return self.ber / 5, self.ber, min(0.5, 2 * self.ber)

    def plain(self) -> dict[str, Any]:
        """As JSON has it: no limit is null."""
        return {k: None if v == math.inf else v for k, v in asdict(self).items()}
