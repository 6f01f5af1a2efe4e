"""Whose words a faulty model is read from, so that flips within flips and copies keep what flips already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from torch import nn

from resq import checkpoints
from resq.api import models
from resq.api.kinds import Model
from resq.checkpoints import Checkpoint
from resq.core import BitFlips, Encoding
from resq.core.errors import ResqError
from resq.networks import identity


class Stored(NamedTuple):
    """Whose words a network is read from, how they are stored, and what flips in them already."""

    checkpoint: Checkpoint
    encoding: Encoding
    flips: BitFlips


NO_FLIPS = BitFlips(np.empty(0, np.int64), np.empty(0))
# A faulty network -> its words and what it was then: flips within flips meet them, unless it was changed.
FAULTY: WeakKeyDictionary[nn.Module, tuple[Stored, str]] = WeakKeyDictionary()


def of(model: Model, encoding: str, weights: Sequence[str], default: str = "") -> Stored:
    """The words of a model: those that a faulty one has, else those of a checkpoint or a module.

    Args:
        default: the encoding where none is named; none: as the checkpoint's card says.
    """
    if (stored := _faulty(model)) is not None:
        if weights:
            raise ResqError(
                "weights says which parameters of a module are stored as words; those of this faulty model "
                f"are, {', '.join(stored.checkpoint.weights):.200}, got {', '.join(weights):.80}; layers "
                "says where bits flip"
            )
        if encoding and Encoding.parse(encoding) != stored.encoding:
            raise ResqError(
                f"this model's flips are in words stored as {stored.encoding}; they cannot be in {encoding}"
            )
        return stored
    name = models.name_of(model, weights=weights)
    how = Encoding.parse(encoding or default or checkpoints.default_encoding(name))
    return Stored(checkpoints.load(name), how, NO_FLIPS)


def _faulty(model: Model) -> Stored | None:
    """The words of a faulty model as it was given; None: it is none, or was changed since."""
    if not isinstance(model, nn.Module) or model not in FAULTY:
        return None
    stored, digest = FAULTY[model]
    return stored if identity.digest(model) == digest else None


def both(one: BitFlips, other: BitFlips) -> BitFlips:
    """What two sets of flips do together: a bit that is in both is back."""
    if not len(one):
        return other
    at = np.setxor1d(one.addresses, other.addresses, assume_unique=True)
    return BitFlips(at, np.zeros(len(at)))
