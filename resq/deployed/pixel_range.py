"""What a quantized input says of the pixels that it is meant for: which numbers black and white become.

A quantizer says it where it spans one of the ranges in use. A symmetric one, whose zero point is the middle
of its codes, says the largest magnitude alone: pixels from 0 to 1 and from -1 to 1 give the same scale.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from resq.deployed.words import RefusedError, Tensor, middle

# Ranges of pixels that are in use; a quantized input that spans one of them says that it is meant.
RANGES = ((0.0, 255.0), (0.0, 1.0), (-1.0, 1.0), (-128.0, 127.0))
APART = 0.1  # of an input's span: calibration cuts a little off what metadata say, never so much
# Pixels as asked and what an input spans have this share of the wider one in common, or one of them is of
# another kind: 0 to 1 and 0 to 255 have a 255th.
FITS = 1 / 16
SAY = "say --range 0..1, --range 0..255 or --range=-1..1, or --mean and --std of pixels in 0..1"
# int8 from -127 to 127 over the magnitude 1, and from -128 to 127 over -1 to 1: scales above their mean are
# those of the symmetric form.
NARROW = (1 / 127 + 2 / 255) / 2


def spanned(taken: Tensor) -> tuple[float, float]:
    """What a black and a white pixel becomes, as the input's numbers say it.

    Raises:
        RefusedError: they do not say it.
    """
    span, magnitude = taken.span, one_sided(taken)
    if span is None:
        if taken.dtype in ("uint8", "int8"):
            return _of_codes(taken)
        raise RefusedError(f"does not say what pixels become (its input is {taken.dtype}); {SAY}")
    step = (span[1] - span[0]) / 255
    for low, high in RANGES:
        near = abs(span[0] - low) <= step and abs(span[1] - high) <= step
        if near and not (magnitude and (low, high) == (-1.0, 1.0)):
            return low, high
    alone = " about the middle code, which says the largest magnitude alone" if magnitude else ""
    raise RefusedError(
        "does not say what pixels become (its quantized input spans "
        f"{span[0]:.3g} to {span[1]:.3g}{alone}); {SAY}"
    )


def _of_codes(taken: Tensor) -> tuple[float, float]:
    """The codes of a black and a white pixel where no scale of them is known: the least and the greatest.

    Raises:
        RefusedError: the file computes with them about another zero point, as of a symmetric quantizer.
    """
    limits = np.iinfo(np.dtype(taken.dtype))
    centred = taken.zero == middle(taken.dtype) and taken.symmetric is False
    if taken.codes and not centred and taken.zero != limits.min:
        raise RefusedError(
            f"does not say what pixels become (its input is {taken.dtype} of no one scale that it holds, "
            f"with the zero point {taken.zero}); say the codes of black and white, such as "
            f"--range={limits.min}..{limits.max}"
        )
    return float(limits.min), float(limits.max)


def one_sided(taken: Tensor) -> bool:
    """Whether an input's quantizer may be a symmetric one, which says one end of its range and not the other.

    What else the file quantizes decides it; where that is nothing, int8 is told apart by its scale, and
    other codes give both kinds the same numbers.
    """
    codes = taken.codes or taken.dtype
    if taken.span is None or taken.zero != middle(codes):
        return False
    if codes == "int8":
        return bool(taken.symmetric) or taken.scale > NARROW
    return taken.symmetric is not False


def check_metadata(taken: Tensor) -> None:
    """Refuses metadata that make other numbers of pixels than a quantized input can hold.

    Raises:
        RefusedError: they do.
    """
    mean, std = np.broadcast_arrays(np.asarray(taken.mean), np.asarray(taken.std))
    made, span = (float((-mean / std).min()), float(((255 - mean) / std).max())), taken.span
    if span is None:
        return
    apart = [abs(m - s) for m, s in zip(made, span, strict=True)]
    if one_sided(taken):
        apart = [abs(max(map(abs, made)) - max(map(abs, span)))]
    if max(apart) > APART * (span[1] - span[0]):
        raise RefusedError(
            f"says two things of its pixels: its metadata make them {made[0]:.3g} to {made[1]:.3g}, its "
            f"quantized input spans {span[0]:.3g} to {span[1]:.3g}; {SAY}"
        )


def check_asked(taken: Tensor, low: float, high: float, mean: Sequence[float], std: Sequence[float]) -> None:
    """Refuses pixels that a quantized input cannot hold, or would round to a few of its codes.

    Args:
        low, high: what black and white become, before mean and deviation, each of one number or per channel.

    Raises:
        RefusedError: they are such.
    """
    ends = (np.array([[low], [high]]) - np.asarray(mean)) / np.asarray(std)
    made, span, codes = (float(ends.min()), float(ends.max())), taken.span, taken.codes or taken.dtype
    if "int" not in codes:
        return
    if span is None:
        limits = np.iinfo(np.dtype(codes))
        held = limits.min - 0.5 <= made[0] and made[1] <= limits.max + 0.5
        if not held or made[1] - made[0] < limits.max // 2:
            raise RefusedError(
                f"takes {codes} without a scale that it holds, and what was asked makes pixels {made[0]:.3g} "
                f"to {made[1]:.3g}; say the codes of black and white, such as "
                f"--range={limits.min}..{limits.max}"
            )
        return
    common = min(made[1], span[1]) - max(made[0], span[0])
    if common < FITS * max(made[1] - made[0], span[1] - span[0]):
        raise RefusedError(
            f"has a quantized input that spans {span[0]:.3g} to {span[1]:.3g}, and what was asked makes "
            f"pixels {made[0]:.3g} to {made[1]:.3g}; {SAY}"
        )
