"""The values that every room understands. Imports no torch and nothing else of this project.

types: data sets, layouts, bit flips, quantized tensors. encoding: how a weight is stored. lone_flips: where
flips add up. validation: checks of what people write. seeds: random streams with a name. paths, files: where
things lie, how they are written.
"""

from resq.core.encoding import CODES, FLOATS, Encoding
from resq.core.types import (
    BitFlips,
    Dataset,
    DataSource,
    Layout,
    QuantizedModel,
    QuantizedTensor,
)
from resq.core.validation import lookup

__all__ = [
    "CODES",
    "FLOATS",
    "BitFlips",
    "DataSource",
    "Dataset",
    "Encoding",
    "Layout",
    "QuantizedModel",
    "QuantizedTensor",
    "lookup",
]
