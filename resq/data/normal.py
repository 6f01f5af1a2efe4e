"""Mean and deviation that networks subtract and divide by: by name, as numbers, or a card's own. No torch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from resq.core.errors import ResqError

CHANNELS = 3
Three = tuple[float, float, float]


@dataclass(frozen=True)
class Normal:
    """What a network does to pixels in [0, 1] before its first layer, per channel: (x - mean) / std.

    >>> Normal.parse("imagenet", "").mean
    (0.485, 0.456, 0.406)
    >>> Normal.parse("0.5", "0.25,0.25,0.2").std
    (0.25, 0.25, 0.2)
    """

    mean: Three
    std: Three

    @classmethod
    def parse(cls, mean: str, std: str) -> Normal:
        """What two options say: names or numbers; a name stands for both unless the other is given.

        Raises:
            ValueError: no such name, not one or three numbers, numbers of pixels up to 255, a deviation that
                is not above 0, or numbers for one of the two alone.
        """
        texts = {"mean": mean.strip(), "std": std.strip()}
        for one, other in (("mean", "std"), ("std", "mean")):
            if not texts[other] and texts[one] not in USUAL:
                raise ResqError(
                    f"--{one} {texts[one]!r} gives one of two: --{other} is needed too, or a name for both: "
                    + ", ".join(USUAL)
                )
            texts[other] = texts[other] or texts[one]
        values = {key: _three(key, text) for key, text in texts.items()}
        return cls(values["mean"], values["std"]).checked()

    def checked(self) -> Normal:
        """Itself.

        Raises:
            ValueError: it is none for pixels in [0, 1].
        """
        if not all(math.isfinite(v) and -1 <= v <= 1 for v in self.mean):
            raise ResqError(
                f"the mean {spelled(self.mean)} is none of pixels from 0 to 1; of pixels up to 255, divide "
                "mean and deviation by 255"
            )
        if not all(math.isfinite(v) and 1e-3 <= v <= 2 for v in self.std):
            raise ResqError(
                f"the deviation {spelled(self.std)} is none of pixels from 0 to 1; expected 0.001 to 2 each "
                "(of pixels up to 255, divide mean and deviation by 255)"
            )
        return self

    def __str__(self) -> str:
        name = next((name for name, usual in USUAL.items() if usual == self), "")
        return f"{name} (mean {spelled(self.mean)}, deviation {spelled(self.std)})".lstrip()


USUAL = {
    "imagenet": Normal((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "cifar10": Normal((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    "cifar10-narrow": Normal(
        (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
    ),  # a mean of images' deviations
    "cifar100": Normal((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
    "half": Normal((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),  # pixels from -1 to 1
    "none": Normal((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "bytes": Normal((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255)),  # pixels from 0 to 255
}


def spelled(values: Three) -> str:
    """Three numbers as they are written in an option.

    >>> spelled((0.5, 0.5, 0.5)), spelled((0.485, 0.456, 0.406))
    ('0.5', '0.485,0.456,0.406')
    """
    text = [f"{v:.6g}" for v in values]
    return text[0] if len(set(text)) == 1 else ",".join(text)


def _three(key: str, text: str) -> Three:
    if text in USUAL:
        usual = USUAL[text]
        return usual.mean if key == "mean" else usual.std
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        raise ResqError(
            f"--{key} is one number, three with commas between them, or {', '.join(USUAL)}; got {text[:60]!r}"
        ) from None
    if len(numbers) not in (1, CHANNELS):
        raise ResqError(f"--{key} is one number or three, one per channel; got {len(numbers)}")
    red, green, blue = numbers * (CHANNELS if len(numbers) == 1 else 1)
    return red, green, blue


KEY = "normal"  # of a card, and of the header of its weights' file


def to_card(normal: Normal | None) -> dict[str, Any]:
    """What a card says of a checkpoint's own normalisation; nothing where it is its data set's."""
    return {KEY: {"mean": list(normal.mean), "std": list(normal.std)}} if normal else {}


def of_card(card: Mapping[str, Any]) -> Normal | None:
    """The normalisation that a card names; None: that of its data set.

    Raises:
        ValueError: it names none that can be used.
    """
    fields = card.get(KEY)
    if fields is None:
        return None
    try:
        (m0, m1, m2), (s0, s1, s2) = (tuple(map(float, fields[key])) for key in ("mean", "std"))
    except (TypeError, KeyError, ValueError):
        raise ResqError(
            f"the card has {str(fields)[:60]!r} for {KEY}; expected a mean and a std of three numbers each"
        ) from None
    return Normal((m0, m1, m2), (s0, s1, s2)).checked()


def to_header(card: Mapping[str, Any]) -> dict[str, str] | None:
    """The same for the header of a safetensors file: weights normalised otherwise are another file."""
    return {KEY: json.dumps(card[KEY])} if KEY in card else None


def agree(raw: bytes, card: Mapping[str, Any]) -> bool:
    """Whether a safetensors file and a card name the same normalisation.

    Args:
        raw: the whole file, whose header could be read.
    """
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    said_there = (header.get("__metadata__") or {}).get(KEY)
    return said_there == (json.dumps(card[KEY]) if KEY in card else None)
