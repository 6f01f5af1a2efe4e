"""Options that would change nothing of what is measured: refused, of a deployed file and of a checkpoint."""

from __future__ import annotations

import argparse
from typing import Any

from resq import cli
from resq.core.errors import ResqError
from resq.deployed import network as deployed

PIXELS = {"range", "mean", "std", "layout", "classes", "size"}
OF_FILE = {"data", "targets", *PIXELS}
_EVALUATE = {"n", "bits", "encoding", "ber", "maps", "fault", "layers", "planes", "eps", "attack", "steps",
             "restarts", "sample", "top", "seed", "metric", *OF_FILE}  # fmt: skip
_MAPPED = {"n", "seed", "measured", "out", "stream", *OF_FILE}
# Command -> what it reads of a deployed file, by the names of its options; all others would change nothing.
READ: dict[str, set[str]] = {
    "evaluate": _EVALUATE,
    "sweep": {*_EVALUATE, "mode", "joint", "device", "precision", "half_width", "out", "stream", "missing"},
    "sensitivity": {*_MAPPED},
    "sensitivity --measured": {*_MAPPED, "maps", "share", "singles"},
    "guards": {"n", "seed", "out", "eps", "steps", *OF_FILE},
    "bfa": {"n", "seed", "out", "flips", "test", *OF_FILE},
    "flip": {"layer", "weight", "bits", "image", "stream", *OF_FILE},
    "protect": {"ber", "keep", "bits", "time", "batch", "plain", "fault", "n", "maps", "test", "test_maps",
                "data", "out", *PIXELS},
    "overhead": {"encodings", "data", "out", *PIXELS},
}  # fmt: skip
WHY = {
    "sensitivity": "it is estimated from the gradients of its twin, its words as stored; --measured flips "
    "bits on its runtime and takes --maps, --share and --singles",
    "sensitivity --measured": "its words flip as stored, and the loss of its runtime is measured on the "
    "processor",
    "guards": "it is attacked as it is stored",
    "bfa": "the bits searched are those of its words as stored, on the processor",
    "flip": "bits of one word flip as the file stores it; sweep FILE --ber flips them at a rate",
}
# Command -> what it reads of a deployed file alone: a checkpoint's card says it, or there is no such thing.
OF_FILES_ALONE: dict[str, set[str]] = {
    "evaluate": {"classes", "size"},
    "sweep": {"classes", "size"},
    "sensitivity": {"singles", "targets", *PIXELS},
    "guards": OF_FILE,
    "bfa": OF_FILE,
    "flip": {"stream", *OF_FILE},
    "protect": {"classes", "size"},
    "overhead": {"classes", "size"},
}


def refuse(arguments: argparse.Namespace) -> None:
    """Refuses options that differ from their default and that the command does not read of such a network.

    Args:
        arguments: of a command, as they were parsed.

    Raises:
        ResqError: one of them; the sentence says which and what is read instead.
    """
    name = getattr(arguments, "checkpoint", None)
    if not isinstance(name, str) or arguments.command not in READ or name.endswith(".toml"):
        return
    how = f"{arguments.command} --measured" if getattr(arguments, "measured", False) else arguments.command
    if deployed.is_file(name):
        left = [flag for dest, flag in _given(arguments) if dest not in READ[how]]
        kind, why = "a deployed file", WHY.get(how, "it would change nothing")
    else:
        alone = OF_FILES_ALONE[arguments.command]
        left = [flag for dest, flag in _given(arguments) if dest in alone and not _own_data(arguments, dest)]
        kind, why = "a checkpoint", "that is said of a deployed file, where it does not say it itself"
    if left:
        raise ResqError(f"{arguments.command} takes no {', '.join(left)} of {kind}, got {name:.200}: {why}")


def _given(arguments: argparse.Namespace) -> list[tuple[str, str]]:
    """(name, flag) of each option of the command whose value is not its default."""
    parser = argparse.ArgumentParser(add_help=False)
    cli.module(arguments.command).add(parser)
    flags: dict[str, str] = {}
    for action in parser._actions:
        default: Any = parser.get_default(action.dest)
        if action.option_strings and getattr(arguments, action.dest) != default:
            flags[action.dest] = action.option_strings[0]
    return list(flags.items())


def _own_data(arguments: argparse.Namespace, name: str) -> bool:
    """Whether an option only names the data set that the checkpoint was trained on."""
    return name == "data" and arguments.data == arguments.checkpoint.split("/")[0]
