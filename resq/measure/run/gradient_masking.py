"""Checks of adversarial evaluations (weak attacks, gradient masking), each green, amber or red.

A robust accuracy means nothing where stronger attacks find more errors. Each guard is one number beside the
limits of green and amber, and has an id; one that counts images is judged on at least ENOUGH of them and
keeps a limit by more than one image, so that none hangs on a tie; one that could not fail is dropped and says
why.
Source of the signs: Athalye et al., ICML 2018, and Carlini et al. 2019, arXiv:1902.06705.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor

from resq.attacks.gradient import gradient
from resq.attacks.linf import Logits
from resq.core.errors import LackingError
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.engine.predictions import BATCH, evaluate
from resq.measure.run.joint_attack import AttackConfig, perturb

ENOUGH = 500  # images; on fewer a guard that counts them is not judged
SAME = 0.01  # of the weights; where fewer differ, two networks are one
HUGE = 64.0  # a budget in 1/255 under which no picture stays what it was


@dataclass(frozen=True)
class Check:
    """One sign, its value and the verdict.

    Attributes:
        id: by which programs know it; ``name`` is for people and may be worded anew.
        value: in ``unit``; None where it was not measured, or is dropped.
        green, amber: the largest values that get these verdicts; beyond is red.
        says: the numbers behind it, or why there are none, one sentence.
        images: how many it counts; 0 where it counts none.
        enough: how many it has to count to be judged.
        dropped: whether it was left out because it could not fail.
    """

    id: str
    name: str
    value: float | None
    unit: str
    green: float
    amber: float
    says: str
    images: int = 0
    enough: int = ENOUGH
    dropped: bool = False

    @property
    def verdict(self) -> str:
        """One of "green", "amber", "red", "not measured", "dropped", and "too few images"."""
        if self.dropped:
            return "dropped"
        if self.value is None:
            return "not measured"
        if 0 < self.images < self.enough:
            return "too few images"
        return next((word for word in ("green", "amber") if self._within(getattr(self, word))), "red")

    def _within(self, limit: float) -> bool:
        """Whether the value keeps a limit: by more than one image where it counts them and 0 is not meant."""
        room = 100 / self.images if self.images and limit > 0 else 0.0
        return self.value is not None and self.value <= limit - room + 1e-9

    def row(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "verdict": self.verdict}


def run_checks(
    bench: FaultyNetwork,
    parent: FaultyNetwork | None,
    x: Tensor,
    y: Tensor,
    eps: float = 8.0,
    steps: int = 20,
    seed: int = 0,
    enough: int = ENOUGH,
) -> list[Check]:
    """All guards of a network.

    Args:
        parent: the same checkpoint in fp32, whose examples are tried on the network; None where it is the
        network
            itself (see ``parent_of``), so that the comparison could not fail.
        x, y: images in [0, 1] and labels.
        eps: budget in 1/255.
        steps: of PGD; it is compared with twice as many.
        enough: images that a guard has to count to be judged.
    """
    tried = attack_configs(eps, steps, seed)
    adversarial = {name: _attacked(bench, x, y, threat) for name, threat in tried.items()}
    of = {name: _share(bench, x_adv, y) for name, x_adv in adversarial.items() if x_adv is not None}
    of["clean"] = _share(bench, x, y)
    if parent is not None:
        of["parent"] = _share(bench, perturb(parent.network, x, y, tried["pgd"], early_stop=False), y)
    budgets = {name: threat.eps for name, threat in tried.items()}
    with torch.inference_mode():
        rng = 1 / bench.network(x[:1]).shape[1]
    every = [
        *_strength(of, steps),
        *_masking(of, rng),
        *_soundness(bench, x, y, adversarial, budgets, of, rng),
    ]
    return [replace(g, images=0 if g.id == "box" else len(x), enough=enough) for g in every]


def parent_of(bench: FaultyNetwork, parent: FaultyNetwork) -> tuple[FaultyNetwork | None, float]:
    """The fp32 parent, or None where fewer than SAME of its weights are others; and that share.

    A checkpoint that is stored as the codes it is read in is its own parent.
    """
    own, other = (b.network.state_dict() for b in (bench, parent))
    names = [n for n in own if n in other and own[n].dim() > 1 and own[n].shape == other[n].shape]
    differ = sum(int((~torch.isclose(own[n], other[n], rtol=1e-4, atol=1e-7)).sum()) for n in names)
    share = differ / max(1, sum(own[n].numel() for n in names))
    return (parent if share >= SAME else None), share


def attack_configs(eps: float, steps: int, seed: int) -> dict[str, AttackConfig]:
    """The attacks that the guards compare."""
    return {
        "none": AttackConfig("pgd", 0.0, steps, 1, seed),
        "fgsm": AttackConfig("fgsm", eps, seed=seed),
        "pgd": AttackConfig("pgd", eps, steps, 1, seed),
        "longer": AttackConfig("pgd", eps, 2 * steps, 1, seed),
        "restarted": AttackConfig("pgd", eps, steps, 5, seed),
        "apgd": AttackConfig("apgd", eps, seed=seed),
        "huge": AttackConfig("pgd", HUGE, 2 * steps, 1, seed),
    }


def _attacked(bench: FaultyNetwork, x: Tensor, y: Tensor, threat: AttackConfig) -> Tensor | None:
    """The moved images; None where the attack's package is missing."""
    try:
        return perturb(bench.network, x, y, threat)
    except LackingError:
        return None


