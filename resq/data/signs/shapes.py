"""Vector drawings of sixteen traffic signs in the shapes and colours of the Vienna convention.

Every sign is drawn by this file from polygons, discs and strokes, letters and digits included: no photograph,
no picture file and no font is read. Coordinates are those of a unit square: x from -1 (left) to 1 (right),
y from -1 (top) to 1 (bottom), so that one drawing serves the training images and the dashboard's icons alike.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import cos, hypot, pi, radians, sin

from PIL import Image, ImageDraw

Point = tuple[float, float]
Colour = tuple[int, int, int]

RED: Colour = (200, 22, 36)
BLUE: Colour = (12, 86, 172)
YELLOW: Colour = (252, 194, 14)
WHITE: Colour = (248, 248, 244)
BLACK: Colour = (22, 22, 26)

SUPERSAMPLING = 4  # ImageDraw's own edges are jagged; drawing large and averaging makes them smooth
RIM = 0.97  # outer radius of every sign; the rest is an empty margin, so that warping never meets a cut edge


@dataclass(frozen=True)
class Pen:
    """Draws unit-square shapes on a square RGBA picture.

    Attributes:
        draw: Pillow's drawing handle.
        size: side of the picture, pixels.
    """

    draw: ImageDraw.ImageDraw
    size: int

    def _pixels(self, points: Sequence[Point]) -> list[Point]:
        half = self.size / 2
        return [(half * (1 + x), half * (1 + y)) for x, y in points]

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        """Fills a polygon."""
        self.draw.polygon(self._pixels(points), fill=colour)

    def disc(self, centre: Point, radius: float, colour: Colour) -> None:
        """Fills a circle."""
        (x, y), r = centre, radius
        self.draw.ellipse(self._pixels([(x - r, y - r), (x + r, y + r)]), fill=colour)

    def stroke(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """Draws a polyline of a given width with round ends and round joints."""
        for a, b in pairwise(points):
            self.polygon(_bar(a, b, width), colour)
        for point in points:
            self.disc(point, width / 2, colour)

    def rounded(self, points: Sequence[Point], radius: float, colour: Colour) -> None:
        """Fills a polygon grown by `radius` on every side, which rounds its corners."""
        self.polygon(points, colour)
        self.stroke([*points, points[0]], 2 * radius, colour)

    def arrow(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """Draws a polyline that ends in an arrowhead, its tip at the last point."""
        (ax, ay), (bx, by) = points[-2:]
        length = hypot(bx - ax, by - ay)
        ux, uy = (bx - ax) / length, (by - ay) / length
        head, side = 1.9 * width, 1.35 * width
        neck = (bx - head * ux, by - head * uy)
        self.stroke([*points[:-1], neck], width, colour)
        self.polygon([(bx, by), (neck[0] - side * uy, neck[1] + side * ux),
                      (neck[0] + side * uy, neck[1] - side * ux)], colour)  # fmt: skip


def _bar(a: Point, b: Point, width: float) -> list[Point]:
    """Corners of the rectangle of a given width around the segment from a to b."""
    length = hypot(b[0] - a[0], b[1] - a[1]) or 1.0
    nx, ny = (a[1] - b[1]) / length * width / 2, (b[0] - a[0]) / length * width / 2
    return [(a[0] + nx, a[1] + ny), (b[0] + nx, b[1] + ny), (b[0] - nx, b[1] - ny), (a[0] - nx, a[1] - ny)]


def _arc(centre: Point, rx: float, ry: float, start: float, end: float, steps: int = 20) -> list[Point]:
    """Points along an ellipse's arc; angles in degrees, 0 to the right and 90 down."""
    angles = [radians(start + (end - start) * k / steps) for k in range(steps + 1)]
    return [(centre[0] + rx * cos(a), centre[1] + ry * sin(a)) for a in angles]


def _regular(corners: int, radius: float, turn: float, centre: Point = (0.0, 0.0)) -> list[Point]:
    """Corners of a regular polygon; `turn` in degrees is the direction of the first corner."""
    angles = [radians(turn) + 2 * pi * k / corners for k in range(corners)]
    return [(centre[0] + radius * cos(a), centre[1] + radius * sin(a)) for a in angles]


