"""The Protect page without a browser: the answer, the plane, a mixture by hand, the files to take home."""

import io
import json
import math
import re
import zipfile

import pandas as pd
import pytest
import streamlit as st

from dashboard import cached, charts
from dashboard.model.storage import common_images, protection, protection_says
from resq import checkpoints
from resq.core import Encoding
from resq.measure.store import table
from resq.protect import fulfilled
from tests.pages import fine
from tests.views.test_app import NAME, commands, figures, opened, said

DIGEST = str(cached.card(NAME)["sha256"])
UNEVEN = {"net": NAME, "sampler": "layer-uniform", "ber": "0.01", "keep": "95"}


@pytest.fixture(autouse=True)
def _fresh_caches() -> None:
    st.cache_data.clear()
    st.cache_resource.clear()


def test_the_page_opens_with_an_answer_a_figure_and_the_command_that_searches():
    app = opened("protect")
    fine(app)
    assert figures(app) == 1
    assert "bits a weight: at a bit error rate of" in said(app)
    assert any(c.startswith("python -m resq protect") for c in commands(app))


def test_a_link_sets_sampler_rate_and_budget_and_a_mixture_is_the_answer():
    app = opened("protect", **UNEVEN)
    fine(app)
    assert "Store `int4-tmr2+int4-tmr2-x5@0`, 8.05 bits a weight" in said(app)
    assert f"python -m resq protect {NAME} --ber 0.01 --keep 0.95 --fault layer-uniform" in commands(app)
    app = opened("protect", **UNEVEN, bits="8")
    fine(app)
    assert "Nothing measured reaches 95\u202f% at a bit error rate of" in said(app)
    assert "in at most 8 bits a weight" in said(app)


def test_what_may_be_used_narrows_the_answer():
    app = opened("protect", **UNEVEN, kinds="whole copies")
    fine(app)
    assert "most keeps `int4-tmr2-x3` at 24.00 bits a weight" in said(app)


def test_a_mixture_by_hand_says_its_bits_and_what_is_not_measured_with_its_price():
    app = opened("protect", **UNEVEN, layers="3", way="x9")
    fine(app)
    assert "is **not measured**" in said(app)
    assert "Measure this mixture: 7 cells, about" in app.button(key="measure_mixture").label
    app.slider(key="layers").set_value(0).run()
    fine(app)
    assert "`int4-tmr2` takes **8.00 bits a weight** and keeps" in said(app)


def test_a_place_gives_the_next_measured_rate_above_it():
    app = opened("protect", net=NAME, place="voltage_0.56")
    fine(app)
    assert "The next rate above it that is measured is" in said(app)
    assert app.query_params["place"] == "voltage_0.56"


@pytest.mark.parametrize("query", [
    {"net": "a/b/c", "ber": "x", "keep": "-4", "bits": "99", "kinds": "none"},
    {"layers": "1000", "way": "rain", "base": "fp64", "place": "mars", "job": "0123456789ab"},
])  # fmt: skip
def test_nonsense_in_a_link_falls_back(query):
    app = opened("protect", **query)
    fine(app, "The link names the network", "no longer known here", "mars")
    assert figures(app) == 1


def test_searches_that_were_run_are_told_with_their_comparison():
    found = cached.searches(NAME)
    assert len(found) == 3
    text = said(opened("protect", net=NAME))
    for one in found:
        assert f"Stored as {one['encoding']}" in text
        assert fulfilled.verdict(one) in text
        assert "of images that the network had learned from" in text
        assert f"({one['confirmed'][0]['rival_bits']:.2f} bits a weight" in text
        assert one["passes"] <= one["grid_passes"] / 3
        rates = [entry["ber"] for entry in one["confirmed"]]
        assert len(rates) == 3
        assert all(
            entry["difference"]["high"] > 0 for entry in one["confirmed"]
        )  # nowhere told apart as worse
        assert any(entry["difference"]["low"] > 0 for entry in one["confirmed"])  # better at one
        assert all(entry["rival_bits"] <= one["bits"] for entry in one["confirmed"])


