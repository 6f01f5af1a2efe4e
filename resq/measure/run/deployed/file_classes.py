"""Whether the labels of images are those of a deployed file: as many classes, in its own order. No torch."""

from __future__ import annotations

from resq.core import Dataset
from resq.core.errors import ResqError
from resq.data import own
from resq.deployed.network import Network


def check(network: Network, whole: Dataset, name: str) -> None:
    """Nothing, where a file can be right on images of this set.

    Args:
        whole: images with their classes; ``name``: what a person calls them.

    Raises:
        ResqError: the file knows another number of classes, or says that it has them in another order.
    """
    if network.classes != len(whole.classes) and not _unnamed(whole, network.classes):
        raise ResqError(
            f"{network.file.name} tells {network.classes} classes apart; {name} has {len(whole.classes)}"
        )
    _same_order(network, whole.classes)


def _same_order(network: Network, classes: tuple[str, ...]) -> None:
    """Refuses images whose classes are the file's own in another order: every label would be another one."""
    plain = [[label.strip().lower() for label in labels] for labels in (network.parsed.labels, classes)]
    if plain[0] != plain[1] and sorted(plain[0]) == sorted(plain[1]):
        order = dict(zip(plain[1], classes, strict=True))
        raise ResqError(
            f"{network.file.name} has the classes of the images in another order, as its metadata say; say "
            f"--classes {','.join(order[label] for label in plain[0]):.300}"
        )


def _unnamed(whole: Dataset, outputs: int) -> bool:
    """Whether the classes are mere numbers, of which the labels need not show all that the network knows."""
    return own.numbered(whole.classes) and len(whole.classes) < outputs
