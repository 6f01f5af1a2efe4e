"""What can be asked of a case, and what each question costs. No streamlit.

Those bought stand in the address as words with commas: ``flow,hist-3``; a number is that of a layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from resq.measure.run.mystery import cases


@dataclass(frozen=True)
class Probe:
    """One kind of question.

    Attributes:
        price: points.
        of_layer: whether it is asked of one layer.
        letters: of the cases in which it can be asked.
    """

    title: str
    about: str
    price: int
    of_layer: bool = False
    letters: str = "FH"


PROBES: dict[str, Probe] = {
    "flow": Probe("Which answers became which", "All pictures, their answers before and now.", 5),
    "clean": Probe("Untouched pictures", "Its accuracy on the same pictures straight from the camera.", 10,
                   letters="H"),
    "pixels": Probe("Compare the pixels", "By how much each pixel differs from the camera's.", 15,
                    letters="H"),
    "trace": Probe("Follow the error", "How far every layer's output is off, first to last.", 25),
    "sum": Probe("Checksum", "Whether any word of the layer has changed; not which.", 3, True),
    "hist": Probe("Histogram", "The layer's weights now, beside those that were stored.", 6, True),
    "ones": Probe("Count the ones", "How many words hold a 1 in each bit, before and now.", 8, True),
    "words": Probe("Compare word by word", "How many words changed in each bit, and which way.", 15, True),
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """One question that was bought; ``layer`` is a number of the network's layers, -1 for the whole."""

    name: str
    layer: int = -1

    @property
    def word(self) -> str:
        """As the address holds it."""
        return self.name if self.layer < 0 else f"{self.name}-{self.layer}"


def read(text: str, case: cases.Case, n_layers: int) -> list[Asked]:
    """The questions of an address, in the order in which they were bought; what is none is left out.

    >>> read("flow,hist-3,hist-3,hist-99,clean,x", cases.Case("F", 1), 20)
    [Asked(name='flow', layer=-1), Asked(name='hist', layer=3)]
    """
    return [asked for word in dict.fromkeys(text.split(",")) if (asked := _asked(word, case, n_layers))]


def _asked(word: str, case: cases.Case, n_layers: int) -> Asked | None:
    name, dash, digits = word.partition("-")
    probe = PROBES.get(name)
    if probe is None or case.letter not in probe.letters or bool(dash) != probe.of_layer:
        return None
    if not probe.of_layer:
        return Asked(name)
    number = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 5 else n_layers
    return Asked(name, number) if number < n_layers else None


def written(bought: Sequence[Asked]) -> str:
    """The questions as an address holds them; ``read`` reads them."""
    return ",".join(asked.word for asked in bought)


def cost(bought: Sequence[Asked]) -> int:
    """Their price together, in points."""
    return sum(PROBES[asked.name].price for asked in bought)