def test_without_rows_a_search_is_proposed(monkeypatch, tmp_path):
    rows = table.shipped()
    few = rows[(rows["checkpoint"] == NAME) & (rows["fault"] != "layer-uniform")]
    table.write(few, tmp_path / "signs-resnet20.parquet")
    monkeypatch.setattr(table, "SHIPPED", tmp_path)
    app = opened("protect", **UNEVEN)
    fine(app)
    assert "A search needs no stored rows" in said(app)


def test_the_files_to_deploy_hold_the_words_and_their_decoder():
    held = zipfile.ZipFile(io.BytesIO(cached.archive(NAME, "int4-tmr2+int4-tmr2-x5@0")))
    assert set(held.namelist()) == {"words.bin", "layout.json", "scales.npz", "decoder.c"}
    layout = json.loads(held.read("layout.json"))
    assert [layer["copies"] for layer in layout["layers"][:2]] == [5, 1]
    assert "decoder.c" not in zipfile.ZipFile(io.BytesIO(cached.archive(NAME, "fp16-mset"))).namelist()


def test_points_count_all_stored_bits_and_shares_are_of_the_network_as_it_is_stored():
    """The divisor was the best accuracy of any encoding, even of one without a dot: it decided an answer."""
    found = cached.protections(NAME, "layer-uniform")
    sizes = checkpoints.sizes(NAME)
    for line in found.drop_duplicates("encoding").to_dict("records"):
        encoding = Encoding.parse(line["encoding"])
        limits = 9 * 32 / sum(sizes) if encoding.ranger else 0  # a float for each of nine blocks
        assert line["bits"] == pytest.approx(encoding.memory(sizes) + limits, abs=1e-12)
    assert found["encoding"].str.contains("ranger").any()
    assert set(found["over"]) == {"int8"}
    rows = common_images.nested(protection.rows_of(table.shipped(), NAME, DIGEST, "layer-uniform"))
    free = rows[(rows["encoding"] == "int8") & (rows["ber"] == 0)].set_index("images")
    shared = found[found["images"].isin(free.index)]
    clean = shared["images"].map((free["correct"] / free["n"]).groupby(level=0).first())
    assert len(shared) > 20
    assert (shared["kept"] * clean).to_numpy() == pytest.approx(shared["mean"].to_numpy())
    assert set(found["fault"]) == {"layer-uniform"}


def _points(*lines: tuple[str, float, float]) -> pd.DataFrame:
    return pd.DataFrame(
        [{"encoding": name, "kind": "plain", "bits": bits, "ber": 0.01, "kept": kept, "kept_low": kept - 0.02,
          "kept_high": kept + 0.02, "maps": 6, "n": 300, "mean": kept, "low": kept, "high": kept, "seed": 0,
          "over": "int8", "sample": "first", "data": "signs", "images": "e" * 16,
          "weights": "f" * 16} for name, bits, kept in lines]
    )  # fmt: skip


def test_the_cheapest_that_keeps_enough_is_the_answer_and_else_what_keeps_most():
    points = _points(("int8", 8, 0.9), ("int8-x3", 24, 0.99), ("int4-tmr2", 8, 0.95))
    assert protection.answer(points, 0.94, 99).encoding == "int4-tmr2"
    assert protection.answer(points, 0.98, 99).encoding == "int8-x3"
    assert not protection.answer(points, 0.98, 99).sure
    most = protection.answer(points, 0.98, 8)
    assert (most.encoding, most.enough) == ("int4-tmr2", False)
    assert protection.answer(points, 0.98, 6).encoding == ""
    assert "Nothing that takes at most 6 bits" in protection_says.answer(
        protection.Answer(""), 0.01, 0.9, protection_says.Budget(6)
    )


