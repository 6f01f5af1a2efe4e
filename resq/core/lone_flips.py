"""Whether flips add up: many do what each does alone, unless copies or a code undo one that is. No torch."""

from __future__ import annotations

from resq.core.encoding import Encoding

# Guards that read every word by itself, and one flip of it as one.
WORD_BY_WORD = ("", "cep", "limits")
UNDONE = (
    "copies and codes undo a flip that is alone, so what flips of one bit plane do together tells nothing of "
    "a bit error rate of all bits"
)


def add_up(encoding: Encoding) -> bool:
    """Whether a layer's flips at a small rate do together what each of them does alone.

    Not where words are stored several times or are checked: what is read wrong there comes from flips that
    meet, and how many meet grows with the square of the rate or faster. Of words whose top bits are stored
    three times they do: at a rate of 1e-3 the tripled bits bring a twentieth of the weights' squared change.

    Args:
        encoding: of one layer, see ``Encoding.of``.

    >>> [add_up(Encoding.parse(name)) for name in ("int8", "int4-tmr2", "int8-cep", "int8-x3", "int8-secded")]
    [True, True, True, False, False]
    """
    return encoding.copies == 1 and encoding.guard in WORD_BY_WORD


def add_up_everywhere(encoding: Encoding) -> bool:
    """Whether they do in every layer.

    >>> add_up_everywhere(Encoding.parse("int8+int8-x3@10"))
    False
    """
    return all(add_up(part) for part in (encoding.base, encoding.other) if part is not None)
