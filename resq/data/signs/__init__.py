"""The embedded data set `signs`: sixteen traffic signs, RENDERED by this code and never photographed.

Nothing is fetched and nothing is read from disk: the signs are vector drawings (sign_shapes.py), seen by a
made-up camera in front of a made-up street. Each picture varies the pose, the background, the light, the
dirt, what covers the sign, the blur and the sensor's noise. What a network scores here therefore says how it
fares on these drawings, and not how it would fare on a road.

The same pins on the same kind of processor give the same bytes. Another kind may round a rare pixel
otherwise, which is why no digest of the pictures is fixed anywhere.
"""

from dataclasses import dataclass
from functools import cache
from math import cos, pi, radians, sin

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from resq.core.errors import ResqError
from resq.data.signs.scenes import CANVAS, COLS, ROWS, Floats, Rng, background, foliage, noise
from resq.data.signs.shapes import PAINTERS, paint

CLASSES: tuple[str, ...] = tuple(PAINTERS)
SPLITS: dict[str, int] = {"train": 0, "val": 1, "test": 2}  # the code is part of every image's seed
SIDE = 32  # side of a finished picture, pixels
TEMPLATE = 80  # side of the flat drawing that is warped onto the canvas, pixels
SEED_LIMIT = 2**32  # one word of numpy's seed sequence, so that two seeds never share a stream

Bytes = npt.NDArray[np.uint8]

_IMAGE_STREAM, _LABEL_STREAM = 0, 1


@dataclass(frozen=True)
class Pose:
    """How the sign stands before the camera.

    Attributes:
        scale: half the sign's height, as a fraction of half the canvas.
        squeeze: width over height, below 1 when the sign is seen from the side.
        angle: rotation in the picture plane, degrees.
        shift: the sign's centre (x, y), in half canvases from the middle.
        tilt: perspective terms (x, y): relative change of distance across half the canvas.
    """

    scale: float
    squeeze: float
    angle: float
    shift: tuple[float, float]
    tilt: tuple[float, float]


def render(split: str, n: int, *, seed: int = 0) -> tuple[Bytes, npt.NDArray[np.int64]]:
    """Renders the first n pictures of a split.

    Picture i depends on (seed, split, i) alone, so a smaller n gives a prefix of a larger one. Every run of
    sixteen pictures, counted from the start, holds each class once, in shuffled order.

    Args:
        split: "train", "val" or "test": three separate random streams.
        n: how many pictures, at least 0.
        seed: 0 to 2**32 - 1.

    Returns:
        x, uint8 (n, 3, 32, 32), RGB; and y, int64 (n,), indices into CLASSES.

    Raises:
        ValueError: an unknown split, a negative n or a seed out of range.
    """
    _check(split, n, seed)
    y = _labels(SPLITS[split], n, seed)
    x = np.empty((n, 3, SIDE, SIDE), dtype=np.uint8)
    for i in range(n):
        x[i] = _picture(int(y[i]), _stream(seed, SPLITS[split], i, _IMAGE_STREAM)).transpose(2, 0, 1)
    return x, y


def picture(split: str, i: int, *, seed: int = 0) -> tuple[Bytes, int]:
    """Picture i of a split alone, uint8 (3, 32, 32), and its label: the same as ``render`` gives at i.

    Raises:
        ValueError: an unknown split, a negative i or a seed out of range.
    """
    _check(split, i, seed)
    label = int(_labels(SPLITS[split], i + 1, seed)[i])
    drawn = _picture(label, _stream(seed, SPLITS[split], i, _IMAGE_STREAM))
    return np.ascontiguousarray(drawn.transpose(2, 0, 1)), label


def icon(label: int, size: int = 128) -> Bytes:
    """Draws a class's clean sign for the dashboard.

    Args:
        label: index into CLASSES.
        size: side, pixels, at least 1.

    Returns:
        uint8 (size, size, 4), RGBA, transparent around the sign.

    Raises:
        ValueError: a label that is no class, or a size below 1.
    """
    if not 0 <= label < len(CLASSES):
        raise ResqError(f"label is {label}, expected 0 to {len(CLASSES) - 1}")
    if size < 1:
        raise ResqError(f"size is {size}, expected at least 1")
    return np.array(paint(CLASSES[label], size))


