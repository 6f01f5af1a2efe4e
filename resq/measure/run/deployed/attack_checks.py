"""Signs that an attack on a deployed network was too weak: questions alone against the twin's gradients."""

from __future__ import annotations

import numpy as np
import torch

from resq.core import BitFlips
from resq.deployed.network import Network
from resq.measure.run import gradient_masking
from resq.measure.run.deployed import aimed
from resq.measure.run.gradient_masking import Check
from resq.measure.specs.cells import Cell
from resq.measure.specs.sweep_spec import OF_FILES

NO_FLIPS = BitFlips(np.empty(0, dtype=np.int64), np.empty(0))
Z95 = 1.96


def attacked(
    network: Network, x: np.ndarray, y: np.ndarray, eps: float, steps: int, seed: int
) -> dict[str, np.ndarray]:
    """Attack -> which images (N,) the runtime still gets right; "clean" without one, "none" at a budget of 0.

    Args:
        x: images, uint8 or float32 in [0, 1]; ``y`` their labels.
        eps: budget in 1/255; ``steps`` of PGD.
    """
    tried = {
        "none": ("twin-pgd", 0.0, steps),
        "square": ("square", eps, OF_FILES["square"]),
        "twin-fgsm": ("twin-fgsm", eps, 1),
        "twin-pgd": ("twin-pgd", eps, steps),
        "longer": ("twin-pgd", eps, 2 * steps),
        "twin-apgd": ("twin-apgd", eps, OF_FILES["twin-apgd"]),
        "huge": ("twin-pgd", gradient_masking.HUGE, 2 * steps),
    }
    correct = {"clean": network.logits(x).argmax(1) == y}
    for name, (attack, budget, own) in tried.items():
        cell = Cell(str(network.file), "", "", attack=attack, eps=budget, steps=own, restarts=1, seed=seed)
        x_adv = aimed.moved(cell, network, x, y, NO_FLIPS)
        correct[name] = network.logits(x_adv).argmax(1) == y
    return correct


def noise(one: np.ndarray, other: np.ndarray) -> float:
    """What the difference of two accuracies on the same images is likely off by (95 %), as a share.

    Only images that the two tell apart bear on it (McNemar).

    >>> round(noise(np.array([1, 1, 0, 1], bool), np.array([1, 0, 0, 0], bool)), 3)
    0.693
    """
    return Z95 * float(np.sqrt((one != other).sum())) / len(one)


def blinded(of: dict[str, np.ndarray]) -> Check:
    """Whether questions alone find more than the gradients: then the gradients lead nowhere.

    ``of`` holds bool (N,) by attack: which images it leaves classified correctly.
    """
    shown = {name: float(of[name].mean()) for name in ("square", "twin-pgd", "twin-apgd")}
    best = min(("twin-pgd", "twin-apgd"), key=lambda name: shown[name])
    likely = 100 * noise(of["square"], of[best])
    return Check(
        "black-box",
        "questions alone find no more than the twin's gradients",
        100 * (shown[best] - shown["square"]),
        "pp",
        likely,
        2 * likely,
        f"accuracy under Square {_percent(shown['square'])}, under {best} {_percent(shown[best])}; beyond "
        f"{likely:.1f} pp, the noise of these images, gradients are hidden or the twin is another network",
    )


def file_guards(
    network: Network, x: np.ndarray, y: np.ndarray, eps: float = 8.0, steps: int = 20, seed: int = 0
) -> list[Check]:
    """All guards of a deployed network.

    ``x`` is uint8 or float32 (N, C, H, W), ``y`` int64 (N,); eps in 1/255.
    """
    of = attacked(network, x, y, eps, steps, seed)
    share = {name: float(right.mean()) for name, right in of.items()}
    twin, images = aimed.twin_of(network), torch.from_numpy(network.pixels.unit(x))
    with torch.inference_mode():
        same = float((twin(images).argmax(1).numpy() == network.logits(x).argmax(1)).mean())
    flat, rng = gradient_masking.zero_gradients(twin.scores, images, torch.from_numpy(y)), 1 / network.classes
    pgd, apgd, clean = share["twin-pgd"], share["twin-apgd"], share["clean"]
    return [
        blinded(of),
        Check("twin", "the twin answers as the runtime does", 100 * (1 - same), "%", 0.5, 2.0,
              f"{_percent(same)} of the answers are the same; examples are made on the twin",
              len(y)),
        Check("fgsm", "PGD finds what FGSM finds", 100 * (pgd - share["twin-fgsm"]), "pp", 0.0, 0.5,
              f"made on the twin, FGSM leaves {_percent(share['twin-fgsm'])}, PGD-{steps} {_percent(pgd)}",
              len(y)),
        Check("apgd", "APGD finds little that PGD missed", 100 * abs(pgd - apgd), "pp", 2.0, 5.0,
              f"PGD-{steps} leaves {_percent(pgd)}, APGD {_percent(apgd)}",
              len(y)),
        Check("steps", "twice the steps change nothing", 100 * abs(pgd - share["longer"]), "pp", 0.5, 2.0,
              f"PGD-{steps} leaves {_percent(pgd)}, PGD-{2 * steps} {_percent(share['longer'])}",
              len(y)),
        Check("huge", "a huge budget breaks everything", 100 * share["huge"], "%", 100 * rng, 200 * rng,
              f"accuracy at {gradient_masking.HUGE:g}/255 {_percent(share['huge'])}; "
              f"chance is {_percent(rng)}",
              len(y)),
        Check("zero-gradient", "gradients are not zero", 100 * flat, "%", 1.0, 5.0,
              f"{_percent(flat)} of the images have a gradient of exactly zero on the twin",
              len(y)),
        Check("eps-zero", "a budget of 0 is the clean accuracy",
              100 * abs(share["none"] - clean), "pp", 0.0, 0.0,
              f"clean {_percent(clean)}, eps 0 {_percent(share['none'])}",
              len(y)),
        Check("clean", "the network works without an attack",
              100 * (1 - clean), "%", 20.0, 100 * (1 - 2 * rng),
              f"clean accuracy {_percent(clean)}; without it no robust accuracy means anything",
              len(y)),
    ]  # fmt: skip


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