def _share(bench: FaultyNetwork, x: Tensor, y: Tensor) -> float:
    return float(evaluate(bench.network, x, y)[0].mean())


def _strength(of: Mapping[str, float], steps: int) -> list[Check]:
    """Whether a longer or better search finds more."""
    pgd, apgd = of["pgd"], of.get("apgd")
    without = "the package pyautoattack is not installed"
    return [
        Check(
            "fgsm",
            "PGD finds what FGSM finds",
            100 * (pgd - of["fgsm"]),
            "pp",
            0.0,
            0.5,
            f"accuracy under FGSM {_percent(of['fgsm'])}, under PGD-{steps} {_percent(pgd)}; more steps must "
            "not leave more images right",
        ),
        Check(
            "apgd",
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
        Check(
            "longer",
            "twice the steps change nothing",
            100 * abs(pgd - of["longer"]),
            "pp",
            0.5,
            2.0,
            f"PGD-{steps} {_percent(pgd)}, PGD-{2 * steps} {_percent(of['longer'])}",
        ),
        Check(
            "restarted",
            "more restarts change nothing",
            100 * abs(pgd - of["restarted"]),
            "pp",
            0.5,
            2.0,
            f"1 start {_percent(pgd)}, 5 starts {_percent(of['restarted'])}",
        ),
    ]


def _masking(of: Mapping[str, float], rng: float) -> list[Check]:
    """Whether the gradients hide what is there."""
    return [
        Check(
            "huge",
            "a huge budget breaks everything",
            100 * of["huge"],
            "%",
            100 * rng,
            200 * rng,
            f"accuracy at {HUGE:g}/255 {_percent(of['huge'])}; chance is {_percent(rng)}",
        ),
        _transferred(of),
    ]


def _transferred(of: Mapping[str, float]) -> Check:
    """Whether an outsider's examples work better than the network's own."""
    name, parent = "examples from the fp32 parent are no stronger", of.get("parent")
    if parent is None:
        why = "the fp32 parent is this network, weight for weight, so its examples could not be stronger"
        return Check("parent", name, None, "pp", 0.5, 2.0, why, dropped=True)
    says = (
        f"made on this network {_percent(of['pgd'])}, made on its fp32 parent {_percent(parent)}; an "
        "outsider's examples must not work better"
    )
    return Check("parent", name, 100 * (of["pgd"] - parent), "pp", 0.5, 2.0, says)


def _soundness(
    bench: FaultyNetwork,
    x: Tensor,
    y: Tensor,
    adversarial: Mapping[str, Tensor | None],
    budgets: Mapping[str, float],
    of: Mapping[str, float],
    rng: float,
) -> list[Check]:
    """Whether the attack is one: gradients to follow, a budget that is kept, a network that works."""
    clean = of["clean"]
    flat = zero_gradients(bench.network, x, y)
    furthest = max(
        excess(x, x_adv, budgets[name]) for name, x_adv in adversarial.items() if x_adv is not None
    )
    return [
        Check(
            "gradients",
            "gradients are not zero",
            100 * flat,
            "%",
            1.0,
            5.0,
            f"{_percent(flat)} of the images have a gradient of exactly zero, which leads no attack anywhere",
        ),
        Check(
            "zero",
            "a budget of 0 is the clean accuracy",
            100 * abs(of["none"] - clean),
            "pp",
            0.0,
            0.0,
            f"clean {_percent(clean)}, eps 0 {_percent(of['none'])}",
        ),
        Check(
            "box",
            "no pixel left its box",
            furthest,
            "1/255",
            1e-3,
            1e-3,
            f"the furthest pixel lies {furthest:.2g}/255 beyond its budget, of all attacks above",
        ),
        Check(
            "works",
            "the network works without an attack",
            100 * (1 - clean),
            "%",
            20.0,
            100 * (1 - 2 * rng),
            f"clean accuracy {_percent(clean)}; without it no robust accuracy means anything",
        ),
    ]


def zero_gradients(network: Logits, x: Tensor, y: Tensor) -> float:
    """Share of the images whose loss has a gradient of exactly zero."""
    flat = 0
    for part, labels in zip(x.split(BATCH), y.split(BATCH), strict=True):
        flat += int((gradient(network, part, labels).flatten(1) == 0).all(1).sum())
    return flat / len(x)


def excess(x: Tensor, x_adv: Tensor, eps: float) -> float:
    """How far the furthest pixel lies beyond its budget or outside [0, 1], in 1/255; 0 where none does."""
    beyond = max((x_adv - x).abs().max().item() - eps / 255, x_adv.max().item() - 1, -x_adv.min().item())
    return 255 * max(0.0, beyond)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