def _check(split: str, n: int, seed: int) -> None:
    if split not in SPLITS:
        raise ResqError(f"split is {split!r}, expected one of: {', '.join(SPLITS)}")
    if n < 0:
        raise ResqError(f"n is {n}, expected at least 0")
    if not 0 <= seed < SEED_LIMIT:
        raise ResqError(f"seed is {seed}, expected 0 to {SEED_LIMIT - 1}")


def _stream(seed: int, split_code: int, index: int, purpose: int) -> Rng:
    return np.random.default_rng(np.random.SeedSequence([seed, split_code, index], spawn_key=(purpose,)))


def _labels(split_code: int, n: int, seed: int) -> npt.NDArray[np.int64]:
    """Labels (n,): one fresh permutation of all classes per run of sixteen, so any n is nearly balanced."""
    runs = -(-n // len(CLASSES))
    drawn = [_stream(seed, split_code, run, _LABEL_STREAM).permutation(len(CLASSES)) for run in range(runs)]
    return np.array(drawn, dtype=np.int64).reshape(-1)[:n]


def _picture(label: int, rng: Rng) -> Bytes:
    """One picture (32, 32, 3), from the street at the back to the sensor's noise at the front."""
    pose = _draw_pose(rng)
    scene = background(rng)
    _pole(scene, pose, rng)
    colour, cover = _warp(label, pose)
    scene += cover * (_weathered(colour, rng) - scene)
    _occlude(scene, pose, rng)
    _lit(scene, rng)
    _shaded(scene, rng)
    return _sensed(_blurred(scene, rng), rng)


def _draw_pose(rng: Rng) -> Pose:
    scale = rng.uniform(0.56, 0.94)
    room = 0.08 + 0.6 * (1 - scale)  # small signs may stand aside, large ones may lose an edge
    shift = (rng.uniform(-room, room), rng.uniform(-room, room))
    tilt = (rng.uniform(-0.18, 0.18), rng.uniform(-0.14, 0.14))
    return Pose(scale, rng.uniform(0.74, 1.0), float(np.clip(rng.normal(0, 8), -20, 20)), shift, tilt)


@cache
def _template(label: int) -> Image.Image:
    return paint(CLASSES[label], TEMPLATE)


def _homography(pose: Pose) -> tuple[float, ...]:
    """The eight coefficients, in Pillow's order, that take a canvas pixel to a template pixel."""
    half, c, s = CANVAS / 2, cos(radians(pose.angle)), sin(radians(pose.angle))
    wide, high = 1 / (pose.scale * pose.squeeze * half), 1 / (pose.scale * half)
    away = [pose.tilt[0] / half, pose.tilt[1] / half, 1]
    turn = np.array([[c * wide, s * wide, 0], [-s * high, c * high, 0], away])
    centre = np.array([[1, 0, -half * (1 + pose.shift[0])], [0, 1, -half * (1 + pose.shift[1])], [0, 0, 1]])
    place = np.array([[TEMPLATE / 2, 0, TEMPLATE / 2], [0, TEMPLATE / 2, TEMPLATE / 2], [0, 0, 1]])
    full = place @ turn @ centre
    return tuple((full / full[2, 2]).reshape(-1)[:8].tolist())


def _warp(label: int, pose: Pose) -> tuple[Floats, Floats]:
    """The sign as seen: colour (64, 64, 3) and cover (64, 64, 1), both 0 to 1."""
    seen = _template(label).transform(
        (CANVAS, CANVAS), Image.Transform.PERSPECTIVE, _homography(pose), Image.Resampling.BILINEAR
    )
    values = np.asarray(seen, dtype=np.float32) / np.float32(255)
    return values[..., :3], values[..., 3:]


def _pole(scene: Floats, pose: Pose, rng: Rng) -> None:
    """Draws the post below the sign, in place; a fifth of the signs hang on something unseen."""
    if rng.uniform() < 0.2:
        return
    centre, half = CANVAS / 2 * (1 + pose.shift[0]), max(1.0, 2.4 * pose.scale)
    across = (COLS[0] - np.float32(centre)) / np.float32(half)
    grey = np.float32(rng.uniform(0.35, 0.65)) * (np.float32(1) - np.float32(0.35) * across)
    share = np.clip(np.float32(half) * (np.float32(1) - np.abs(across)) + np.float32(0.5), 0, 1)[:, None]
    top = int(np.clip(CANVAS / 2 * (1 + pose.shift[1]), 0, CANVAS))
    scene[top:] += share * (grey[:, None] - scene[top:])


def _weathered(colour: Floats, rng: Rng) -> Floats:
    """Fades the paint towards grey and spreads dirt over it."""
    fade = np.float32(rng.uniform(0, 0.55) ** 2)
    dirt = np.float32(rng.uniform(0, 0.5)) * np.clip(2 * noise(rng, 6) - 0.8, 0, 1)
    faded: Floats = colour + fade * (np.float32(0.62) - colour)
    soiled: Floats = faded + dirt * (np.float32(0.3) - faded)
    return soiled


def _occlude(scene: Floats, pose: Pose, rng: Rng) -> None:
    """Covers a part of one picture in four with a branch or a sticker, in place."""
    kind = rng.uniform()
    if kind > 0.25:
        return
    reach = CANVAS / 2 * pose.scale
    x, y = (CANVAS / 2 * (1 + s) + rng.uniform(-0.9, 0.9) * reach for s in pose.shift)
    if kind < 0.17:
        away = ((COLS - x) ** 2 + (ROWS - y) ** 2)[..., None] / np.float32((0.75 * reach) ** 2)
        share, over = np.clip(6 * (noise(rng, 12) - away), 0, 1), foliage(rng)
    else:
        w, h = rng.uniform(0.1, 0.28, 2) * reach
        box = (np.abs(COLS - x) < w) & (np.abs(ROWS - y) < h)
        share, over = box[..., None].astype(np.float32), rng.uniform(0, 1, 3).astype(np.float32)
    scene += share.astype(np.float32) * (over - scene)


def _lit(scene: Floats, rng: Rng) -> None:
    """Changes contrast, brightness and colour cast, in place."""
    contrast, pivot = np.float32(rng.uniform(0.6, 1.15)), np.float32(rng.uniform(0.35, 0.55))
    gain = (2 ** rng.uniform(-1.0, 0.5) * rng.uniform(0.9, 1.1, 3)).astype(np.float32)
    scene -= pivot
    scene *= contrast
    scene += pivot
    scene *= gain


def _shaded(scene: Floats, rng: Rng) -> None:
    """Casts a shadow's edge over three pictures in ten and glare over one in eight, in place."""
    effect, turn, (x, y) = rng.uniform(), rng.uniform(0, 2 * pi), rng.uniform(16, 48, 2)
    depth = cos(turn) * (COLS - x) + sin(turn) * (ROWS - y)
    side = depth.astype(np.float32)[..., None]
    if effect < 0.3:
        edge = np.clip(side / np.float32(rng.uniform(0.5, 6)) + np.float32(0.5), 0, 1)
        scene *= np.float32(1) - np.float32(rng.uniform(0.3, 0.6)) * edge
    elif effect < 0.42:
        scene += np.float32(rng.uniform(0.2, 0.6)) * np.clip(side / np.float32(50) + np.float32(0.3), 0, 1)


def _blurred(scene: Floats, rng: Rng) -> Image.Image:
    """Puts the scene out of focus, and smears one in four along its motion."""
    picture = Image.fromarray(np.clip(scene * 255 + 0.5, 0, 255).astype(np.uint8))
    if rng.uniform() < 0.25:
        reach = rng.uniform(1, 4.5)
        along = (reach, 0.3) if rng.uniform() < 0.6 else (0.3, reach)
        picture = picture.filter(ImageFilter.BoxBlur(along))
    return picture.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.5)))


def _sensed(picture: Image.Image, rng: Rng) -> Bytes:
    """The finished picture (32, 32, 3): averaged down, with the sensor's noise."""
    small = np.asarray(picture.reduce(CANVAS // SIDE), dtype=np.float32)
    sigma = np.float32(1 + 11 * rng.uniform() ** 3)  # grey levels; mostly mild, sometimes a night's grain
    grain = rng.standard_normal(small.shape, dtype=np.float32) * sigma
    return np.clip(small + grain + np.float32(0.5), 0, 255).astype(np.uint8)
