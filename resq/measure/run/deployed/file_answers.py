"""What a deployed file's numbers say of images: the class, how sure, and whether they are probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from resq.deployed.network import Network

NEARLY = 0.05  # the probabilities of an image sum to one, at most this far off


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers to N images, as ``answers.Answers`` of a network in torch.

    Attributes:
        right, broken: bool (N,), whether the largest number is that of the true class and all are finite;
            whether one is not.
        top: int64 (N,), the class of the largest; ``sure``: float32 (N,), its probability.
        chances: whether the file gives probabilities and not logits.
    """

    right: np.ndarray
    broken: np.ndarray
    top: np.ndarray
    sure: np.ndarray
    chances: bool


def probable(network: Network, answers: np.ndarray) -> bool:
    """Whether a file answers with probabilities: as its graph shows, else as its answers (N, classes) look.

    Rounded to steps of the output's scale, each is half a step off at most.
    """
    shown, step = network.parsed.probabilities, network.parsed.output.scale
    if shown is not None:
        return shown
    off = np.abs(answers.sum(axis=1) - 1)
    return bool((answers >= 0).all() and (off < max(NEARLY, answers.shape[1] / 2 * step)).all())


def answered(logits: np.ndarray, y: np.ndarray, chances: bool) -> Answers:
    """What numbers (N, classes) say of images of the classes y.

    Args:
        chances: whether they are probabilities, as ``probable`` says.
    """
    broken = ~np.isfinite(logits).all(axis=1)
    from scipy import special  # a sweep of a torch network imports this file too, and does without

    shares = logits if chances else special.softmax(np.where(broken[:, None], 0, logits), axis=1)
    top = logits.argmax(axis=1)
    right = (top == y) & ~broken  # what is no number is no answer
    return Answers(right, broken, top, np.take_along_axis(shares, top[:, None], 1)[:, 0], chances)