_OVAL = [*_arc((0, -0.5), 0.5, 0.5, -180, 0), *_arc((0, 0.5), 0.5, 0.5, 0, 180), (-0.5, -0.5)]

# One polyline per character stroke, in a box of width 1 (x from -0.5) and height 2 (y from -1).
_GLYPHS: dict[str, tuple[list[Point], ...]] = {
    "0": (_OVAL,),
    "3": ([*_arc((0, -0.5), 0.48, 0.5, -165, 90), *_arc((0, 0.5), 0.5, 0.5, -90, 165)],),
    "5": ([(0.42, -1), (-0.38, -1), (-0.42, -0.08), *_arc((0.0, 0.4), 0.5, 0.6, -135, 155)],),
    "8": (_arc((0, -0.5), 0.45, 0.5, 0, 360), _arc((0, 0.49), 0.5, 0.51, 0, 360)),
    "S": ([*_arc((0, -0.5), 0.47, 0.5, -15, -270), *_arc((0, 0.5), 0.5, 0.5, -90, 165)],),
    "T": ([(-0.5, -1), (0.5, -1)], [(0, -1), (0, 1)]),
    "O": (_OVAL,),
    "P": ([(-0.42, 1), (-0.42, -1), (0, -1), *_arc((0, -0.46), 0.5, 0.54, -90, 90), (-0.42, 0.08)],),
}


def _text(pen: Pen, text: str, half_height: float, pitch: float, width: float, colour: Colour) -> None:
    """Writes `text` around the centre; `pitch` is the step from character to character."""
    for k, char in enumerate(text):
        left = (k - (len(text) - 1) / 2) * pitch
        for line in _GLYPHS[char]:
            pen.stroke([(left + half_height * x, half_height * y) for x, y in line], width, colour)


def _stop(pen: Pen) -> None:
    pen.polygon(_regular(8, RIM * 1.05, 22.5), WHITE)
    pen.polygon(_regular(8, RIM * 0.98, 22.5), RED)
    _text(pen, "STOP", 0.29, 0.43, 0.105, WHITE)


def _triangle(pen: Pen, up: bool) -> None:
    """The white, red-rimmed triangle of warnings (up) and of yield (down)."""
    turn, centre = (-90, (0.0, 0.27)) if up else (90, (0.0, -0.27))
    pen.rounded(_regular(3, 0.98, turn, centre), 0.13, RED)
    pen.rounded(_regular(3, 0.72, turn, centre), 0.02, WHITE)


def _yield(pen: Pen) -> None:
    _triangle(pen, up=False)


def _no_entry(pen: Pen) -> None:
    pen.disc((0, 0), RIM, WHITE)
    pen.disc((0, 0), 0.92, RED)
    pen.polygon([(-0.68, -0.19), (0.68, -0.19), (0.68, 0.19), (-0.68, 0.19)], WHITE)


def _priority(pen: Pen) -> None:
    pen.rounded(_regular(4, 0.88, 0), 0.08, BLACK)
    pen.rounded(_regular(4, 0.85, 0), 0.06, WHITE)
    pen.rounded(_regular(4, 0.56, 0), 0.04, YELLOW)


def _limit(pen: Pen, number: str) -> None:
    pen.disc((0, 0), RIM, RED)
    pen.disc((0, 0), 0.73, WHITE)
    _text(pen, number, 0.38, 0.55, 0.15, BLACK)


def _end(pen: Pen) -> None:
    pen.disc((0, 0), RIM, BLACK)
    pen.disc((0, 0), 0.91, WHITE)
    for step in (-2, -1, 0, 1, 2):  # five parallel stripes, from bottom left to top right, ending on the rim
        off = 0.15 * step
        reach = (0.87**2 - off**2) ** 0.5
        a, b = off - reach, off + reach
        pen.polygon(_bar((a * 0.7071, b * 0.7071), (b * 0.7071, a * 0.7071), 0.085), BLACK)


def _caution(pen: Pen) -> None:
    _triangle(pen, up=True)
    pen.polygon([(-0.115, -0.2), (0.115, -0.2), (0.07, 0.3), (-0.07, 0.3)], BLACK)
    pen.disc((0, -0.2), 0.115, BLACK)
    pen.disc((0, 0.46), 0.105, BLACK)


