"""Layers stored apart: the points of the figure follow from rows, and the sentence from the points."""

import pandas as pd
import pytest
import streamlit as st

from dashboard import cached, charts
from dashboard.charts.storage import mixed_encoding as mixed_encoding_charts
from dashboard.model import bit_view
from resq import checkpoints
from resq.measure.analysis import mixed_encoding
from resq.measure.store import table
from tests.dashboard.test_charts import row
from tests.pages import fine
from tests.views.test_app import NAME, choice, opened, said

SIZES = [10, 60, 30]
ONE, TWO = "int8+int4-tmr2@0", "int8+int4-tmr2@0.2"
# encoding -> images right of 100 without flips, then on maps 0 and 1 at 1e-2 and at 1e-1
RIGHT = {
    "int8": (90, (50, 40), (10, 10)), ONE: (91, (70, 80), (20, 10)), TWO: (90, (84, 86), (30, 20)),
    "int4-tmr2": (88, (86, 88), (60, 60)),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _fresh_caches() -> None:
    st.cache_data.clear()
    st.cache_resource.clear()


def rows(right=RIGHT, **changes) -> pd.DataFrame:
    made = []
    for encoding, (clean, *faulty) in right.items():
        made.append(row(encoding=encoding, correct=clean, key=f"{encoding} clean {changes}", **changes))
        made += [
            row(
                encoding=encoding,
                ber=ber,
                map=m,
                correct=c,
                flips=1,
                key=f"{encoding} {ber} {m} {changes}",
                **changes,
            )
            for ber, pair in zip((1e-2, 1e-1), faulty, strict=True)
            for m, c in enumerate(pair)
        ]
    return table.frame(made)


def test_points_go_from_no_layer_to_all_with_the_share_of_weights_that_is_protected():
    points = mixed_encoding.points(rows(), SIZES, "int8")
    sets = points.drop_duplicates("encoding")
    assert sets["encoding"].tolist() == ["int8", ONE, TWO, "int4-tmr2"]
    assert sets["share"].tolist() == [0, 0.1, 0.4, 1]
    assert sets["layers"].tolist() == [0, 1, 2, 3]
    at = points[points["ber"] == 1e-2].set_index("encoding")["mean"]
    assert at.to_dict() == pytest.approx({"int8": 0.45, ONE: 0.75, TWO: 0.85, "int4-tmr2": 0.87})


@pytest.mark.parametrize("encoding", ["int8", "int4-tmr2", TWO])
def test_either_of_a_pair_and_its_mixtures_ask_for_the_same_points(encoding):
    assert mixed_encoding.points(rows(), SIZES, encoding).equals(mixed_encoding.points(rows(), SIZES, "int8"))


@pytest.mark.parametrize("encoding", ["fp32", "int8-symmetric"])
def test_another_encoding_has_no_points(encoding):
    assert mixed_encoding.points(rows(), SIZES, encoding).empty


def test_without_a_measured_mixture_there_are_no_points():
    only = {name: RIGHT[name] for name in ("int8", "int4-tmr2")}
    assert mixed_encoding.points(rows(only), SIZES, "int8").empty


def test_only_what_all_have_seen_is_compared():
    more = {"int8": (99, (99, 99), (99, 99))}
    other = rows(more, images="d" * 16, n=100)  # other images
    third = table.frame([row(encoding="int8", ber=1e-2, map=2, correct=99, key="a third map")])
    extra = table.frame([row(encoding="int8", ber=5e-2, correct=99, key="a rate of its own")])
    whole = pd.concat([rows(), other, third, extra], ignore_index=True)
    assert mixed_encoding.points(whole, SIZES, "int8").equals(mixed_encoding.points(rows(), SIZES, "int8"))


def test_a_mixture_of_more_layers_than_there_are_is_left_out():
    assert mixed_encoding.points(rows(), SIZES[:2], "int8")["encoding"].unique().tolist() == [
        "int8",
        ONE,
        "int4-tmr2",
    ]


def test_the_sentence_names_the_smallest_set_that_closes_most_of_the_gap():
    text = mixed_encoding_charts.protected_says(mixed_encoding.points(rows(), SIZES, "int8"))
    # At 1e-2 all protected keep 87 of 88; one layer closes 30 of 42 points, two close 40.
    assert text.startswith("Bits flip independently (sampler random). ")
    assert "At BER 10⁻² all layers as int8 leave 45.0" in text
    assert "int4-tmr2 for 2 of 3 layers, 40.0" in text
    assert "it is 85.0" in text


def test_where_even_whole_protection_breaks_down_the_smallest_rate_is_told():
    weak = {**RIGHT, "int4-tmr2": (88, (60, 62), (12, 10))}
    assert "At BER 10⁻²" in mixed_encoding_charts.protected_says(
        mixed_encoding.points(rows(weak), SIZES, "int8")
    )


def test_the_figure_has_a_line_per_rate_on_a_square_root_scale():
    figure = charts.CHARTS["protected"].draw(mixed_encoding.points(rows(), SIZES, "int8"), 0.1)
    assert [line.name for line in figure.data] == ["BER 10⁻²", "BER 10⁻¹"]
    assert figure.data[0].x == pytest.approx([0, 0.1**0.5, 0.4**0.5, 1])
    assert figure.layout.xaxis.ticktext[0] == "none"
    assert figure.layout.xaxis.ticktext[-1] == "all"
    assert "protected: 1 of 3 layers" in figure.data[0].text[1]


NINE, MORE = "int8+int8-x9@0", "int8+int8-x9@0.2"
COPIED = {
    "int8": (90, (30, 20), (10, 10)), NINE: (90, (84, 86), (20, 30)), MORE: (90, (88, 90), (70, 60)),
}  # fmt: skip


def picked_first(right=COPIED, **changes) -> pd.DataFrame:
    """Rows of the sampler that picks a layer first."""
    made = rows(right, **changes)
    return made.assign(fault=["layer-uniform" if ber else "none" for ber in made["ber"]])


def test_copied_layers_go_from_none_to_most_with_the_memory_that_they_take():
    both = pd.concat(
        [picked_first(), rows()], ignore_index=True
    )  # the mixtures in the same memory are others
    lines = mixed_encoding.copies(both, SIZES, "int8")
    sets = lines.drop_duplicates("encoding")
    assert sets["encoding"].tolist() == ["int8", NINE, MORE]
    assert sets["memory"].tolist() == pytest.approx([8, 8 + 8 * 8 * 0.1, 8 + 8 * 8 * 0.4])
    assert sets["share"].tolist() == pytest.approx([0, 0.1, 0.4])
    assert sets["layers"].tolist() == [0, 1, 2]
    at = lines[lines["ber"] == 1e-2].set_index("encoding")["mean"]
    assert at.to_dict() == pytest.approx({"int8": 0.25, NINE: 0.85, MORE: 0.89})
    assert mixed_encoding.copies(both, SIZES, MORE).equals(lines)
    assert mixed_encoding.points(both, SIZES, "int8").equals(mixed_encoding.points(rows(), SIZES, "int8"))


@pytest.mark.parametrize("encoding", ["int4-tmr2", "fp32"])
def test_without_measured_copies_there_are_no_lines(encoding):
    assert mixed_encoding.copies(picked_first(), SIZES, encoding).empty
    assert mixed_encoding.copies(rows(COPIED), SIZES, "int4-tmr2").empty


def test_a_layer_is_struck_in_inverse_proportion_to_its_size():
    found = mixed_encoding.flip_rate_per_layer([10, 90], 0.01)
    assert found == pytest.approx(
        [(1 - 2.718281828 ** (-2 * 0.01 * 100 / (2 * size))) / 2 for size in (10, 90)]
    )


def test_the_sentence_about_copies_tells_where_the_fewest_gain_most():
    lines = mixed_encoding.copies(picked_first(), SIZES, "int8")
    text = mixed_encoding_charts.copies_says(lines, ["first.weight", "second.weight", "last.weight"], SIZES)
    assert "at BER 10⁻² it flips 3.2" in text  # (1 - exp(-2 x 0.01 x 100 / 30)) / 2
    assert "of the bits of first (10 weights)" in text
    assert "of second (60)" in text
    assert "stored once 25.0" in text
    assert "with 1 of 3 layers, 10.00" in text
    assert "stored 9 times and read by majority 85.0" in text
    assert "in 80.0" in text


def test_the_figure_of_copies_has_a_line_per_set_named_by_layers_and_memory():
    figure = charts.CHARTS["copies"].draw(mixed_encoding.copies(picked_first(), SIZES, "int8"), 0.1)
    names = [trace.name for trace in figure.data if trace.showlegend]
    assert names == [
        "every word once · 8 bits", "1 of 3 layers 9 times · 14.4 bits", "2 of 3 layers 9 times · 33.6 bits"
    ]  # fmt: skip


def test_the_page_shows_copies_where_they_were_measured(monkeypatch, tmp_path):
    weights = checkpoints.card(NAME)["sha256"][:16]
    table.write(picked_first(weights=weights), tmp_path / "signs-resnet20-copies.parquet")
    monkeypatch.setattr(table, "SHIPPED", tmp_path)
    app = opened("layers")
    fine(app)
    assert "stored 9 times and read by majority" in said(app)
    st.cache_resource.clear()
    assert "read by majority" not in said(opened("layers", enc="int4-tmr2"))


def test_the_page_shows_what_was_measured_and_nothing_where_nothing_was(monkeypatch, tmp_path):
    weights = checkpoints.card(NAME)["sha256"][:16]
    table.write(rows(weights=weights), tmp_path / "signs-resnet20-apart.parquet")
    monkeypatch.setattr(table, "SHIPPED", tmp_path)
    app = opened("layers")
    fine(app)
    assert "int4-tmr2 for 2 of" in said(app)
    st.cache_resource.clear()
    app = opened("layers", enc="fp32")
    fine(app)
    assert "What if only the worst layers" not in said(app)


def test_the_shipped_networks_have_such_a_figure_and_commands_that_make_it():
    for net in ("signs/resnet20/base", "cifar10/resnet18/base", "gtsrb/resnet18/base"):
        points = cached.protected(net, "int8")
        assert points["encoding"].nunique() == 5
        for command in mixed_encoding_charts.measuring(net, points):
            assert command.startswith(f"python -m resq sweep {net} --encoding int")


def test_an_encoding_that_a_link_names_can_be_chosen_and_nonsense_cannot():
    assert bit_view.encodings([{}], ["int3", TWO, "int99", "int8+", "fp32"])[-2:] == ["int3", TWO]
    app = opened("sweep", encs=TWO)
    fine(app)
    assert choice(app, "button_group", "encs").value == [TWO]
    assert "Nothing is stored for this choice yet" in said(app)
