"""Signs that an attack was too weak, or that a network only hides its gradients: a table of verdicts.

A robust accuracy means nothing where stronger attacks find more errors. Each guard is one number beside the
limits of green and amber. Source of the signs: Athalye et al., ICML 2018, and Carlini et al. 2019,
arXiv:1902.06705.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from resq.measure.answers import BATCH, answers
from resq.measure.bench import Bench
from resq.measure.joint import Threat, craft
from resq.threat.attacks import gradient
from resq.threat.budget import Logits

HUGE = 64.0  # a budget in 1/255 under which no picture stays what it was


@dataclass(frozen=True)
class Guard:
    """One sign, its value and the verdict.

    Attributes:
        value: in ``unit``; None where it was not measured.
        green, amber: the largest values that get these verdicts; beyond is red.
        says: the numbers behind it, one sentence.
    """

    name: str
    value: float | None
    unit: str
    green: float
    amber: float
    says: str

    @property
    def verdict(self) -> str:
        """ "green", "amber", "red", or "not measured"."""
        if self.value is None:
            return "not measured"
        # A limit that is met exactly counts as kept, whatever the last bit of a difference says.
        near = self.value - 1e-9
        return "green" if near <= self.green else "amber" if near <= self.amber else "red"

    def row(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "verdict": self.verdict}


def guards(
    bench: Bench, parent: Bench, x: Tensor, y: Tensor, eps: float = 8.0, steps: int = 20, seed: int = 0
) -> list[Guard]:
    """All guards of a network.

    Args:
        parent: the same checkpoint in fp32, whose examples are tried on the network.
        x, y: images in [0, 1] and labels.
        eps: budget in 1/255.
        steps: of PGD; it is compared with twice as many.
    """
    tried = threats(eps, steps, seed)
    found = {name: _attacked(bench, x, y, threat) for name, threat in tried.items()}
    of = {name: _share(bench, moved, y) for name, moved in found.items() if moved is not None}
    of["clean"] = _share(bench, x, y)
    of["parent"] = _share(bench, craft(parent.network, x, y, tried["pgd"], stop=False), y)
    budgets = {name: threat.eps for name, threat in tried.items()}
    with torch.inference_mode():
        chance = 1 / bench.network(x[:1]).shape[1]
    return [
        *_strength(of, steps),
        *_masking(of, chance),
        *_soundness(bench, x, y, found, budgets, of, chance),
    ]


def threats(eps: float, steps: int, seed: int) -> dict[str, Threat]:
    """The attacks that the guards compare."""
    return {
        "none": Threat("pgd", 0.0, steps, 1, seed),
        "fgsm": Threat("fgsm", eps, seed=seed),
        "pgd": Threat("pgd", eps, steps, 1, seed),
        "longer": Threat("pgd", eps, 2 * steps, 1, seed),
        "restarted": Threat("pgd", eps, steps, 5, seed),
        "apgd": Threat("apgd", eps, seed=seed),
        "huge": Threat("pgd", HUGE, 2 * steps, 1, seed),
    }


def _attacked(bench: Bench, x: Tensor, y: Tensor, threat: Threat) -> Tensor | None:
    """The moved images; None where the attack's package is missing."""
    try:
        return craft(bench.network, x, y, threat)
    except ValueError as error:
        if "not installed" not in str(error):
            raise
        return None


def _share(bench: Bench, x: Tensor, y: Tensor) -> float:
    return float(answers(bench.network, x, y)[0].mean())