def _bend(pen: Pen) -> None:
    _triangle(pen, up=True)
    pen.arrow([(-0.15, 0.53), (-0.15, 0.26), *_arc((0.0, 0.26), 0.15, 0.15, 180, 270, 8), (0.29, 0.11)],
              0.135, BLACK)  # fmt: skip


def _narrows(pen: Pen) -> None:
    _triangle(pen, up=True)
    for side in (-1, 1):
        pen.stroke([(0.3 * side, 0.54), (0.27 * side, 0.36), (0.12 * side, 0.14), (0.12 * side, -0.14)],
                   0.12, BLACK)  # fmt: skip


def _pedestrians(pen: Pen) -> None:
    _triangle(pen, up=True)
    pen.disc((0.02, -0.25), 0.1, BLACK)
    pen.stroke([(0.0, -0.06), (-0.02, 0.2)], 0.17, BLACK)  # trunk
    pen.stroke([(0.0, 0.22), (0.14, 0.38), (0.18, 0.58)], 0.1, BLACK)  # front leg
    pen.stroke([(-0.04, 0.22), (-0.11, 0.42), (-0.26, 0.56)], 0.1, BLACK)  # rear leg
    pen.stroke([(0.03, -0.08), (0.16, 0.08), (0.27, 0.1)], 0.07, BLACK)  # front arm
    pen.stroke([(-0.04, -0.08), (-0.17, 0.06), (-0.2, 0.19)], 0.07, BLACK)  # rear arm


def _blue(pen: Pen) -> None:
    """The blue, white-rimmed disc of mandatory signs."""
    pen.disc((0, 0), RIM, WHITE)
    pen.disc((0, 0), 0.91, BLUE)


def _ahead(pen: Pen) -> None:
    _blue(pen)
    pen.arrow([(0, 0.62), (0, -0.7)], 0.27, WHITE)


def _turn_right(pen: Pen) -> None:
    _blue(pen)
    pen.arrow([(-0.3, 0.58), (-0.3, 0.1), *_arc((-0.08, 0.1), 0.22, 0.22, 180, 270, 8), (0.7, -0.12)],
              0.25, WHITE)  # fmt: skip


def _keep_right(pen: Pen) -> None:
    _blue(pen)
    pen.arrow([(-0.44, -0.44), (0.52, 0.52)], 0.27, WHITE)


def _roundabout(pen: Pen) -> None:
    _blue(pen)
    for start in (-90, 30, 150):  # three arrows chasing each other anticlockwise, as where one drives right
        body = _arc((0, 0), 0.5, 0.5, start + 35, start - 25, 12)
        pen.stroke(body, 0.17, WHITE)
        tip, a = radians(start - 62), radians(start - 24)
        pen.polygon([(0.5 * cos(tip), 0.5 * sin(tip)), (0.72 * cos(a), 0.72 * sin(a)),
                     (0.27 * cos(a), 0.27 * sin(a))], WHITE)  # fmt: skip


PAINTERS: dict[str, Callable[[Pen], None]] = {
    "stop": _stop,
    "yield": _yield,
    "no entry": _no_entry,
    "priority road": _priority,
    "speed limit 30": lambda pen: _limit(pen, "30"),
    "speed limit 50": lambda pen: _limit(pen, "50"),
    "speed limit 80": lambda pen: _limit(pen, "80"),
    "end of restrictions": _end,
    "general caution": _caution,
    "bend right": _bend,
    "road narrows": _narrows,
    "pedestrians": _pedestrians,
    "ahead only": _ahead,
    "turn right": _turn_right,
    "keep right": _keep_right,
    "roundabout": _roundabout,
}


def paint(name: str, size: int) -> Image.Image:
    """Draws one sign, facing the viewer, on a transparent ground.

    Args:
        name: a key of PAINTERS.
        size: side of the picture, pixels, at least 1.

    Returns:
        An RGBA picture of (size, size) pixels with smooth edges.
    """
    large = Image.new("RGBA", (size * SUPERSAMPLING,) * 2, (0, 0, 0, 0))
    PAINTERS[name](Pen(ImageDraw.Draw(large), size * SUPERSAMPLING))
    return large.resize((size, size), Image.Resampling.BOX)
