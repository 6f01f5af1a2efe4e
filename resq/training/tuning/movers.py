"""How a training batch is moved against a network. Add a way: a function of the same form, a line in MOVERS.

Sources: PGD, Madry et al. 2018, arXiv:1706.06083; one step of 1.25 eps from a random point, Wong et al. 2020,
arXiv:2001.03994; N-FGSM, de Jorge et al. 2022, arXiv:2202.01181; TRADES, Zhang et al. 2019, arXiv:1901.08573.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resq.attacks.gradient import gradient, pgd, uniform
from resq.core import lookup
from resq.training.tuning.stage import Options

# (network, images in [0, 1], labels, options, random stream) -> moved images
Mover = Callable[[nn.Module, Tensor, Tensor, Options, np.random.Generator], Tensor]
NEAR = 0.001  # standard deviation of the noise that TRADES begins with: at the image its gradient is nought


def stepped(network: nn.Module, x: Tensor, y: Tensor, options: Options, rng: np.random.Generator) -> Tensor:
    """PGD from a random start; a single step is 1.25 eps long.

    ``x`` and the result are (N, 3, H, W) float32 in [0, 1], ``y`` int64 (N,).
    """
    steps, eps = options["steps"], options["eps"] / 255
    step = 1.25 * eps if steps == 1 else options["step"] / 255
    return pgd(network, x, y, eps, rng=rng, steps=steps, step=step, early_stop=False)


def noisy(network: nn.Module, x: Tensor, y: Tensor, options: Options, rng: np.random.Generator) -> Tensor:
    """N-FGSM: one step of eps from a point within twice eps, and nothing is cut: up to three eps away.

    ``x`` and the result are (N, 3, H, W) float32, ``y`` int64 (N,).

    That a step is not cut back keeps a network from learning to resist single steps alone, at two passes.
    """
    eps = options["eps"] / 255
    start = x + uniform(x, 2 * eps, rng)
    return start + eps * gradient(network, start, y).sign()


def apart(network: nn.Module, x: Tensor, y: Tensor, options: Options, rng: np.random.Generator) -> Tensor:
    """TRADES: steps up the divergence of the moved images' answers from the unmoved ones'."""
    eps, step = options["eps"] / 255, options["step"] / 255
    with torch.no_grad():
        answers = network(x).float().softmax(1)
    noise = rng.standard_normal(tuple(x.shape), dtype=np.float32)
    x_adv = x + NEAR * torch.from_numpy(noise).to(x.device)
    for _ in range(options["steps"]):
        x_adv = x_adv.detach().requires_grad_()
        slope = torch.autograd.grad(divergence(network(x_adv).float(), answers, "sum"), x_adv)[0]
        ahead = x_adv.detach() + step * slope.sign()
        x_adv = torch.minimum(torch.maximum(ahead, x - eps), x + eps).clamp(0, 1)
    return x_adv


def divergence(logits: Tensor, answers: Tensor, reduction: str = "batchmean") -> Tensor:
    """The Kullback-Leibler divergence of ``logits``' answers from the probabilities ``answers``, (N, C)."""
    return F.kl_div(logits.log_softmax(1), answers, reduction=reduction)


MOVERS: dict[str, Mover] = {"pgd": stepped, "n-fgsm": noisy, "trades": apart}


def moved(network: nn.Module, x: Tensor, y: Tensor, options: Options, rng: np.random.Generator) -> Tensor:
    """Images moved as ``options["method"]`` says, by PGD where it is silent.

    ``x`` and the result are (N, 3, H, W) float32, ``y`` int64 (N,).

    Raises:
        ValueError: no such method.
    """
    move = lookup("method", options.get("method", "pgd"), MOVERS)
    learning = network.training
    network.eval()  # as it will be attacked, and so that no batch statistic comes from the search
    x_adv = move(network, x, y, options, rng).detach()
    network.train(learning)
    return x_adv