def test_an_answer_that_cannot_be_told_from_enough_says_so_and_never_rounds_up_to_what_was_asked():
    short = protection.answer(_points(("int4-tmr2", 8, 0.98996)), 0.99, 99)
    text = protection_says.answer(short, 0.01, 0.99).replace("\u202f", " ")
    assert "**98.996 %** of what int8 has without faults" in text
    assert "Its interval holds 99 %" in text
    low = protection.answer(_points(("int4-tmr2", 8, 0.9)), 0.99, 99)
    assert "Its interval holds" not in protection_says.answer(low, 0.01, 0.99)


def test_what_a_search_confirmed_stands_beside_an_answer_that_keeps_less():
    """The page said that nothing keeps 99 %, above a search that had confirmed 99.5 % in fewer bits."""
    known, points = cached.searches(NAME), cached.protections(NAME, "layer-uniform")
    answer = protection.answer(points[points["ber"] == 0.01], 0.99, math.inf)
    text = protection_says.searched_apart(known, "layer-uniform", 0.01, answer)
    assert "`int4-tmr1+int4-tmr1-x5@0-7.19`, 7.78 bits a weight" in text
    assert "98.2\u202f% right" in text
    assert "400 test images" in text
    assert protection_says.searched_apart(known, "random", 0.03, answer) == ""
    app = opened("protect", **UNEVEN)
    assert text in said(app) or answer.enough


def test_a_search_that_missed_what_it_was_asked_says_so_where_it_keeps_more_than_the_points():
    known, points = cached.searches(NAME), cached.protections(NAME, "random")
    plain = points[(points["ber"] == 0.05) & (points["kind"] == "plain")]
    answer = protection.answer(plain, 0.99, math.inf)
    told = protection_says.searched_apart(known, "random", 0.05, answer)
    assert "A search chose `int4-tmr2+int4-tmr2-x5@0.5.19`, 8.45 bits a weight, and measured 92.6" in told
    assert "8.5 bits a weight (missed on held-out images, missed on test images)." in told
    assert "confirmed" not in told
    assert told.count("A search chose") == 2


def test_a_search_stands_beside_the_answer_only_within_the_budget_and_what_may_be_used():
    app = opened("protect", net=NAME, ber="0.05", kinds="plain words")
    fine(app)
    assert "Nothing measured of what may be used reaches" in said(app)
    assert "A search chose" not in said(app)
    known, points = cached.searches(NAME), cached.protections(NAME, "random")
    plain = points[(points["ber"] == 0.05) & (points["kind"] == "plain")]
    answer = protection.answer(plain, 0.99, math.inf)

    def told(most: float, kinds: tuple[str, ...] = ("plain", "mixture"), time: float = math.inf) -> int:
        budget = protection_says.Budget(most, time, kinds)
        return protection_says.searched_apart(known, "random", 0.05, answer, budget).count("A search chose")

    assert [told(most) for most in (math.inf, 8, 6)] == [2, 1, 0]
    assert told(math.inf, ("plain",)) == 0
    assert told(math.inf, time=2.0) == 0  # nobody timed a pass of what they chose


def test_the_command_of_the_answer_measures_it_and_a_search_is_named_as_a_new_one():
    app = opened("protect", net=NAME, ber="0.01", keep="99")
    fine(app)
    answer = re.search(r"Store `([^`]+)`", said(app))[1]
    measuring, search = commands(app)[:2]
    assert "This is a new search: it asks for the same rate, share and budget" in said(app)
    assert measuring.startswith(f"python -m resq sweep {NAME}")
    assert f"--encoding {answer} " in measuring
    assert "--ber 0,0.01" in measuring
    assert search.startswith(f"python -m resq protect {NAME} --ber 0.01 --keep 0.99")


def test_a_search_is_named_by_what_it_was_asked_for_and_what_became_of_it():
    named = [protection_says.searched(search) for search in cached.searches(NAME)]
    assert named[1] == (
        "keep 99 % at BER 0.01, layer-uniform, in at most 8.25 bits a weight (reached on held-out images, "
        "open on test images)"
    )


