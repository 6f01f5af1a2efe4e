"""From images in [0, 1] to what a deployed network's input takes: size, axes, range, mean, deviation.

What the file says is read from it; what it does not say must be given, because a wrong guess would give wrong
accuracies without a word.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from resq.core.errors import ResqError
from resq.deployed import pixel_range
from resq.deployed.words import RefusedError, Tensor

LAYOUTS = ("nchw", "nhwc")
LARGEST = 4096  # pixels to a side


@dataclass(frozen=True)
class Asked:
    """What a person says of the input; empty where the file is to say it.

    Attributes:
        span: what a black and what a white pixel becomes, before mean and deviation.
        mean, std: one number, or one per channel: (pixel - mean) / std.
        layout: order of the axes, "nchw" or "nhwc".
    """

    span: tuple[float, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    layout: str = ""

    def __post_init__(self) -> None:
        numbers = (*self.span, *self.mean, *self.std)
        if not all(map(math.isfinite, numbers)):
            raise ResqError(f"range, mean and std are finite numbers, got {numbers}")
        if self.span and (len(self.span) != 2 or self.span[0] == self.span[1]):
            raise ResqError(f"range is what black and white become, such as 0..255, got {self.span}")
        if not all(s > 0 for s in self.std):
            raise ResqError(f"std must be greater than 0, got {self.std}")
        for name in ("mean", "std"):
            if len(getattr(self, name)) not in (0, 1, 3):
                raise ResqError(f"{name} is one number or one per channel, got {getattr(self, name)}")
        if self.layout not in ("", *LAYOUTS):
            raise ResqError(f"layout is nchw or nhwc, got {self.layout!r}")

    @staticmethod
    def parse(text: str) -> Asked:
        """What ``str`` of it says, such as "range 0,255 layout nhwc"; "" is nothing asked.

        Raises:
            ValueError: not of that form.

        >>> str(Asked.parse("range -1,1 layout nhwc"))
        'range -1,1 layout nhwc'
        """
        parts = text.split()
        options = dict(zip(parts[::2], parts[1::2], strict=False))
        if (
            len(parts) % 2
            or len(options) != len(parts) // 2
            or set(options) - {"range", "mean", "std", "layout"}
        ):
            raise ResqError(f"inputs are said as range 0,1 mean 0.5 std 0.25 layout nchw, got {text!r:.80}")
        spelt = {name: _numbers(name, options.get(name, "")) for name in ("range", "mean", "std")}
        return Asked(spelt["range"], spelt["mean"], spelt["std"], options.get("layout", ""))

    def __str__(self) -> str:
        parts = [
            f"{name} {','.join(f'{v:.9g}' for v in value)}"
            for name, value in (("range", self.span), ("mean", self.mean), ("std", self.std))
            if value
        ]
        return " ".join([*parts, *([f"layout {self.layout}"] if self.layout else [])])


def _numbers(name: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.replace("..", ",").split(",") if part)
    except ValueError:
        raise ResqError(f"{name} is numbers with commas between them, got {text!r:.60}") from None


@dataclass(frozen=True)
class Pixels:
    """How images become the input.

    Attributes:
        layout, channels, height, width: of the input.
        low, high: what a black and a white pixel becomes, before mean and deviation.
        mean, std: per channel or one number.
        said: what says so, for people.
    """

    layout: str
    channels: int
    height: int
    width: int
    low: float
    high: float
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    source: str = "the file"

    def fitted(self, x: np.ndarray) -> np.ndarray:
        """Images (N, 3, H, W), uint8 or float32 in [0, 1], in the input's size and channels.

        Sizes are changed bilinearly, colours to grey by ITU-R 601's luma.
        """
        if x.shape[1] == 3 and self.channels == 1:
            x = _grey(x)
        elif x.shape[1] == 1 and self.channels == 3:
            x = np.repeat(x, 3, axis=1)
        if x.shape[2:] == (self.height, self.width):
            return np.ascontiguousarray(x)
        return np.stack([_resized(image, self.height, self.width) for image in x])

    def unit(self, x: np.ndarray) -> np.ndarray:
        """Images (N, C, H, W) as the input sees them, float32 in [0, 1]: in its size, in its colours or grey.

        What moves them from here on starts where the answers without an attack do, rounding included.
        """
        seen = self.fitted(x)[:, : x.shape[1]]  # three copies of a grey picture move as one
        return unit(np.ascontiguousarray(seen))

    def values(self, x: np.ndarray) -> np.ndarray:
        """Fitted images as the numbers that the input stands for, float32, in its order of axes."""
        v = x.astype(np.float32)
        if x.dtype == np.uint8 and self.high - self.low != 255:
            v /= np.float32(255)  # as the lab's own networks have it, to the last bit
        scale = self.high - self.low
        if scale != 1 and not (x.dtype == np.uint8 and scale == 255):
            v *= np.float32(scale)
        if self.low:
            v += np.float32(self.low)
        shape = (1, -1, 1, 1)
        if any(self.mean):
            v -= np.asarray(self.mean, np.float32).reshape(shape)
        if any(s != 1 for s in self.std):
            v /= np.asarray(self.std, np.float32).reshape(shape)
        return v if self.layout == "nchw" else np.ascontiguousarray(v.transpose(0, 2, 3, 1))

    def __str__(self) -> str:
        norm = ""
        if any(self.mean) or any(s != 1 for s in self.std):
            norm = f", less {_list(self.mean)}, by {_list(self.std)}"
        colours = {1: "grey", 3: "colour"}[self.channels]
        return (
            f"{colours}, {self.height}x{self.width}, {self.layout.upper()}, "
            f"pixels {self.low:g}..{self.high:g}{norm} ({self.source})"
        )


def unit(x: np.ndarray) -> np.ndarray:
    """Images of any shape, uint8 or float32 in [0, 1], as float32 in [0, 1]; only uint8 has 255 for white."""
    return x.astype(np.float32) / np.float32(255) if x.dtype == np.uint8 else x.astype(np.float32)


def _list(values: tuple[float, ...]) -> str:
    return ", ".join(f"{v:g}" for v in values)


def _grey(x: np.ndarray) -> np.ndarray:
    luma = np.asarray([0.299, 0.587, 0.114], np.float32).reshape(1, 3, 1, 1)
    grey = (x.astype(np.float32) * luma).sum(axis=1, keepdims=True)
    return np.rint(grey).astype(np.uint8) if x.dtype == np.uint8 else grey


def _resized(image: np.ndarray, height: int, width: int) -> np.ndarray:
    from PIL import Image  # megabytes that the process which runs a file does without

    mode = None if image.dtype == np.uint8 else "F"
    planes = [
        np.asarray(Image.fromarray(plane, mode).resize((width, height), Image.Resampling.BILINEAR))
        for plane in image
    ]
    return np.stack(planes).astype(image.dtype)


def settled(taken: Tensor, asked: Asked) -> Pixels:
    """How images become this input: as the file says it and as was asked.

    Raises:
        RefusedError: the file does not say it and nobody did, or the input takes no images.
    """
    layout, channels, height, width = _axes(taken, asked.layout)
    low, high, source, mean, std = _meant(taken, asked)
    for name, values in (("mean", mean), ("std", std)):
        if len(values) > channels:
            raise RefusedError(f"takes grey images; {name} has {len(values)} numbers")
    return Pixels(layout, channels, height, width, low, high, mean, std, source)


def _meant(taken: Tensor, asked: Asked) -> tuple[float, float, str, tuple[float, ...], tuple[float, ...]]:
    """Range, what says it, mean and deviation: as asked, as the metadata say, or as the input spans."""
    if asked.span or asked.mean or asked.std:
        low, high, source = _range(taken, asked)
        mean, std = asked.mean or (0.0,), asked.std or (1.0,)
        pixel_range.check_asked(taken, low, high, mean, std)
        return low, high, source, mean, std
    if taken.wrong:
        raise RefusedError(f"{taken.wrong}; {pixel_range.SAY}")
    if taken.mean:
        pixel_range.check_metadata(taken)
        return 0.0, 255.0, "the file's metadata", taken.mean, taken.std
    return *_range(taken, asked), (0.0,), (1.0,)


def _axes(taken: Tensor, layout: str) -> tuple[str, int, int, int]:
    if len(taken.shape) != 4:
        raise RefusedError(f"takes an input of shape {taken.shape}; images have four axes")
    _, a, b, c = taken.shape
    layouts = [("nchw", a, b, c)] * (a in (1, 3)) + [("nhwc", c, a, b)] * (c in (1, 3))
    fits = [f for f in layouts if not layout or f[0] == layout]
    if len(fits) != 1:
        what = (
            "which could be either; say --layout"
            if layouts and not layout
            else "which holds no images like that"
        )
        raise RefusedError(f"takes an input of shape {taken.shape}, {what} nchw or nhwc")
    if not all(0 < n <= LARGEST for n in fits[0][2:]):
        raise RefusedError(f"takes an input of shape {taken.shape}; expected 1 to {LARGEST} pixels to a side")
    return fits[0]


def _range(taken: Tensor, asked: Asked) -> tuple[float, float, str]:
    if asked.span:
        return *asked.span, "as asked"  # type: ignore[return-value]
    if asked.mean or asked.std:
        return 0.0, 1.0, "as asked"
    return *pixel_range.spanned(taken), "the file"
