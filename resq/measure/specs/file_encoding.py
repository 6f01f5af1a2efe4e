"""How the words of a deployed file are stored, where somebody names it: as in the file, or in another memory.

``SweepSpec`` takes int8, the default of its field, for a file's own words. Where it is named it means affine
codes of 8 bits, which are the words of a uint8 file alone.
"""

from __future__ import annotations

from pathlib import Path

from resq.core import Encoding
from resq.core.errors import ResqError
from resq.deployed import guarded, words
from resq.deployed import network as deployed
from resq.measure.specs.sweep_spec import AS_STORED, SweepSpec


def named(file: str, encoding: str) -> str:
    """The encoding of a file's words as a ``SweepSpec`` has it.

    Args:
        encoding: what was named; "" for nothing, then the words are the file's own.

    Raises:
        ResqError: int8 was named, and the file has other words.

    >>> named("net.onnx", ""), named("net.onnx", "int8-symmetric-secded")
    ('as stored', 'int8-symmetric-secded')
    """
    if encoding in ("", AS_STORED):
        return AS_STORED
    how = str(Encoding.parse(encoding))
    if how != SweepSpec.encoding:
        return how
    own = guarded.own_code(words.chosen(deployed.read(file)[1].stored, "weights"), Path(file).name)
    if str(own) != how:
        raise ResqError(
            f"{Path(file).name} stores words of {own}, got {encoding}; where no encoding is named its own "
            f"words flip, and {own}-secded is one that they can lie in"
        )
    return AS_STORED
