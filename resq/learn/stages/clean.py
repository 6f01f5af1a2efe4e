"""Continued training on the clean images: what the other stages are compared with."""

from __future__ import annotations

from resq.learn.stages.frame import TRAINING, Options, Outcome, Site, Stage
from resq.learn.stages.tune import tuned
from resq.learn.train import cross_entropy


def clean(site: Site, options: Options) -> Outcome:
    """The network after more epochs of plain cross-entropy."""
    return tuned(site, options, lambda run: cross_entropy)


STAGE = Stage("more epochs on clean images, nothing else", clean, TRAINING)
