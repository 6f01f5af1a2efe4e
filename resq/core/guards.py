"""Guards by name: what is checked or limited when words are read, and what is stored for it. No torch.

How words are stored and read under each of them is in ``memory.guards``, one file each.
"""

from __future__ import annotations

from dataclasses import dataclass

from resq.core import registries
from resq.core.errors import ResqError

ROW = 64  # data bits of a row of memory that one SEC-DED code covers
LIMIT_COPIES = 15  # how often a layer's limit is stored: a wrong one changes every weight of the layer
INTEGERS, FLOATING = ("affine", "symmetric", "magnitude"), ("fp32", "fp16", "bf16")


@dataclass(frozen=True)
class Guard:
    """What a guard stores and of which words it can be.

    Attributes:
        about: one sentence with its source.
        codes, widths: of the words that it takes.
        group: weights that share what is stored for them; 0, as many as a row of 64 bits holds; -1, a layer.
        bits: stored for each group; 0 where it needs no memory; -1, a SEC-DED code of one word.
        one: what a single flipped bit is read as: "right", corrected; "mset", corrected in three places; or
            "open", it depends on the word.
        tripled: whether words whose top bits are stored three times can be guarded too.
    """

    about: str
    codes: tuple[str, ...]
    widths: tuple[int, ...]
    group: int
    bits: int
    one: str
    tripled: bool = True

    def checks(self, n: int, width: int) -> tuple[int, int]:
        """(words, bits of each) stored beside ``n`` words of ``width`` bits.

        >>> GUARDS["secded"].checks(432, 8), GUARDS["spw"].checks(432, 8), GUARDS["radar512"].checks(432, 8)
        ((54, 8), (432, 5), (1, 2))
        """
        if not self.bits:
            return 0, 0
        if self.group < 0:
            return LIMIT_COPIES, width
        per_check = self.group or ROW // width
        return -(-n // per_check), self.bits if self.bits > 0 else hamming_checks(width)


def hamming_checks(data: int) -> int:
    """Check bits of an extended Hamming code (SEC-DED) over so many data bits.

    >>> [hamming_checks(data) for data in (4, 8, 16, 32, 57, 64)]
    [4, 5, 6, 7, 7, 8]
    """
    r = 2
    while 2**r < data + r + 1:
        r += 1
    return r + 1


_ROWS = (4, 8, 16, 32)
GUARDS: dict[str, Guard] = {
    "secded": Guard(
        "Rows of 64 bits with 8 check bits (extended Hamming): one flip is undone, two are left.",
        (*INTEGERS, *FLOATING), _ROWS, 0, 8, "right",
    ),
    "secded0": Guard(
        "As secded; where two flips of a row are found, all its weights are read as zero.",
        (*INTEGERS, *FLOATING), _ROWS, 0, 8, "right",
    ),
    "spw": Guard(
        "A SEC-DED code for every weight: one flip is undone, more that are found make it zero "
        "(arXiv:2508.12347).",
        (*INTEGERS, *FLOATING), _ROWS, 1, -1, "right",
    ),
    "inplace": Guard(
        "SEC-DED in the free bits of eight int8 words, seven of which lie in -64..63 (arXiv:1910.14479).",
        ("symmetric",), (8,), 8, 0, "right", False,
    ),
    "mset": Guard(
        "Two copies of the top exponent bit in the two lowest bits of a word (arXiv:2605.07417, MSET).",
        FLOATING, (16, 32), 1, 0, "mset",
    ),
    "cep": Guard(
        "The low bits of a word hold a parity bit for every three others; wrong threes are read as 000 "
        "(arXiv:2605.07417, CEP).",
        ("affine", "magnitude", *FLOATING), (8, 16, 32), 1, 0, "open", False,
    ),
    **{
        f"radar{size}": Guard(
            f"A two-bit signature for every {size} weights, which are read as zero where it differs "
            "(arXiv:2101.08254).",
            INTEGERS, (8,), size, 2, "open",
        )
        for size in (8, 32, 128, 512)
    },
    "limits": Guard(
        "Weights beyond the largest of their layer are read as that one, no number as zero "
        "(clipping, after arXiv:2411.19027).",
        FLOATING, (16, 32), -1, 1, "open",
    ),
}  # fmt: skip
registries.note("facts of guard", GUARDS)


def check(guard: str, code: str, width: int, tmr: int, copies: int) -> None:
    """Refuses words that the guard is not for.

    Raises:
        ValueError: no such guard, or not for these words.
    """
    if guard not in GUARDS:
        raise ResqError(f"no guard {guard!r:.40}; known: {', '.join(GUARDS)}")
    facts = GUARDS[guard]
    if code not in facts.codes or width not in facts.widths or (tmr and not facts.tripled) or copies > 1:
        raise ResqError(
            f"{guard} guards words of {_or(facts.widths)} bits stored once, of the codes "
            f"{', '.join(facts.codes)}, got {width}-bit words of {code} stored {copies} times"
            + (f" with {tmr} top bits tripled" if tmr else "")
        )


def _or(widths: tuple[int, ...]) -> str:
    *rest, last = map(str, widths)
    return f"{', '.join(rest)} or {last}" if rest else last
