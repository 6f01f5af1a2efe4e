"""What cannot be done with a deployed file, each in a sentence that says why and what can be done instead."""

from __future__ import annotations

import argparse

from resq.core.errors import ResqError
from resq.deployed import network as deployed

# Command -> why it takes checkpoints alone, and what answers the question of a file.
UNABLE = {
    "confusion": "which class becomes which is counted for checkpoints alone; sweep FILE --data NAME "
    "--metric sdc1 says how many of its answers flipped bits change",
    "embed": "a runtime gives answers and no features, so there is nothing to place pictures by; sweep FILE "
    "--data NAME measures it",
    "card": "the protocol of a card needs gradients and the encodings of this lab, which a runtime has not; "
    "sweep FILE --data NAME --ber 0,1e-4,1e-3,1e-2 measures it, report writes it down",
    "harden": "training needs gradients of a network in floats, and a runtime gives none; harden the network "
    "that it was made of, quantize it again, and measure both files with sweep",
    "train": "a file is measured as it is and never trained; inspect FILE says what is in it",
    "asymmetry": "it compares hardened versions that this lab trains",
    "singles": "which flips are tried is decided by gradients of a network in torch; sensitivity FILE "
    "--measured --singles 12 flips words of its worst cells alone",
    "show": "inspect FILE says what is in it",
    "claims": "claims are about networks of this lab; sweep FILE --data NAME measures this one",
}
WHERE = ("checkpoint", "base", "target", "only", "claim", "recipe")


def refuse(arguments: argparse.Namespace) -> None:
    """Says so before anything is opened.

    Raises:
        ValueError: a deployed file, and a command that takes none.
    """
    why = UNABLE.get(arguments.command)
    if why and (file := _file(arguments)):
        raise ResqError(f"{arguments.command} does not take a deployed file, got {file:.200}: {why}")


def _file(arguments: argparse.Namespace) -> str:
    """The first word that is the name of a deployed file."""
    values = (getattr(arguments, where, None) for where in WHERE)
    return next((w for w in values if isinstance(w, str) and deployed.is_file(w)), "")