def test_a_search_counts_by_what_it_keeps_of_the_network_as_it_is_stored():
    """Of its own clean accuracy a mixture of coarse words kept 100 %, of the file's 93 %."""
    answer = protection.answer(_points(("int8-symmetric-x5", 40, 0.99)), 0.98, math.inf)
    known = [search for search in cached.searches(FILE) if search["wanted"]["fault"] == "random"]
    at = known[0]["confirmed"][1]
    assert at["chosen"]["accuracy"] / at["chosen"]["clean"] > answer.asked
    assert protection_says.searched_apart(known, "random", at["ber"], answer) == ""


def test_the_front_is_drawn_as_steps_and_the_answer_is_ringed():
    points = _points(("int8", 8, 0.9), ("int8-x3", 24, 0.99), ("int8-secded", 9, 0.8))
    assert protection.front(points)["encoding"].tolist() == ["int8", "int8-x3"]
    marked = points.assign(front=points.index.isin(protection.front(points).index))
    figure = charts.CHARTS["protection"].draw(marked, [0.01], 0.95, 10, "int8-x3")
    line, dots, ring = figure.data
    assert list(line.x) == [8, 24]
    assert list(dots.x) == [8, 9, 24]
    assert list(ring.x) == [24]


FILE = "ic01_int8@3c002613.tflite"
MANY = 10  # defences on a plane, plain words not among them


@pytest.mark.parametrize(
    "net", [*(f"cifar10/resnet18/{name}" for name in ("base", "fault", "plus")), FILE, NAME]
)
@pytest.mark.parametrize("fault", ["random", "layer-uniform"])
def test_every_plane_has_ten_defences_at_three_rates_with_intervals_and_counts_what_it_struck(net, fault):
    found = cached.protections(net, fault)
    defences = found[~found["kind"].isin(["plain"])]
    at_three = defences.groupby("encoding")["ber"].nunique()
    assert (at_three >= 3).sum() >= MANY
    assert (found["kept_low"] <= found["kept"]).all()
    assert (found["kept"] <= found["kept_high"]).all()
    assert found["bits"].min() >= 4
    # What a row says could flip is what the plane counts: nobody is credited with memory that is not counted.
    for name, bits in _struck(net, fault).items():
        counted = found.loc[found["encoding"] == name, "bits"]
        assert counted.empty or counted.iloc[0] >= bits - 1e-9


def _struck(net: str, fault: str) -> dict[str, float]:
    """Bits a weight that could flip, as the shipped rows of the plane say."""
    file = "deployed/ic01_int8" if net == FILE else net.rpartition("/")[0].replace("/", "-")
    rows = table.read(table.SHIPPED / f"{file}-guards.parquet")
    rows = rows[(rows["checkpoint"] == net) & (rows["fault"] == fault) & (rows["ber"] > 0)]
    assert (rows["bits"] > 0).all()
    bits = rows.groupby("encoding")["bits"].max()
    weights = bits["as stored"] / 8 if net == FILE else sum(checkpoints.sizes(net))
    return {str(name): float(count / weights) for name, count in bits.items()}


def test_a_deployed_file_has_its_plane_its_command_and_no_mixture_by_hand():
    app = opened("protect", net=FILE, ber="0.001", keep="90")
    fine(app, "is not on this machine, so its words cannot be written")
    assert figures(app) == 1
    assert any(f"protect {FILE} --data cifar10 --ber 0.001" in c for c in commands(app))
    assert "A mixture by hand" not in said(app)


def test_a_budget_of_time_leaves_what_was_measured_to_keep_to_it():
    found = cached.protections("cifar10/resnet18/base", "random")
    assert found["time_250"].notna().any()
    few = protection.within(found, 1.05)
    assert 0 < few["encoding"].nunique() < found["encoding"].nunique()
    assert few["time_250"].max() <= 1.05
    app = opened("protect", net="cifar10/resnet18/base", ber="0.01", time="1.05")
    fine(app)
    assert any("--time 1.05 --batch 250" in c for c in commands(app))
