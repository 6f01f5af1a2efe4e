"""How a weight lies in memory: code, width, scales, copies; and the names that say so. No torch."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from resq.core import guards
from resq.core.errors import ResqError
from resq.core.validation import lookup

FLOATS = {"fp32": 32, "fp16": 16, "bf16": 16}
CODES = ("affine", "symmetric", "magnitude", *FLOATS)
MOST_COPIES = 99
BESIDE = ("fp32", "folded")
IMPORTED = "as-imported"  # the words that a file from elsewhere brought, whatever their scales


@dataclass(frozen=True)
class Encoding:
    """How a weight lies in memory: its code, its width, its protection.

    Attributes:
        bits: 2..8 for integer codes; 32 or 16 for floating-point words.
        code: "affine" (unsigned, with a zero point), "symmetric" (two's complement, -max..max),
            "magnitude" (sign bit and magnitude), the words "fp32", "fp16", "bf16" as they are, or
            "as-imported", the codes that a file from elsewhere brought, with its scales and zero points.
        per: one scale "channel" (of a weight's first axis: of outputs, but of a transposed convolution of
            inputs) or "tensor".
        tmr: how many of the top bits are stored three times and read by majority.
        copies: how often the whole word is stored; each bit is read by majority. An odd number up to 99: a
            memory for few, small layers.
        clip: "minmax", the range of the weights; or "mse", the narrower range with the least squared error,
            which few bits want.
        apart: numbers of the layers, in network order, whose weights are stored as ``other`` says: integer
            codes in words of the same length, which may be stored more often.
        beside: how the numbers beside the words are stored, the scales, zero points, norms and biases:
            "fp32", words of single precision; or "folded", norms folded into what stands before them and
            16-bit integers (``memory.beside``).
        beside_copies: how often they are stored; each bit is read by majority.
        guard: what checks or limits words when they are read, a name of ``core.guards``; "" for nothing.
        ranger: whether activations are cut to the range that training images show (Ranger, arXiv:2003.13874).

    >>> Encoding.parse("int4-tmr2").word_bits, str(Encoding(8, "symmetric", "tensor"))
    (8, 'int8-symmetric-tensor')
    >>> mixed = Encoding.parse("int8+int4-tmr2@0-2.20")
    >>> mixed.apart, str(mixed.of(0)), str(mixed.of(3))
    ((0, 1, 2, 20), 'int4-tmr2', 'int8')
    >>> Encoding.parse("int8+int8-x9@0").memory([10, 90])
    14.4
    >>> deployed = Encoding.parse("int4-tmr2+folded9")
    >>> deployed.beside, deployed.beside_copies, str(deployed.word)
    ('folded', 9, 'int4-tmr2')
    >>> guarded = Encoding.parse("int8-secded+ranger")
    >>> guarded.guard, guarded.ranger, guarded.word_bits, guarded.memory([64])
    ('secded', True, 8, 9.0)
    """

    bits: int = 8
    code: str = "affine"
    per: str = "channel"
    tmr: int = 0
    clip: str = "minmax"
    copies: int = 1
    apart: tuple[int, ...] = ()
    other: Encoding | None = None
    beside: str = "fp32"
    beside_copies: int = 1
    guard: str = ""
    ranger: bool = False

    def __post_init__(self) -> None:
        self._check_beside()
        if self.other is not None:
            self._check_other(self.other)
        if self.code != IMPORTED:
            lookup("code", self.code, dict.fromkeys(CODES))
        if self.per not in ("channel", "tensor"):
            raise ResqError(f"scales are per channel or per tensor, got {self.per!r}")
        if self.clip not in ("minmax", "mse"):
            raise ResqError(f"the range is minmax or mse, got {self.clip!r}")
        if self.code in FLOATS:
            plain = (FLOATS[self.code], 0, "channel", "minmax", 1)
            if (self.bits, self.tmr, self.per, self.clip, self.copies) != plain:
                raise ResqError(
                    f"{self.code} words have {FLOATS[self.code]} bits, no copies and no scale, "
                    f"got bits {self.bits}, tmr {self.tmr}, per {self.per!r}"
                )
        elif not 2 <= self.bits <= 8:
            raise ResqError(f"integer codes have 2 to 8 bits, got {self.bits}")
        elif self.code == IMPORTED and replace(self, code="affine") != Encoding(self.bits):
            raise ResqError(f"{IMPORTED} words are those of a file, without copies or a range of their own")
        elif not 0 <= self.tmr <= min(2, self.bits):
            raise ResqError(f"0, 1 or 2 top bits can be stored three times, got {self.tmr}")
        if self.copies not in range(1, MOST_COPIES + 1, 2):
            raise ResqError(
                f"words are stored an odd number of times up to {MOST_COPIES}, so that a majority decides, "
                f"got {self.copies}"
            )
        if self.guard:
            guards.check(self.guard, self.code, self.word_bits, self.tmr, self.copies)

    @property
    def word_bits(self) -> int:
        """Bits of a stored word, copies of its top bits included."""
        return self.bits + 2 * self.tmr

    @property
    def word(self) -> Encoding:
        """How one word is read, however often it is stored and whatever guards it."""
        plain = self.copies == 1 and not self.guard and self.bare == self
        return self if plain else replace(self.bare, copies=1, guard="")

    @property
    def bare(self) -> Encoding:
        """How the weights are stored, whatever is stored beside them and done with activations."""
        return replace(self, beside="fp32", beside_copies=1, ranger=False)

    def flip_mask(self, bit: int) -> int:
        """XOR mask of the decoded word for one flip of stored bit ``bit``; 0 where that is undone.

        Raises:
            ValueError: what one flip is read as depends on the word, and no mask says it.

        >>> [Encoding.parse(name).flip_mask(7) for name in ("int8", "int8-x3", "int8-secded")]
        [128, 0, 0]
        """
        one = guards.GUARDS[self.guard].one if self.guard else ""
        if one == "open":
            raise ResqError(
                f"what one flipped bit of {self} is read as depends on the words around it: no estimate "
                "from gradients holds; measure it (sweep, bfa, sensitivity --metric pvf)"
            )
        corrected = one == "right" or (one == "mset" and bit in (0, 1, self.bits - 2))
        return 0 if corrected or self.copies > 1 else 1 << bit

    def memory(self, sizes: Sequence[int]) -> float:
        """Stored bits per weight of a network with layers of these sizes: the bits that faults can reach."""
        return sum(self.of(i).stored_bits(n) for i, n in enumerate(sizes)) / sum(sizes)

    def checks(self, n: int) -> tuple[int, int]:
        """(words, bits of each) that the guard stores beside ``n`` words; (0, 0) without one."""
        return guards.GUARDS[self.guard].checks(n, self.word_bits) if self.guard else (0, 0)

    def stored_bits(self, n: int) -> int:
        """Bits that ``n`` weights of one layer take, copies and what guards them included."""
        check_words, width = self.checks(n)
        return n * self.word_bits * self.copies + check_words * width

    def _check_beside(self) -> None:
        lookup("form of what is stored beside the words", self.beside, dict.fromkeys(BESIDE))
        if self.beside_copies not in range(1, MOST_COPIES + 1, 2):
            raise ResqError(
                f"what is beside the words is stored an odd number of times up to {MOST_COPIES}, so that a "
                f"majority decides, got {self.beside_copies}"
            )
        if self.beside == "folded" and (self.code in FLOATS or self.per != "channel"):
            raise ResqError(
                f"norms are folded into the scales of integer codes per channel, got {self.code} {self.per}"
            )

    def _check_other(self, other: Encoding) -> None:
        widths = f"{self.word_bits}-bit and {other.word_bits}-bit words"
        if other.other or {self.code, other.code} & set(FLOATS) or self.word_bits != other.word_bits:
            raise ResqError(
                "layers of two encodings want integer codes in words of one length, such as "
                f"int8+int4-tmr2@0.20, got {widths} of {self.code} and {other.code}"
            )
        if self.base.bare == other:
            raise ResqError(f"layers stored apart are stored in another encoding, got {other} for both")
        if not self.apart or list(self.apart) != sorted(set(self.apart)) or self.apart[0] < 0:
            raise ResqError(f"layers stored apart are ascending numbers from 0 on, got {self.apart}")

    def of(self, layer: int) -> Encoding:
        """How the weights of the layer of this number are stored."""
        if self.other is None:
            return self
        if layer not in self.apart:
            return self.base
        return replace(self.other, beside=self.beside, beside_copies=self.beside_copies)

    @property
    def once(self) -> Encoding:
        """The words alone, stored once: copies, guards and what lies beside them make them from no others.

        >>> [str(Encoding.parse(name).once) for name in ("int4-tmr2-x3+folded9", "int4-tmr2-secded+ranger")]
        ['int4', 'int4']
        """
        return replace(self, tmr=0, copies=1, beside="fp32", beside_copies=1, guard="", ranger=False)

    @property
    def base(self) -> Encoding:
        """How the layers that are not stored apart are stored."""
        return replace(self, apart=(), other=None)

    def __str__(self) -> str:
        if self.ranger:
            return f"{replace(self, ranger=False)}+ranger"
        if self.bare != self:
            form = "floats" if self.beside == "fp32" else self.beside
            return f"{self.bare}+{form}{self.beside_copies if self.beside_copies > 1 else ''}"
        if self.other is not None:
            return f"{self.base}+{self.other}@{_spans(self.apart)}"
        if self.code in FLOATS:
            return "-".join([self.code, *[self.guard] * bool(self.guard)])
        if self.code == IMPORTED:
            return IMPORTED if self.bits == 8 else f"{IMPORTED}-int{self.bits}"
        options = [self.code] * (self.code != "affine") + [self.per] * (self.per != "channel")
        options += [self.clip] * (self.clip != "minmax")
        options += [f"tmr{self.tmr}"] * bool(self.tmr) + [f"x{self.copies}"] * (self.copies > 1)
        options += [self.guard] * bool(self.guard)
        return "-".join([f"int{self.bits}", *options])

    @staticmethod
    def parse(text: str) -> Encoding:
        """The encoding of a name such as int8, int8-symmetric-tensor, int4-tmr2, fp32, int8+int4-tmr2@0-2.20.

        After a plus may follow how what is beside the words is stored: floats9 (nine times), folded, folded9;
        and ranger, where activations are cut to their range.

        Raises:
            ValueError: not such a name.
        """
        if text.endswith("+ranger"):
            return replace(Encoding.parse(text.removesuffix("+ranger")), ranger=True)
        if suffix := re.fullmatch(r"(.+)\+(floats|folded)([1-9]\d?)?", text):
            form = {"floats": "fp32"}.get(suffix[2], suffix[2])
            return replace(Encoding.parse(suffix[1]), beside=form, beside_copies=int(suffix[3] or 1))
        if "+" in text:
            return _mixed(text)
        code, _, guard = text.partition("-")
        if code in FLOATS and (guard in guards.GUARDS or text == code):
            return Encoding(FLOATS[code], code, guard=guard)
        if match := re.fullmatch(rf"{IMPORTED}(?:-int([2-7]))?", text):
            return Encoding(int(match[1] or 8), IMPORTED)
        head, *options = text.split("-")
        meaning: dict[str, tuple[str, str | int]] = {
            **{code: ("code", code) for code in CODES if code not in FLOATS},
            **{per: ("per", per) for per in ("channel", "tensor")},
            **{f"tmr{n}": ("tmr", n) for n in (1, 2)},
            "mse": ("clip", "mse"),
            **{f"x{n}": ("copies", n) for n in range(3, MOST_COPIES + 1, 2)},
            **{name: ("guard", name) for name in guards.GUARDS},
        }
        fields = dict(meaning[option] for option in options if option in meaning)
        # An unknown option, or two that contradict each other, leave fewer fields than options.
        if len(fields) < len(options) or not (head.startswith("int") and head[3:].isdecimal()):
            raise ResqError(
                f"no encoding {text!r}; expected fp32, fp16, bf16 or int2..int8 followed by any of "
                "-symmetric, -magnitude, -tensor, -mse, -tmr1, -tmr2, -x3, -x5 … -x99 (words stored so many "
                f"times), such as int8, int8-symmetric-tensor, int4-tmr2, int8-x9, and then +floats3 … or "
                f"+folded, +folded3 … (the scales, norms and biases beside the words); or {IMPORTED}, for "
                "networks that were imported as codes"
            )
        return Encoding(bits=int(head[3:]), **fields)  # type: ignore[arg-type]


@cache
def of_floats(name: str) -> bool:
    """Whether the encoding of this name has floating-point words, whatever guards them and lies beside them.

    Of what is no name of an encoding it is False, such as of a deployed file's words.

    >>> [of_floats(name) for name in ("fp16", "fp32-limits", "fp16+ranger", "bf16+floats9", "int8-secded")]
    [True, True, True, True, False]
    """
    try:
        return Encoding.parse(name).code in FLOATS
    except ResqError:
        return False


def _mixed(text: str) -> Encoding:
    """The encoding of a name such as int8+int4-tmr2@0-2.20."""
    base, _, rest = text.partition("+")
    other, _, where = rest.partition("@")
    if not re.fullmatch(r"\d{1,4}(-\d{1,4})?(\.\d{1,4}(-\d{1,4})?)*", where):
        raise ResqError(
            f"no encoding {text!r}; expected the numbers of the layers stored apart after @, "
            "such as int8+int4-tmr2@0-2.20"
        )
    ends = [[int(end) for end in part.split("-")] for part in where.split(".")]
    if any(after <= before for before, after in itertools.pairwise(end for part in ends for end in part)):
        # before they are written out: a text may ask for the same thousands again and again
        raise ResqError(f"layers stored apart are ascending numbers from 0 on, got {where!r:.60}")
    apart = [number for first, *last in ends for number in range(first, (last or [first])[0] + 1)]
    return replace(Encoding.parse(base), apart=tuple(apart), other=Encoding.parse(other))


def _spans(numbers: tuple[int, ...]) -> str:
    """Ascending numbers, neighbours as first-last: (0, 1, 2, 20) is 0-2.20."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ".".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
