"""A trial of imported weights on all test images, before their card is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from resq import checkpoints, data
from resq.importers import ImportedWeights, draft, whole
from resq.measure.run import accuracy
from resq.measure.run.normals import of_network as normals

FAR_BELOW = 0.8  # of the best other network of this kind: then what was assumed of the file may be wrong


def tested(
    name: str, imported: ImportedWeights, about: dict[str, Any], file: Path, float_activations: bool
) -> dict[str, Any]:
    """Accuracy on all test images of the weights as they are kept, or why there is none.

    Args:
        name: data/network/variant of the checkpoint to be.
        about: what its card says so far.
        file: where the weights came from.
        float_activations: import a file that quantizes activations although it is right on other images.

    Raises:
        ValueError: it is, and that was not asked for.
    """
    try:
        images = data.load(name.split("/")[0], "test")
    except FileNotFoundError:
        return {"measured": f"not measured: no {name.split('/')[0]} images on this machine"}
    with draft.draft(name, imported, about) as draft_file:
        checkpoint = checkpoints.load(str(draft_file))
        result = whole.compared(file, imported, checkpoint, images, float_activations)
        result["test"] = accuracy.on_split(checkpoint)
        other = normals.other(checkpoint, images)
    notes = [note for note in (str(other) if other else "", doubt(name, result["test"])) if note]
    return {**result, "notes": notes} if notes else result


def doubt(name: str, test: dict[str, Any]) -> str:
    """A sentence where the accuracy is far below that of other networks of this kind."""
    row = name.rpartition("/")[0] + "/"
    others = {n: checkpoints.card(n).get("test", {}).get("accuracy", 0) for n in checkpoints.names()
              if n.startswith(row) and n != name}  # fmt: skip
    best = max(others, key=lambda n: others[n], default="")
    if not best or test["accuracy"] > FAR_BELOW * others[best]:
        return ""
    return (
        f"far below the {100 * others[best]:.2f} of {best}: the network's form, its mean and deviation, its "
        "eps or the order of its classes may be others than assumed"
    )
