"""What a card says of how a file from elsewhere was read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resq.data.normal import Normal, to_card

if TYPE_CHECKING:
    from resq.importers import ImportedWeights


def described(brought: ImportedWeights, normal: Normal | None) -> dict[str, Any]:
    """Sentences, and a mean and deviation of its own where there are any.

    Args:
        normal: the normalisation that was asked for; it goes before a Normalize layer of the file.
    """
    how = list(brought.how)
    if normal:
        instead = " instead of the file's own layer" if brought.normal and brought.normal != normal else ""
        how = [sentence for sentence in how if "Normalize layer" not in sentence]
        how.append(f"normalised by {normal}, as asked{instead}")
    return {"names": how, **to_card(normal or brought.normal)}
