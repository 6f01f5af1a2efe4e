"""How images are moved while a network learns, and what it is asked to answer to them.

Sources: FGSM from a random start (Wong et al. 2020, arXiv:2001.03994), N-FGSM (de Jorge et al. 2022,
arXiv:2202.01181), PGD (Madry et al. 2018, arXiv:1706.06083), TRADES (Zhang et al. 2019, arXiv:1901.08573);
a clean network's softened answers beside the labels (Chen et al. 2021, "properly learned smoothening").
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Method:
    """One way of adversarial training.

    Attributes:
        attack: "none", "fgsm-rs", "n-fgsm", "pgd" or "trades".
        eps, step: in 1/255; ``step`` is that of pgd and trades.
        steps: of pgd and trades.
        smooth: label smoothing.
        taught: share of the clean teacher's softened answers in what is asked for.
        beta: weight of TRADES' second term.
    """

    name: str
    attack: str
    eps: float = 8.0
    steps: int = 1
    step: float = 5.0
    smooth: float = 0.3
    taught: float = 0.0
    beta: float = 5.0

    def passes(self) -> int:
        """Forward passes' worth of a step: back to the images counts one, to the weights as well two."""
        search = {"none": 0, "fgsm-rs": 2, "n-fgsm": 2, "pgd": 2 * self.steps, "trades": 1 + 2 * self.steps}
        return search[self.attack] + (6 if self.attack == "trades" else 3) + (self.taught > 0)


METHODS = (
    Method("n-fgsm", "n-fgsm"),
    Method("n-fgsm-taught", "n-fgsm", smooth=0.0, taught=0.5),
    Method("fgsm-rs", "fgsm-rs"),
    Method("pgd-2", "pgd", steps=2),
    Method("trades-2", "trades", steps=2, smooth=0.0),
)


def moved(network: nn.Module, x: Tensor, y: Tensor, method: Method) -> Tensor:
    """Images moved as the method asks, against a network in evaluation mode: as it will be attacked."""
    eps = method.eps / 255
    noise = torch.empty_like(x).uniform_(-eps, eps)
    if method.attack == "n-fgsm":  # twice the noise, and nothing is cut but to pixels' range at the end
        start = x + 2 * noise
        return start + eps * uphill(network, start, y).sign()
    if method.attack == "fgsm-rs":
        start = (x + noise).clamp(0, 1)
        return _within(start + 1.25 * eps * uphill(network, start, y).sign(), x, eps)
    target = None
    if method.attack == "trades":
        noise = 0.001 * torch.randn_like(x)
        with torch.no_grad():
            target = F.softmax(network(x).float(), 1)
    now = (x + noise).clamp(0, 1)
    for _ in range(method.steps):
        now = _within(now + method.step / 255 * uphill(network, now, y, target).sign(), x, eps)
    return now


def uphill(network: nn.Module, x: Tensor, y: Tensor, target: Tensor | None = None) -> Tensor:
    """The gradient of cross-entropy, or of the divergence from ``target`` (N, classes), to the images."""
    x = x.detach().requires_grad_(True)
    logits = network(x).float()
    if target is None:
        loss = F.cross_entropy(logits, y, reduction="sum")
    else:
        loss = F.kl_div(F.log_softmax(logits, 1), target, reduction="sum")
    return torch.autograd.grad(loss, x)[0]


def _within(moved: Tensor, x: Tensor, eps: float) -> Tensor:
    return torch.minimum(torch.maximum(moved, x - eps), x + eps).clamp(0, 1).detach()


def asked(x: Tensor, y: Tensor, method: Method, teacher: nn.Module | None, classes: int = 10) -> Tensor:
    """What is asked for (N, classes): labels, smoothed, or mixed with a teacher's answers at heat 2."""
    own = (y[:, None] == torch.arange(classes, device=y.device)).float()
    wanted = own * (1 - method.smooth) + method.smooth / classes
    if method.taught and teacher is not None:
        with torch.no_grad():
            answers = F.softmax(teacher(x).float() / 2, 1)
        wanted = (1 - method.taught) * wanted + method.taught * answers
    return wanted


def loss(network: nn.Module, x: Tensor, y: Tensor, method: Method, teacher: nn.Module | None) -> Tensor:
    """The loss of one batch; leaves the network in training mode."""
    network.eval()
    near = x if method.attack == "none" else moved(network, x, y, method)
    wanted = asked(x, y, method, teacher)
    network.train()
    if method.attack != "trades":
        return F.cross_entropy(network(near.detach()).float(), wanted)
    calm, hit = network(x).float(), network(near).float()
    apart = F.kl_div(F.log_softmax(hit, 1), F.softmax(calm, 1), reduction="batchmean")
    return F.cross_entropy(calm, wanted) + method.beta * apart
