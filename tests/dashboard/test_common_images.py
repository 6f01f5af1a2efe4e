"""Encodings are compared on the same images: the first n of a longer measurement are one of n."""

import numpy as np
import pandas as pd
import pytest

from dashboard import cached
from dashboard.model.storage import common_images, places, protection
from resq.measure.store import table

NET = "cifar10/resnet18/base"


def row(encoding: str, ber: float, right: list[int], images: str, **more: object) -> dict[str, object]:
    bits = np.array(right, np.uint8)
    same = {"fault": "random", "seed": 0, "top": 0.01, "map": 0, "sample": "first"}
    return {
        **same, "encoding": encoding, "ber": ber, "n": len(right), "correct": int(bits.sum()),
        "images": images, "right": np.packbits(bits).tobytes(), **more,
    }  # fmt: skip


def test_a_longer_measurement_is_cut_to_the_images_of_the_shorter_one():
    rows = pd.DataFrame([
        row("int8", 0.01, [1, 0, 1, 1, 0, 0, 0, 0, 0, 1], "ten"),
        row("int4", 0.01, [1, 1, 1, 0], "four"),
        row("int8", 0.0, [1] * 10, "ten"),
    ])  # fmt: skip
    cut = common_images.nested(rows).set_index(["encoding", "ber"])
    assert cut["n"].tolist() == [4, 4, 4]
    assert cut.loc[("int8", 0.01), "correct"] == 3
    assert np.unpackbits(np.frombuffer(cut.loc[("int8", 0.01), "right"], np.uint8))[:4].tolist() == [
        1,
        0,
        1,
        1,
    ]
    assert set(cut["images"]) == {"four"}


def test_the_same_map_counts_once_and_what_cannot_be_cut_stays():
    rows = pd.DataFrame([
        row("int8", 0.01, [1, 0, 1, 1, 0], "five"),
        row("int8", 0.01, [1, 0, 1, 1], "four"),
        row("int4", 0.01, [1, 1, 1, 0], "four"),
        row("fp32", 0.01, [1, 1, 1, 1, 1], "other", sample="random"),
    ])  # fmt: skip
    cut = common_images.nested(rows)
    assert cut["encoding"].tolist().count("int8") == 1
    assert cut.set_index("encoding").loc["fp32", "n"] == 5
    assert common_images.nested(rows.head(0)).empty


def test_what_is_kept_of_a_photograph_network_is_told_on_the_same_images():
    """The mixture of 13 layers was said to keep more than int4-tmr2 in all layers, from other images."""
    rows = protection.rows_of(table.shipped(), NET, cached.card(NET)["sha256"], "random")
    cost = dict.fromkeys(rows["encoding"], 8.0)  # what is kept does not depend on it
    at = protection.points(rows, cost, "int8").query("ber == 0.01").set_index("encoding")
    assert at["n"].nunique() == 1
    assert at["images"].nunique() == 1
    mixture = "int8+int4-tmr2@0-2.4-5.7-9.13.20"
    assert at.loc["int4-tmr2", "kept"] > at.loc[mixture, "kept"]
    one = rows[(rows["encoding"] == mixture) & (rows["ber"] == 0.01)]
    assert at.loc[mixture, "mean"] == pytest.approx((one["correct"] / one["n"]).mean())


def test_no_rate_is_lost_where_an_encoding_has_fewer_images_there_and_no_other_images_lend_their_name():
    rows = pd.DataFrame([
        row("int8", 0.01, [1, 0, 1, 1, 0], "five"),
        row("int8", 0.1, [1, 0, 1], "three"),
        row("int4", 0.01, [1, 1, 1, 0], "other", sample="random"),
        row("int4", 0.01, [1, 1, 0, 0], "four"),
    ])  # fmt: skip
    cut = common_images.nested(rows)
    assert set(zip(cut["encoding"], cut["ber"], strict=True)) == {
        ("int8", 0.01),
        ("int8", 0.1),
        ("int4", 0.01),
    }
    assert set(cut.loc[(cut["encoding"] == "int8") & (cut["ber"] == 0.01), "images"]) == {"four"}
    assert len(cut[cut["encoding"] == "int4"]) == 2


@pytest.mark.parametrize("fault", ["random", "layer-uniform"])
def test_every_shipped_point_stays_a_point(fault):
    rows = table.shipped()
    for net, weights in rows[["checkpoint", "weights"]].drop_duplicates().itertuples(index=False):
        own = protection.rows_of(rows, net, weights, fault)
        cut = common_images.nested(own)
        assert set(zip(own["encoding"], own["ber"], strict=True)) == set(
            zip(cut["encoding"], cut["ber"], strict=True)
        ), net


def test_a_figure_on_the_first_images_rests_on_all_maps_that_see_them():
    """ResNet18 on 500 photographs was told of six maps that were measured on 500, not of twenty on 2,000."""
    rows = table.shipped()
    at = {"checkpoint": NET, "encoding": "int8", "fault": "random", "ber": "1e-2"}
    longer, line = (places.lines(rows, asked).iloc[0] for asked in (at, {**at, "n": "500"}))
    assert longer["n"] > 500 == line["n"]
    assert line["maps"] == longer["maps"]
    cells = rows[(rows["checkpoint"] == NET) & (rows["encoding"] == "int8") & (rows["axis"] == "ber")]
    cells = cells[(cells["ber"] == 0.01) & (cells["fault"] == "random") & (cells["region"] == "all")]
    cells = cells[(cells["n"] == longer["n"]) & (cells["top"] == longer["top"])]
    right = [np.unpackbits(np.frombuffer(bits, np.uint8))[:500] for bits in cells["right"]]
    assert line["mean"] == pytest.approx(np.mean(right))
