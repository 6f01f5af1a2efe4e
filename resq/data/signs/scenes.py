"""What stands behind a sign of the embedded data set: sky, trees, bricks, houses or haze, all made up."""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

CANVAS = 64  # the scene is composed at twice a picture's side; averaging 2x2 pixels then smooths its edges

Rng = np.random.Generator
Floats = npt.NDArray[np.float32]

ROWS, COLS = (axis.astype(np.float32) for axis in np.mgrid[0:CANVAS, 0:CANVAS])


def noise(rng: Rng, cells: int, channels: int = 1) -> Floats:
    """Smooth random field (64, 64, channels), 0 to 1, with about `cells` bumps across."""
    coarse = rng.integers(0, 256, (cells, cells, 3 if channels == 3 else 1), dtype=np.uint8)
    picture = Image.fromarray(coarse if channels == 3 else coarse[..., 0])
    smooth = np.asarray(picture.resize((CANVAS, CANVAS), Image.Resampling.BICUBIC), dtype=np.float32)
    return smooth.reshape(CANVAS, CANVAS, -1) / np.float32(255)


def mix(a: npt.ArrayLike, b: npt.ArrayLike, share: Floats) -> Floats:
    """Colours between a and b (3,), by a share (64, 64, 1) of b."""
    first, second = np.asarray(a, dtype=np.float32), np.asarray(b, dtype=np.float32)
    return first + share * (second - first)


def _sky(rng: Rng) -> Floats:
    blue = rng.uniform(0, 1)  # 0 is overcast
    high = np.array([0.75, 0.77, 0.8]) + blue * np.array([-0.45, -0.27, 0.05])
    clouds = np.clip(1.6 * noise(rng, 5) - rng.uniform(0.4, 1.1), 0, 1)
    return mix(mix(high, (0.85, 0.88, 0.9), ROWS[..., None] / CANVAS), (0.95, 0.95, 0.95), clouds)


def foliage(rng: Rng) -> Floats:
    """A blurred wood in a season's colours, (CANVAS, CANVAS, 3) in 0..1."""
    season = rng.uniform(0, 1) ** 3  # mostly green, autumn now and then
    light = np.array([0.42, 0.58, 0.2]) + season * np.array([0.35, -0.12, -0.05])
    leaves = 0.45 * noise(rng, 5) + 0.55 * noise(rng, int(rng.integers(14, 28)))
    return mix((0.05, 0.1, 0.05), light, leaves)


def _bricks(rng: Rng) -> Floats:
    height, width = rng.uniform(5, 9), rng.uniform(11, 20)
    row = (ROWS + rng.uniform(0, height)) / np.float32(height)
    col = COLS / np.float32(width) + np.float32(0.5) * (row.astype(np.int64) % 2)
    shade = rng.uniform(0.6, 1.0, (16, 8)).astype(np.float32)[row.astype(np.int64), col.astype(np.int64)]
    stone = np.array([0.6, 0.34, 0.26]) if rng.uniform() < 0.7 else np.array([0.66, 0.6, 0.5])
    mortar = ((row % 1 < 1.2 / height) | (col % 1 < 1.2 / width)).astype(np.float32)
    return mix(shade[..., None] * stone.astype(np.float32), (0.68, 0.66, 0.62), mortar[..., None])


def _facades(rng: Rng) -> Floats:
    """House fronts, cars and shop signs, far out of focus: soft blocks of any colour."""
    picture = Image.new("RGB", (CANVAS, CANVAS), tuple(rng.integers(60, 200, 3).tolist()))
    draw = ImageDraw.Draw(picture)
    for x, y, w, h, *colour in rng.integers(0, [64, 64, 30, 30, 256, 256, 256], (9, 7)).tolist():
        shape = draw.rectangle if w % 2 else draw.ellipse
        shape((x - w, y - h, x + w // 2, y + h // 2), fill=tuple(colour))
    soft = picture.filter(ImageFilter.BoxBlur(rng.uniform(1, 4)))
    blocks = np.asarray(soft, dtype=np.float32) / np.float32(255)
    grey: Floats = blocks.mean(axis=2, keepdims=True, dtype=np.float32)
    return grey + np.float32(0.45) * (blocks - grey)  # a street's colours are mostly dull


def _haze(rng: Rng) -> Floats:
    """A wall, a road or fog: one dull colour with slow changes."""
    return np.float32(rng.uniform(0.15, 0.8)) * (np.float32(0.7) + np.float32(0.5) * noise(rng, 3, 3))


_GROUNDS = (foliage, _bricks, _facades, _haze)


def background(rng: Rng) -> Floats:
    """A street (64, 64, 3): sky alone, or something solid with or without the sky above it."""
    kind = int(rng.integers(0, 10))
    if kind == 0:
        return _sky(rng)
    ground_at = kind % len(_GROUNDS)
    ground = _GROUNDS[ground_at](rng)
    if kind < 5:
        return ground
    rough = 0.0 if ground_at == 1 else rng.uniform(0, 14)  # walls end level, trees and towns do not
    skyline = rng.uniform(5, 60) + rough * (noise(rng, 9)[0, :, 0] * 2 - 1)
    share = np.clip(ROWS - skyline.astype(np.float32), 0, 1)[..., None]
    return mix(_sky(rng), ground, share)
