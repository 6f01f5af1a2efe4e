"""What of a cell is not the project's own, a plugin's or a notebook's, and what that is made of. No torch.

A row of the project's own is known by its weights, its images and the names of the rest, for the names mean
the same on every machine. A name that somebody else gave means what its source says today.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from resq import checkpoints, data
from resq.core import Encoding, registries
from resq.core.errors import ResqError
from resq.data import held_out, normal, order
from resq.deployed import network as deployed
from resq.plugins import sources

if TYPE_CHECKING:
    from resq.measure.specs.cells import Cell

Names = tuple[str, str, str, str, str]
ACTIVATIONS = "activations"  # the fault model that is not of stored weights
RANGER = "+ranger"
TWIN = "twin-"  # before an attack whose examples are made on a file's twin
CALIBRATION = 500  # training images that show the range of activations


def names(cell: Cell) -> Names:
    """What a cell names that somebody may have added: checkpoint, data, encoding, fault, attack."""
    return cell.checkpoint, cell.data, cell.encoding, cell.fault, cell.attack


def parts(named: Names) -> dict[str, Any]:
    """What decides a cell's numbers beside its names, weights and images; empty where all is the project's.

    Args:
        named: as ``names`` gives them.

    Returns:
        Kind -> the digest of the member's source; of a data set that a network is of, also its mean and
        deviation, where the card has none, and the hash of the training images, where activations are cut or
        coded by their range.

    Raises:
        ValueError, FileNotFoundError: those training images cannot be read.
    """
    if next(registries.every_foreign(), None) is None:
        return {}
    checkpoint, dataset, encoding, fault, attack = named
    guards = _guards(encoding)
    of_cell = {
        "data": ("data set", _whole(dataset)),
        "fault": ("fault model", fault),
        "attack": ("attack", attack.removeprefix(TWIN)),
        **{f"guard {name}": ("guard", name) for name in guards},
        **{f"facts of {name}": ("facts of guard", name) for name in guards},
    }
    calibrated = fault == ACTIVATIONS or RANGER in encoding
    return {**_digests(of_cell), **_of_network(checkpoint, calibrated)}


def digest(cells: Iterable[Cell]) -> str:
    """16 hex digits over the ``parts`` of these cells; "" where all is the project's."""
    if next(registries.every_foreign(), None) is None:
        return ""
    return hashed([made_of for named in sorted(set(map(names, cells))) if (made_of := parts(named))])


def hashed(made_of: Any) -> str:
    """16 hex digits over ``parts``, or a list of them; "" where there are none."""
    text = json.dumps(made_of, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16] if made_of else ""


def of_training(network: str, dataset: str, stages: Iterable[str] = ()) -> str:
    """As ``digest``, of a network's training on a data set, by these stages."""
    named = {"network": ("network", network), "data": ("data set", _whole(dataset))}
    return hashed(_digests({**named, **{f"stage {name}": ("stage", name) for name in stages}}))


def _digests(named: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    digests = {part: sources.digest(*name) for part, name in named.items()}
    return {part: one for part, one in digests.items() if one}


def _of_network(checkpoint: str, calibrated: bool) -> dict[str, Any]:
    """The parts of a checkpoint's network and of the data set that it is of; none of a deployed file."""
    if deployed.is_file(checkpoint):
        return {}
    try:
        card = checkpoints.card(checkpoint)
    except ResqError:  # nothing can be measured of what is not here
        return {}
    of = str(card.get("data", ""))
    made_of = _digests({
        "network": ("network", str(card.get("network", ""))), "data of the network": ("data set", _whole(of)),
    })  # fmt: skip
    if "data of the network" in made_of:
        usual = data.source(of)
        made_of["normal"] = None if normal.of_card(card) else [list(usual.mean), list(usual.std)]
        if calibrated:
            made_of["calibrated on"] = _training_images(of, made_of["data of the network"])
    return made_of


@lru_cache(4)
def _training_images(name: str, source: str) -> str:
    """Hash of the training images that show a network's range of activations."""
    images = data.load(name, "train")
    return order.few(images, min(CALIBRATION, len(images))).hash


def _whole(name: str) -> str:
    """The data set that held-out images are of."""
    return name.removesuffix(held_out.SUFFIX)


def _guards(name: str) -> set[str]:
    """The guards of an encoding; none of a file's own words."""
    try:
        encoding = Encoding.parse(name)
    except ResqError:
        return set()
    return {one.guard for one in (encoding, encoding.other) if one is not None and one.guard}