def _strength(of: Mapping[str, float], steps: int) -> list[Guard]:
    """Whether a longer or better search finds more."""
    pgd, apgd = of["pgd"], of.get("apgd")
    without = "the package pyautoattack is not installed"
    return [
        Guard(
            "PGD finds what FGSM finds",
            100 * (pgd - of["fgsm"]),
            "pp",
            0.0,
            0.5,
            f"accuracy under FGSM {_percent(of['fgsm'])}, under PGD-{steps} {_percent(pgd)}; more steps must "
            "not leave more images right",
        ),
        Guard(
            "APGD finds little that PGD missed",
            None if apgd is None else 100 * abs(pgd - apgd),
            "pp",
            2.0,
            5.0,
            without
            if apgd is None
            else f"accuracy under PGD-{steps} {_percent(pgd)}, under APGD "
            f"{_percent(apgd)}; APGD is the figure to report",
        ),
        Guard(
            "twice the steps change nothing",
            100 * abs(pgd - of["longer"]),
            "pp",
            0.5,
            2.0,
            f"PGD-{steps} {_percent(pgd)}, PGD-{2 * steps} {_percent(of['longer'])}",
        ),
        Guard(
            "more restarts change nothing",
            100 * abs(pgd - of["restarted"]),
            "pp",
            0.5,
            2.0,
            f"1 start {_percent(pgd)}, 5 starts {_percent(of['restarted'])}",
        ),
    ]


def _masking(of: Mapping[str, float], chance: float) -> list[Guard]:
    """Whether the gradients hide what is there."""
    return [
        Guard(
            "a huge budget breaks everything",
            100 * of["huge"],
            "%",
            100 * chance,
            200 * chance,
            f"accuracy at {HUGE:g}/255 {_percent(of['huge'])}; chance is {_percent(chance)}",
        ),
        Guard(
            "examples from the fp32 parent are no stronger",
            100 * (of["pgd"] - of["parent"]),
            "pp",
            0.5,
            2.0,
            f"made on this network {_percent(of['pgd'])}, made on its fp32 parent {_percent(of['parent'])}; "
            "an outsider's examples must not work better",
        ),
    ]


def _soundness(
    bench: Bench,
    x: Tensor,
    y: Tensor,
    found: Mapping[str, Tensor | None],
    budgets: Mapping[str, float],
    of: Mapping[str, float],
    chance: float,
) -> list[Guard]:
    """Whether the attack is one: gradients to follow, a budget that is kept, a network that works."""
    clean = of["clean"]
    flat = zero_gradients(bench.network, x, y)
    furthest = max(excess(x, moved, budgets[name]) for name, moved in found.items() if moved is not None)
    return [
        Guard(
            "gradients are not zero",
            100 * flat,
            "%",
            1.0,
            5.0,
            f"{_percent(flat)} of the images have a gradient of exactly zero, which leads no attack anywhere",
        ),
        Guard(
            "a budget of 0 is the clean accuracy",
            100 * abs(of["none"] - clean),
            "pp",
            0.0,
            0.0,
            f"clean {_percent(clean)}, eps 0 {_percent(of['none'])}",
        ),
        Guard(
            "no pixel left its box",
            furthest,
            "1/255",
            1e-3,
            1e-3,
            f"the furthest pixel lies {furthest:.2g}/255 beyond its budget, of all attacks above",
        ),
        Guard(
            "the network works without an attack",
            100 * (1 - clean),
            "%",
            20.0,
            100 * (1 - 2 * chance),
            f"clean accuracy {_percent(clean)}; without it no robust accuracy means anything",
        ),
    ]


def zero_gradients(network: Logits, x: Tensor, y: Tensor) -> float:
    """Share of the images whose loss has a gradient of exactly zero."""
    flat = 0
    for part, labels in zip(x.split(BATCH), y.split(BATCH), strict=True):
        flat += int((gradient(network, part, labels).flatten(1) == 0).all(1).sum())
    return flat / len(x)


def excess(x: Tensor, moved: Tensor, eps: float) -> float:
    """How far the furthest pixel lies beyond its budget or outside [0, 1], in 1/255; 0 where none does."""
    beyond = max((moved - x).abs().max().item() - eps / 255, moved.max().item() - 1, -moved.min().item())
    return 255 * max(0.0, beyond)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
