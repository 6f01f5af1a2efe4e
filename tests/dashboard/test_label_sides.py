"""Labels beside dots: on no arrow, no other label, and inside the picture, where there is room."""

import itertools

import numpy as np
import pandas as pd
import pytest

from dashboard import cached
from dashboard.charts.tradeoff import gains
from dashboard.charts.tradeoff.pareto import _ends, models
from dashboard.charts.words import label_sides


def dots(places: dict[str, tuple[float, float]]) -> pd.DataFrame:
    return pd.DataFrame([{"label": name, "x": x, "y": y} for name, (x, y) in places.items()])


def test_a_label_leaves_the_side_to_which_its_arrow_goes():
    table = dots({"base": (0.0, 0.0), "hard": (1.0, 0.0)})
    pair = [(table.iloc[0], table.iloc[1])]
    alone = label_sides.sides(table, table, "x", "y")
    beside = label_sides.sides(table, table, "x", "y", pair)
    assert alone[0] == "middle right"
    assert beside[0] != "middle right"
    assert "middle" not in beside[0] or beside[0] == "middle left"


def test_a_line_beside_a_box_has_no_length_in_it():
    box = (0.0, 0.0, 1.0, 1.0)
    assert label_sides._inside(box, (0.5, -1.0, 0.5, 2.0)) == pytest.approx(1.0)
    assert label_sides._inside(box, (0.0, 0.0, 0.6, 0.8)) == pytest.approx(1.0)
    assert label_sides._inside(box, (-1.0, 1.5, 2.0, 1.5)) == 0.0
    assert label_sides._inside(box, (2.0, 0.5, 3.0, 0.5)) == 0.0


@pytest.mark.parametrize("net", ["signs/resnet20/base", "cifar10/resnet18/base", "gtsrb/resnet18/base"])
def test_no_label_of_a_shipped_figure_lies_on_an_arrow_where_a_side_of_its_dot_is_free(net):
    areas = cached.areas(net)
    table = models(areas)
    arrows = _ends(table)
    sides = label_sides.sides(areas, table, "faults", "attack", arrows)
    ends = {name: label_sides.around(areas[name])["range"] for name in ("faults", "attack")}
    lines = [label_sides._line(pair, ends) for pair in arrows]
    where = [
        tuple((dot[name] - low) / (high - low) for name, (low, high) in ends.items())
        for _, dot in table.iterrows()
    ]
    boxes = [
        label_sides._boxes(h, v, label_sides.LETTER * len(word))
        for (h, v), word in zip(where, table["label"], strict=True)
    ]
    dots = [(h - 0.02, v - 0.03, h + 0.02, v + 0.03) for h, v in where]
    for i, side in enumerate(sides):
        others = [boxes[j][at] for j, at in enumerate(sides) if at and j != i]
        free = [at for at in boxes[i] if label_sides._cost(boxes[i], [*dots, *others], lines, at) == 0]
        if side and free:
            assert label_sides._crossed(boxes[i][side], lines) == 0, (table["label"].iloc[i], side, free)


def test_no_name_of_a_studys_arrow_lies_on_another_name():
    studies = cached.studies()
    every = [(name, of) for arrows in studies.values() for name, of in arrows.items()]
    heads = np.array([(of["R_A"]["mean"], of["R_F"]["mean"]) for _, of in every])
    names = [gains.LETTERS.get(name, name) for name, _ in every]
    ends = np.vstack([heads, np.zeros(2)])
    shares = gains.EDGE + (1 - 2 * gains.EDGE) * (heads - ends.min(axis=0)) / np.ptp(ends, axis=0)
    sides = gains._sides(names, list(map(tuple, heads)))
    boxes = [
        label_sides._boxes(h, v, gains.LETTER * len(name), 1.25 * gains.LETTER)[side]
        for (h, v), name, side in zip(shares, names, sides, strict=True)
    ]
    assert len(boxes) > 8
    for one, other in itertools.combinations(boxes, 2):
        smaller = min(label_sides._overlap(box, box) for box in (one, other))
        assert label_sides._overlap(one, other) < 0.15 * smaller  # the margins of their letters
