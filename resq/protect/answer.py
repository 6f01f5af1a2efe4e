"""The whole way from a network and a rate to what to store: proposed, decided, confirmed, written down."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from resq.core import files
from resq.core.errors import ResqError
from resq.deployed import network as deployed
from resq.measure.run import machine
from resq.protect import confirm, mixtures, wording
from resq.protect.deployed_file import DeployedFile
from resq.protect.search import Tried, best, front, search
from resq.protect.stored_network import StoredNetwork
from resq.protect.subject import Subject
from resq.protect.timing import pass_time
from resq.protect.trial import Trial
from resq.protect.wanted import SEED, Wanted

__all__ = ["Wanted", "protect"]


def protect(wanted: Wanted, folder: Path, progress: Callable[[int, int], None]) -> dict[str, Any]:
    """Searches, confirms on test images, writes the files to deploy and the report; returns what it found.

    Args:
        folder: of the files; what it holds of an earlier run of the same question is not measured again.
        told: (passes so far, passes at most), after each pass.

    Raises:
        ValueError: a network whose words cannot be mixed, or images that are not there.
    """
    began = time.perf_counter()
    subject = subject_of(wanted)
    _check_budget(subject, wanted.bits)
    time_of = pass_time.slower(subject, wanted.batch) if math.isfinite(wanted.time) else None
    folder.mkdir(parents=True, exist_ok=True)
    most = mixtures.grid(subject.lengths, subject.sizes, wanted.bits) * wanted.maps
    trial = Trial(subject, wanted.ber, wanted.maps, folder / "measured.jsonl", wanted.fault,
                  lambda: progress(trial.passes, most))  # fmt: skip
    fresh = not trial.resumed
    tried = list(search(subject.lengths, cache(subject.order), subject.sizes,
                        keep=wanted.keep, budget=wanted.bits, keeps=trial.keeps))  # fmt: skip
    searched = 1 + len({str(t.mixture.encoding) for t in tried}) * wanted.maps
    chosen = best(tried, wanted.keep, time_of or (lambda mixture: 1.0), wanted.time)
    took = time_of(chosen.mixture) if time_of else None
    search_seconds = time.perf_counter() - began
    answer = {
        "network": subject.name, "weights": subject.hash,
        "wanted": wanted.plain(), "seed": SEED,
        "encoding": str(chosen.mixture.encoding), "bits": chosen.mixture.bits,
        "kept_held_out": chosen.retained, "passes": searched,
        "enough": chosen.retained >= wanted.keep and (took is None or took <= wanted.time),
        "grid_passes": 1 + most, "time": took,
        "front": _front(wanted, tried, trial), "confirmed": confirm.confirmed(wanted, chosen, trial),
        "unprotected": confirm.unprotected(wanted, trial),
        "more_passes": trial.passes - searched, "seconds": search_seconds if fresh else None,
        "machine": machine.processor() if fresh else None,
        "tried": [{"encoding": str(t.mixture.encoding), "bits": t.mixture.bits, "kept": t.retained}
                  for t in tried],
    }  # fmt: skip
    subject.write(folder, chosen.mixture.encoding)
    files.write_text(folder / "answer.json", json.dumps(answer, indent=1) + "\n")
    files.write_text(folder / "report.md", wording.report(answer))
    return answer


def subject_of(wanted: Wanted) -> Subject:
    """The checkpoint or the deployed file that is asked about.

    Raises:
        ResqError: what cannot be asked of it.
    """
    if deployed.is_file(wanted.checkpoint):
        return DeployedFile(wanted)
    if wanted.data or wanted.inputs:
        raise ResqError(
            f"{wanted.checkpoint} knows its images; leave out --data and what is said of an input"
        )
    return StoredNetwork(wanted.checkpoint, wanted.encoding, wanted.n)


def _check_budget(subject: Subject, bits: float) -> None:
    """Refuses a budget below the fewest bits.

    Raises:
        ResqError: what came, and the fewest that there are.
    """
    fewest = min((e for some in subject.lengths for e in some), key=lambda e: e.memory(subject.sizes))
    if fewest.memory(subject.sizes) > bits:
        raise ResqError(
            f"{fewest} takes {fewest.memory(subject.sizes):g} bits a weight already, more than {bits:g}"
        )


def _front(wanted: Wanted, tried: list[Tried], trial: Trial) -> list[dict[str, Any]]:
    """What nothing tried beats in bits and in what is kept, at the three rates."""
    return [
        {"encoding": str(t.mixture.encoding), "bits": t.mixture.bits,
         "kept": {f"{rate:g}": trial.keeps(t.mixture, rate) for rate in wanted.rates}}
        for t in front(tried)
    ]  # fmt: skip
