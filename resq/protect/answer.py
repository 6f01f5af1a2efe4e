"""The whole way from a network and a rate to what to store: proposed, decided, confirmed, written down."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from resq import checkpoints
from resq.core import Encoding, files
from resq.core.errors import ResqError
from resq.measure.analysis import paired, stats
from resq.measure.run import sweep
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import table
from resq.protect import deploy
from resq.protect.mixtures import Mixture, others, prefixes
from resq.protect.search import Tried, best, front, search
from resq.protect.trial import Trial, images, order, slower


@dataclass(frozen=True)
class Wanted:
    """What is asked for.

    Attributes:
        keep: share of the accuracy without faults that is to be left at the rate ``ber``.
        bits: most stored bits a weight; time: most of a pass' time, decoding included, over that without.
        n, maps: held-out images and fault maps that decide; test, test_maps: those that confirm.
    """

    checkpoint: str
    ber: float
    keep: float = 0.99
    bits: float = math.inf
    time: float = math.inf
    encoding: str = ""
    fault: str = "random"
    n: int = 500
    maps: int = 4
    test: int = 500
    test_maps: int = 10

    def __post_init__(self) -> None:
        if not 0 < self.ber <= 0.5:
            raise ResqError(f"the bit error rate must lie in (0, 0.5], got {self.ber:g}")
        if not 0 < self.keep <= 1:
            raise ResqError(f"what is to be kept is a share in (0, 1], such as 0.99, got {self.keep:g}")
        for name in ("n", "maps", "test", "test_maps"):
            if getattr(self, name) < 1:
                raise ResqError(f"{name} must be at least 1, got {getattr(self, name)}")


def protect(wanted: Wanted, folder: Path, progress: Callable[[int, int], None]) -> dict[str, Any]:
    """Searches, confirms on test images, writes the files to deploy and the report; returns what it found.

    Args:
        folder: of the files; what it holds of an earlier run of the same question is not measured again.
        progress: (passes so far, passes at most), after each pass.

    Raises:
        ValueError: a network whose words cannot be mixed, or images that are not there.
    """
    checkpoint = checkpoints.load(wanted.checkpoint)
    base = Encoding.parse(wanted.encoding or checkpoints.default_encoding(wanted.checkpoint))
    sizes = [checkpoint.state[name].size for name in checkpoint.weights]
    choices, held = others(base), images(checkpoint, wanted.n)
    if base.memory(sizes) > wanted.bits:
        raise ResqError(
            f"{base} takes {base.memory(sizes):g} bits a weight already, more than {wanted.bits:g}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    ranked = order(checkpoint, base, held)
    grid = sum(len(prefixes(base, other, ranked, sizes, wanted.bits)) - 1 for other in choices) + 1
    most = grid * wanted.maps
    trial = Trial(checkpoint, held, wanted.ber, wanted.maps, folder / "measured.jsonl", wanted.fault,
                  lambda: progress(trial.passes, most))  # fmt: skip
    tried = list(
        search(base, choices, ranked, sizes, keep=wanted.keep, budget=wanted.bits, keeps=trial.keeps)
    )
    searched = 1 + len({str(t.mixture.encoding) for t in tried}) * wanted.maps
    time_of = slower(checkpoint) if math.isfinite(wanted.time) else lambda mixture: 1.0
    chosen = best(tried, wanted.keep, time_of, wanted.time)
    rivals = _rivals(chosen, base, choices, sizes)
    confirmed = _confirmed(wanted, chosen.mixture, rivals, trial)
    answer = {
        "wanted": _plain(wanted), "encoding": str(chosen.mixture.encoding), "bits": chosen.mixture.bits,
        "kept_held_out": chosen.share, "enough": chosen.share >= wanted.keep, "passes": searched,
        "grid_passes": 1 + most, "time": time_of(chosen.mixture) if math.isfinite(wanted.time) else None,
        "order": ranked, "front": _front(wanted, tried, trial), "confirmed": confirmed,
        "tried": [{"encoding": str(t.mixture.encoding), "bits": t.mixture.bits, "kept": t.share}
                  for t in tried],
    }  # fmt: skip
    deploy.write(folder, checkpoint, chosen.mixture.encoding)
    files.write_text(folder / "answer.json", json.dumps(answer, indent=1) + "\n")
    files.write_text(folder / "report.md", report(answer))
    return answer


def _plain(wanted: Wanted) -> dict[str, Any]:
    """What was asked as JSON has it: no limit is null."""
    return {k: None if v == math.inf else v for k, v in asdict(wanted).items()}


def _rivals(chosen: Tried, base: Encoding, choices: list[Encoding], sizes: list[int]) -> list[Encoding]:
    """The ways to store all layers alike that take no more bits than the chosen mixture."""
    every = [e for e in (base, *choices) if e.memory(sizes) <= chosen.mixture.bits + 1e-9]
    return [e for e in every if str(e) != str(chosen.mixture.encoding)]


def _front(wanted: Wanted, tried: list[Tried], trial: Trial) -> list[dict[str, Any]]:
    """What nothing tried beats in bits and in what is kept, at the rate, a tenth and five times of it."""
    rates = [wanted.ber / 10, wanted.ber, min(0.5, 5 * wanted.ber)]
    return [
        {"encoding": str(t.mixture.encoding), "bits": t.mixture.bits,
         "kept": {f"{rate:g}": trial.keeps(t.mixture, rate) for rate in rates}}
        for t in front(tried)
    ]  # fmt: skip


def _confirmed(wanted: Wanted, chosen: Mixture, rivals: list[Encoding], trial: Trial) -> dict[str, Any]:
    """The chosen one, and the uniform rival that keeps most on held-out images, once on test images."""
    own = _rows(wanted, chosen.encoding)
    points: dict[str, Any] = {"chosen": _point(own, wanted.ber)}
    if rivals:
        rival = max(rivals, key=lambda e: float(np.mean(trial.accuracy(e))))
        theirs = _rows(wanted, rival)
        a, b = (rows[rows["ber"] == wanted.ber] for rows in (own, theirs))
        points |= {"rival": str(rival), "rival_point": _point(theirs, wanted.ber),
                  "difference": asdict(paired.difference(a, b))}  # fmt: skip
    return points


def _rows(wanted: Wanted, encoding: Encoding) -> pd.DataFrame:
    spec = SweepSpec(wanted.checkpoint, encoding=str(encoding), fault=wanted.fault, bers=(0.0, wanted.ber),
                     maps=wanted.test_maps, n=wanted.test)  # fmt: skip
    return table.frame(sweep.run(spec))


def _point(rows: pd.DataFrame, rate: float) -> dict[str, float]:
    """Accuracy on test images at the rate with its interval, and without faults."""
    lines = stats.curve(rows)
    line, clean = lines[lines["x"] == rate].iloc[0], lines[lines["x"] == 0].iloc[0]
    return {"accuracy": float(line["mean"]), "low": float(line["low"]), "high": float(line["high"]),
            "clean": float(clean["mean"]), "maps": int(line["maps"]), "n": int(line["n"])}  # fmt: skip


def sentence(answer: dict[str, Any]) -> str:
    """The answer in words."""
    wanted, point = answer["wanted"], answer["confirmed"]["chosen"]
    able = "keeps" if answer["enough"] else "cannot keep what was asked; most keeps"
    return (
        f"Stored as {answer['encoding']}, at {answer['bits']:.2f} bits a weight, {wanted['checkpoint']} "
        f"{able} {100 * answer['kept_held_out']:.1f} % of its accuracy at a bit error rate "
        f"of {wanted['ber']:g} on held-out images ({100 * wanted['keep']:g} % were asked for); "
        f"on {point['n']} test images it answers {100 * point['accuracy']:.1f} % right "
        f"({100 * point['low']:.1f} to {100 * point['high']:.1f} %), "
        f"{100 * point['clean']:.1f} % without faults."
    )


def against(answer: dict[str, Any]) -> str:
    """The comparison with the best uniform protection in words."""
    confirmed = answer["confirmed"]
    if "rival" not in confirmed:
        return "No uniform protection takes as few bits."
    d, rival = confirmed["difference"], confirmed["rival_point"]
    # A mixture is named with the layers that it stores apart; what is chosen may be uniform itself.
    first = "The best" if "@" in answer["encoding"] else "The answer stores all layers alike. The next best"
    return (
        f"{first} way to store all layers alike in as many bits, {confirmed['rival']}, answers "
        f"{100 * rival['accuracy']:.1f} %; the difference is {100 * d['mean']:+.1f} points "
        f"({100 * d['low']:+.1f} to {100 * d['high']:+.1f}; {d['how']})."
    )


def report(answer: dict[str, Any]) -> str:
    """The report as Markdown: sentence, comparison, front, all that was tried."""
    rates = list(answer["front"][0]["kept"])
    heads = " | ".join(f"BER {r}" for r in rates)
    lines = [
        "# What to store\n", sentence(answer), "", against(answer), "",
        f"Found in {answer['passes']} passes over the held-out images; a plain grid over the same mixtures "
        f"takes {answer['grid_passes']}.",
        "", "## The front on held-out images: share of the accuracy that is kept\n",
        f"| stored as | bits a weight | {heads} |", "|---" * (2 + len(rates)) + "|",
    ]  # fmt: skip
    for member in answer["front"]:
        shares = " | ".join(f"{member['kept'][r]:.3f}" for r in rates)
        lines.append(f"| `{member['encoding']}` | {member['bits']:.2f} | {shares} |")
    lines += ["", "## All that was tried\n", "| stored as | bits a weight | kept |", "|---|---|---|"]
    lines += [f"| `{t['encoding']}` | {t['bits']:.2f} | {t['kept']:.3f} |" for t in answer["tried"]]
    return "\n".join(lines) + "\n"
