"""Number formats: shares, powers of ten, weights, durations, as people read them."""

from __future__ import annotations

import math

THIN = "\u202f"  # a space that does not break: between a number and its unit


def percent(share: float, digits: int = 1) -> str:
    """A share as people read it; never 100.0 % for what is a little less, nor 0.0 % for a little more.

    >>> percent(0.9312).replace(THIN, " "), percent(0.9995).replace(THIN, " ")
    ('93.1 %', 'over 99.9 %')
    """
    if math.isnan(share):
        return "not a number"
    step, written = 10.0**-digits, f"{100 * share:.{digits}f}"
    # What is written decides: half a step is rounded to the even digit.
    if share < 1 and float(written) == 100:
        return f"over {100 - step:.{digits}f}{THIN}%"
    if share > 0 and float(written) == 0:
        return f"under {step:.{digits}f}{THIN}%"
    return f"{written}{THIN}%"


def counted(n: int, what: str) -> str:
    """So many of a thing.

    >>> counted(1, "start"), counted(5000, "start")
    ('1 start', '5,000 starts')
    """
    return f"{n} {what}" if n == 1 else f"{n:,} {what}s"


def power(value: float) -> str:
    """A rate in powers of ten.

    >>> power(0), power(1e-3), power(5e-4)
    ('0', '10⁻³', '5·10⁻⁴')
    """
    if value <= 0:
        return "0"
    exponent = math.floor(math.log10(value) + 1e-9)
    digit = value / 10**exponent
    tail = "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return tail if abs(digit - 1) < 1e-6 else f"{digit:.3g}·{tail}"


def number(value: float) -> str:
    """A weight, with as many digits as tell it from its neighbours.

    >>> number(0.01234567), number(1.7e38), number(-0.0)
    ('0.01235', '1.7·10³⁸', '0')
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "−∞" if value < 0 else "∞"
    if value == 0:
        return "0"
    if 1e-4 <= abs(value) < 1e5:
        return f"{value:.4g}".replace("-", "−")
    return ("−" if value < 0 else "") + _scientific(abs(value))


def before_and_after(before: float, after: float) -> tuple[str, str]:
    """Two numbers, with as many digits as tell them apart where they differ.

    >>> before_and_after(0.71983, 0.71978), before_and_after(1.0, 2.0), before_and_after(0.5, 0.5)
    (('0.71983', '0.71978'), ('1', '2'), ('0.5', '0.5'))
    """
    written = number(before), number(after)
    for digits in range(5, 18):
        if written[0] != written[1] or before == after or math.isnan(before):
            break
        one, other = (f"{value:.{digits}g}".replace("-", "−") for value in (before, after))
        written = one, other
    return written


def whole(value: float) -> str:
    """An integer with all of its digits.

    >>> whole(14658.0), whole(-3), whole(float("nan"))
    ('14,658', '−3', 'NaN')
    """
    return f"{int(value):,}".replace("-", "−") if math.isfinite(value) else number(value)


def _scientific(value: float) -> str:
    exponent = math.floor(math.log10(value))
    tail = "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{value / 10.0**exponent:.3g}·{tail}"


def duration(seconds: float) -> str:
    """Time left, no more precise than it can be known.

    >>> duration(3.2), duration(75), duration(4000)
    ('4 s', '2 min', '1 h 7 min')
    """
    if seconds < 60:
        return f"{math.ceil(seconds)} s"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
