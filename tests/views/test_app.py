"""Every page in every state, without a browser: defaults, links, nonsense in links, and nothing there yet."""

import gc
import html
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard import cached
from dashboard.components import job_status
from dashboard.format import claim_sentences
from dashboard.forms import bitlab
from dashboard.model import bit_view, decisive, url_schema
from dashboard.server import warmup
from resq import checkpoints
from resq.core import BitFlips, Encoding
from resq.measure.run.one_flip import resumed
from resq.measure.specs import cells
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import table
from resq.memory import faults, quant
from tests.pages import fine

APP = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"
NAME = "signs/resnet20/base"
PAGES = {
    "start": "views/start.py",
    "bitlab": "views/bitlab.py",
    "sweep": "views/sweep.py",
    "layers": "views/layers.py",
    "tradeoff": "views/tradeoff.py",
    "protect": "views/protect.py",
    "harden": "views/harden.py",
    "lessons": "views/lessons.py",
    "classroom": "views/classroom.py",
    "mystery": "views/mystery.py",
    "moving": "views/moving.py",
    "yournetwork": "views/yournetwork.py",
    "replay": "views/replay.py",
    "leaderboard": "views/leaderboard.py",
}


@pytest.fixture
def nothing(monkeypatch, tmp_path):
    """A machine without checkpoints and without rows."""
    monkeypatch.setattr(checkpoints, "SHIPPED", tmp_path / "weights")
    monkeypatch.setattr(table, "SHIPPED", tmp_path / "results")
    monkeypatch.setenv("RESQ_WORK", str(tmp_path / "work"))


def commands(app: AppTest) -> list[str]:
    """What the page says to type, first what it shows at once, then what stands in opened boxes."""
    found = [element.proto.body for element in app.get("html") if 'class="terminal"' in element.proto.body]
    return [html.unescape(re.sub("<[^>]*>", "", body)) for body in found] + [c.value for c in app.code]


def opened(page: str = "start", **query: str) -> AppTest:
    """A page as a fresh visitor sees it who follows a link."""
    app = AppTest.from_file(str(APP), default_timeout=120)
    for key, value in query.items():
        app.query_params[key] = value
    if page != "start":
        app.switch_page(PAGES[page])
    return app.run()


def said(app: AppTest) -> str:
    """All text of a page."""
    return "\n".join(element.value for element in [*app.title, *app.markdown, *app.caption, *app.header])


def verdict(app: AppTest) -> str:
    """The verdict's headline."""
    return app.header[0].value


def figures(app: AppTest) -> int:
    return len(app.get("plotly_chart"))


def choice(app: AppTest, kind: str, key: str):
    return next(element for element in app.get(kind) if element.key == key)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_with_its_figures(page, rows):
    app = opened(page)
    fine(app)
    assert figures(app) >= (
        0
        if page in ("lessons", "harden", "yournetwork", "leaderboard", "classroom", "mystery", "moving")
        else 1
    )


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_what_to_do_where_there_is_no_checkpoint(page, nothing):
    app = opened(page)
    fine(app, "There is no trained network")
    if page in ("lessons", "replay"):  # texts and quoted figures; their numbers say that nothing is measured
        return
    if page == "leaderboard":
        assert "nothing to rank" in said(app)
        return
    if page in ("yournetwork", "classroom"):  # it asks for a file or a room, whatever networks are here
        return
    assert "no trained network on this machine" in said(app)
    assert any("python -m resq train" in code for code in commands(app))


@pytest.mark.parametrize("page", [page for page, names in url_schema.PARAMS.items() if names])
def test_empty_values_in_a_link_are_as_if_they_were_not_there(page, rows):
    app = opened(page, **dict.fromkeys(set(url_schema.PARAMS[page]) - url_schema.MANY, ""))
    fine(app)


@pytest.mark.parametrize("page", ["start", "sweep"])
def test_no_stored_rows_is_a_sentence(page, monkeypatch, tmp_path):
    monkeypatch.setattr(table, "SHIPPED", tmp_path)
    app = opened(page)
    fine(app)
    assert "stored" in said(app)
    assert figures(app) == 0


def test_start_says_the_numbers_origin_and_that_signs_are_rendered(rows):
    text = said(opened())
    for part in ("n = 100", "seed 0", f"weights {rows['weights'][0][:8]}", "not photographed"):
        assert part in text


def test_start_tells_findings_computed_from_rows_and_leaves_out_what_is_not_stored(rows):
    text = said(opened())
    # BER 0.01 and eps 4 lack rows in one encoding or another; nothing may be told half.
    assert "not measured here" not in text
    assert "{" not in text


def test_starts_findings_are_those_of_the_shipped_rows():
    text = said(opened())
    assert "How it is stored decides" in text
    assert "Which bits a BER means" in text


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_without_images(page, rows, monkeypatch):
    monkeypatch.setattr("resq.data.present", lambda name: False)
    fine(opened(page), "are not on this machine")


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_with_the_shipped_results(page):
    app = opened(page)
    fine(app)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_without_torch(page, rows, monkeypatch):
    for name in ("resq.measure.engine.faulty_network", "resq.training.presets"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delattr("resq.measure.engine.faulty_network", raising=False)
    monkeypatch.delattr("resq.training.presets", raising=False)
    fine(opened(page), "needs a package")


def test_a_click_on_a_bit_flips_it_and_a_second_click_flips_it_back():
    app = opened("bitlab")
    before = choice(app, "button", "bit_7").label
    app.button(key="bit_7").click().run()
    assert choice(app, "button", "bit_7").label[0] != before[0]
    assert app.query_params["flip"] == "7"
    app.button(key="bit_7").click().run()
    assert choice(app, "button", "bit_7").label == before
    assert "flip" not in app.query_params


def test_reset_flips_all_bits_back():
    app = opened("bitlab", flip="7,3", share="10")
    app.button(key="reset").click().run()
    assert "flip" not in app.query_params
    assert app.session_state["share"] == 0.0


def test_a_link_shows_what_its_sender_saw():
    app = opened("bitlab", enc="fp32", layer="linear", w="5", img="3", flip="30", share="1", draw="7")
    fine(app)
    assert app.selectbox(key="enc").value == "fp32"
    assert app.selectbox(key="layer").value == "linear.weight"
    assert app.number_input(key="w").value == 5
    assert app.session_state["flips"] == (30,)
    assert app.session_state["share"] == 0.01
    assert choice(app, "button", "bit_30").label[0] == "1"


@pytest.mark.parametrize("enc", bit_view.ENCODINGS)
def test_every_encoding_has_a_tile_per_stored_bit(enc):
    app = opened("bitlab", enc=enc)
    fine(app)
    tiles = [b for b in app.button if b.key and b.key.startswith("bit_")]
    assert len(tiles) == Encoding.parse(enc).word_bits


@pytest.mark.parametrize(
    "query",
    [
        {
            "layer": "nope",
            "w": "999999",
            "flip": "x",
            "img": "77",
            "net": "a/b/c",
            "enc": "int99",
            "share": "3",
        },
        {"w": "-1", "flip": "99,-3,,7.5", "plane": "64", "draw": "x"},
        {"layer": "conv1", "w": "432"},
    ],
)
def test_nonsense_in_a_bit_lab_link_falls_back_silently(query):
    app = opened("bitlab", **query)
    fine(app, "The link names the network")
    assert app.number_input(key="w").value == decisive.every()[0].w
    assert figures(app) == 2


def test_a_weight_number_beyond_a_smaller_layer_becomes_its_last():
    app = opened("bitlab", layer="linear", w="1000")
    app.selectbox(key="layer").set_value("conv1.weight").run()
    fine(app)
    assert app.number_input(key="w").value == 431


def test_a_bit_plane_of_longer_words_is_forgotten_in_shorter_ones():
    app = opened("bitlab", enc="fp32", plane="30", flip="31,3")
    app.selectbox(key="enc").set_value("int8").run()
    fine(app)
    assert app.selectbox(key="plane").value == 7
    assert app.session_state["flips"] == (3,)


def test_one_flipped_copy_is_outvoted():
    app = opened("bitlab", enc="int4-tmr2", flip="5")
    assert "outvote" in said(app)
    assert "still" in verdict(app)


def test_flipping_the_top_exponent_bit_of_a_whole_layer_breaks_the_answer():
    assert "still" not in verdict(opened("bitlab", enc="fp32", plane="30", share="100"))


def test_the_most_harmful_bit_of_fp32_changes_the_answer():
    app = opened("bitlab", enc="fp32")
    app.button(key="harmful").click().run()
    fine(app)
    assert "→" in verdict(app)


def test_a_bit_that_turns_one_wrong_answer_into_another_is_not_said_to_change_nothing():
    app = opened("bitlab", enc="fp32", img="3")
    app.button(key="harmful").click().run()
    fine(app)
    assert "→" in verdict(app)
    assert "No single bit of this layer was found" not in said(app)


def test_the_largest_weight_is_chosen():
    app = opened("bitlab")
    app.button(key="largest").click().run()
    weight = quant.dequantize(cached.load_network(NAME, "int8").model.weights["conv1.weight"])
    assert app.number_input(key="w").value == int(np.abs(weight).argmax())


def test_looking_never_changes_what_others_look_at():
    both = cached.load_network(NAME, "int8")
    before = {name: q.words.copy() for name, q in both.model.weights.items()}
    state = {name: value.clone() for name, value in both.network.state_dict().items()}
    cached.outcome(bit_view.BitExperiment(NAME, "int8", "linear.weight", 3, 0, (7, 6), 7, 0.1), seen=True)
    assert all(np.array_equal(before[name], q.words) for name, q in both.model.weights.items())
    assert all(bool((state[name] == value).all()) for name, value in both.network.state_dict().items())


def test_a_larger_share_of_a_plane_holds_the_smaller_one():
    model = cached.load_network(NAME, "int8").model
    few, many = (
        bit_view.flips(
            model, bit_view.BitExperiment(NAME, "int8", "linear.weight", 0, plane=7, share=share)
        ).addresses
        for share in (0.01, 0.1)
    )
    assert 0 < len(few) < len(many)
    assert set(few.tolist()) <= set(many.tolist())


def test_a_bit_flipped_by_hand_and_by_its_plane_is_not_flipped():
    model = cached.load_network(NAME, "int8").model
    whole = bit_view.BitExperiment(NAME, "int8", "linear.weight", 3, flips=(7,), plane=7, share=1.0)
    address = model.layout.address("linear.weight", 3, 7)
    assert address not in bit_view.flips(model, whole).addresses


def test_bits_and_weights_are_shown_where_the_images_are_missing(own_folders, tiny, monkeypatch):
    monkeypatch.setattr(checkpoints, "SHIPPED", own_folders / "none")
    state = {k: v[:10] if k.startswith("linear") else v for k, v in tiny.state.items()}
    checkpoints.save("cifar10/resnet20/tiny", state, tiny.weights, {})
    app = opened("bitlab", flip="7")
    fine(app, "are not on this machine")
    assert "images of cifar10 are not on this machine" in said(app)
    assert figures(app) == 1


@pytest.mark.parametrize(
    ("page", "keys"),
    [("sweep", ["measure"]), ("harden", ["harden"]), ("layers", ["estimate", "measure_layers"])],
)
def test_nothing_can_be_begun_where_the_images_are_missing(page, keys, monkeypatch):
    assert not any(opened(page).button(key=key).disabled for key in keys)
    monkeypatch.setattr(cached, "present", lambda name: False)
    app = opened(page)
    fine(app, "are not on this machine")
    assert all(app.button(key=key).disabled for key in keys)
    assert f"images of {NAME.split('/')[0]} are not on this machine" in said(app)
    assert any("--download" in code for code in commands(app))


def test_a_network_with_layers_stored_apart_is_shown_in_its_own_encoding(own_folders, tiny, monkeypatch):
    monkeypatch.setattr(checkpoints, "SHIPPED", own_folders / "none")
    mixed = "int8+int4-tmr2@0.19"
    checkpoints.save("signs/resnet20/mixed", dict(tiny.state), tiny.weights, {"encoding": mixed})
    tiles = {
        layer: [app.button(key=f"bit_{bit}").label.split()[0] for bit in range(8)]
        for layer in ("conv1.weight", "layer1.0.conv1.weight")
        if not (app := opened("bitlab", enc=mixed, layer=layer.removesuffix(".weight"))).exception
    }
    kept = checkpoints.load("signs/resnet20/mixed")
    for layer, enc in (("conv1.weight", "int4-tmr2"), ("layer1.0.conv1.weight", "int8")):
        word = kept.quantized(Encoding.parse(enc)).weights[layer].words.reshape(-1)[0]
        assert tiles[layer] == [str(int(word) >> bit & 1) for bit in range(8)], layer
    assert mixed in choice(opened("sweep"), "button_group", "encs").options
    fine(opened("layers", enc=mixed))


@pytest.mark.parametrize("name", ["layer-uniform", "uniform over layers"])
def test_a_link_may_name_a_fault_model_as_commands_do(name):
    app = opened("sweep", nets="cifar10/resnet18/base", encs="int8", fault=name, n="500")
    fine(app)
    assert app.selectbox(key="fault").value == "layer-uniform"
    assert "fault model layer-uniform" in said(app)


@pytest.mark.parametrize(
    ("page", "key"),
    [("bitlab", "net"), ("sweep", "nets"), ("layers", "net"), ("tradeoff", "net"), ("harden", "net")],
)
def test_a_link_that_names_a_network_which_is_not_here_says_so(page, key, rows):
    app = opened(page, **{key: "nobody/*has*/it"})
    fine(app, "The link names the network", "are not on this machine")
    named = r"nobody/\*has\*/it"
    assert f"The link names the network {named}, which this page does not have" in said(app)
    assert "The link names" not in said(opened(page))


def test_a_page_that_needs_weights_says_how_to_make_those_that_are_not_shipped():
    net = sorted(checkpoints.unshipped())[0]
    app = opened("bitlab", net=net)
    fine(app, "are not on this machine")
    assert f"The weights of {net} are not on this machine, so this page cannot show it" in said(app)
    assert checkpoints.making(checkpoints.unshipped()[net]) in commands(app)


@pytest.mark.parametrize("net", sorted(checkpoints.unshipped()))
def test_rows_of_a_network_that_is_not_shipped_are_drawn_and_nothing_is_measured(net):
    card = checkpoints.unshipped()[net]
    app = opened("sweep", nets=net, encs="int8", n="500")
    fine(app, "are not on this machine")
    assert choice(app, "multiselect", "nets").value == [net]
    assert checkpoints.making(card) in commands(app)
    assert f"The weights of {net} are not on this machine" in said(app)
    assert app.button(key="measure").disabled
    assert f"weights {card['sha256'][:8]}" in said(app), "of the stored rows"
    assert not [b for b in app.button if b.key in ("run_cell", "run_flow")]


def test_without_torch_the_bit_lab_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "resq.measure.engine.faulty_network", None)
    monkeypatch.delattr("resq.measure.engine.faulty_network", raising=False)
    app = opened("bitlab")
    fine(app, "needs a package")
    assert any("pip install -r requirements.txt" in code for code in commands(app))


def test_a_broken_checkpoint_is_a_sentence(own_folders, tiny, monkeypatch):
    monkeypatch.setattr(checkpoints, "SHIPPED", own_folders / "none")
    file = checkpoints.save("signs/resnet20/broken", dict(tiny.state), tiny.weights, {})
    file.write_bytes(b"no weights")
    app = opened("bitlab")
    fine(app, "its card says")
    assert "SHA-256" in said(app)


def test_the_sweep_opens_on_stored_rows_with_their_origin(rows):
    app = opened("sweep")
    assert figures(app) == 2
    assert "Stored rows" in said(app)
    assert "n = 100" in said(app)


def test_a_sweep_link_chooses_curves_and_names_those_without_rows(rows):
    app = AppTest.from_file(str(APP), default_timeout=120)
    app.query_params["encs"] = ["int8", "fp32"]
    app.switch_page(PAGES["sweep"]).run()
    fine(app)
    assert f"Not stored: {NAME} in fp32" in said(app)


@pytest.mark.parametrize(
    "query",
    [
        {
            "nets": "x",
            "encs": "y",
            "maps": "3",
            "n": "7",
            "seed": "-1",
            "fault": "z",
            "attack": "q",
            "parts": "w",
        },
        {"points": "none", "steps": "0", "seed": "x"},
    ],
)
def test_nonsense_in_a_sweep_link_falls_back_silently(query, rows):
    app = opened("sweep", **query)
    fine(app, "The link names the network", "no longer known here")
    assert figures(app) == 2


def test_a_stale_measurement_in_a_link_is_a_sentence(rows):
    app = opened("sweep", job="0123456789ab")
    fine(app, "no longer known here")
    assert "no longer known here" in said(app)
    assert "job" not in app.query_params


def test_rows_of_other_weights_are_called_so(rows, tmp_path):
    table.write(rows.assign(weights="f" * 16), tmp_path / "rows.parquet")
    assert "Measured on other weights" in said(opened("sweep"))


def test_the_commands_under_a_table_give_that_table(rows, tmp_path):
    faulty = rows["ber"] > 0
    table.write(rows.assign(top=np.where(faulty, 0.05, 0.0)), tmp_path / "rows.parquet")
    app = opened("sweep")
    app.session_state["numbers"] = True  # its box is opened
    code = "\n".join(commands(app.run()))
    assert "python -m resq sweep signs/resnet20/base --ber 0,0.01 --maps 3 --n 100 --top 0.05" in code
    assert "python -m resq sweep signs/resnet20/base --eps 0,8 --n 100" in code


def test_bits_in_an_address_are_read_leniently():
    assert bitlab.parse_bits("3,7,x,3,99,-1,²") == (7, 3)


def test_after_the_warm_up_the_collector_leaves_the_imports_alone():
    warmup.warm()
    assert gc.get_freeze_count() > 0
    gc.unfreeze()


def test_the_most_harmful_bit_costs_more_than_the_top_bits_of_other_weights():
    both, x = cached.load_network(NAME, "int8"), cached.picture(cached.load_network(NAME, "int8"), 0)
    layer = "layer3.2.conv2.weight"

    def left(w: int, bit: int) -> float:
        flips = faults.one_bit(both.model.layout, layer, w, bit)
        return float(bit_view.answer(both.network, both.model, flips, x)[answer])

    none = BitFlips(np.empty(0, dtype=np.int64), np.empty(0))
    answer = int(bit_view.answer(both.network, both.model, none, x).argmax())
    worst = left(*bit_view.most_harmful(both.network, both.model, layer, x))
    assert all(worst <= left(w, 7) for w in range(0, 36_864, 2_048))


@pytest.mark.parametrize(
    ("metric", "heads"),
    [("sdc1", "Under flipped bits: SDC-1, another top class"), ("due", "Under flipped bits: DUE, no answer"),
     ("x", "Accuracy under flipped bits")],
)  # fmt: skip
def test_a_curve_counts_what_the_link_says_with_intervals_or_accuracy(metric, heads):
    app = opened("sweep", nets="cifar10/resnet18/fault", encs="int4-tmr2", metric=metric)
    fine(app)
    assert heads in [head.value for head in app.header]
    assert "95 % over maps and images together" in said(app)
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert figure["layout"]["yaxis"]["title"]["text"] == heads.removeprefix("Under flipped bits: ").replace(
        "Accuracy under flipped bits", "accuracy"
    )
    guessing = any("chance" in note["text"] for note in figure["layout"].get("annotations", ()))
    assert guessing == (metric == "x")


def test_a_choice_whose_rows_have_not_counted_corruption_says_so(rows):
    app = opened("sweep", metric="sdc1")
    fine(app, "has counted")
    assert "No stored row of this choice has counted SDC-1, another top class" in said(app)


def test_a_cell_looked_at_again_shows_the_interval_over_all_noise_first():
    text = said(opened("sweep", nets="cifar10/resnet18/base", encs="int8"))
    found = re.search(
        r"95 % over fault maps and images ([\d.]+) to ([\d.]+).*?over maps alone, on the same images: "
        r"([\d.]+) to ([\d.]+)", text
    )  # fmt: skip
    low, high, map_low, map_high = map(float, found.groups())
    assert low < map_low < map_high < high


@pytest.mark.parametrize("flip", decisive.every(), ids=lambda flip: flip.enc)
def test_the_bit_lab_opens_where_one_flip_changes_the_answer(flip):
    app = opened("bitlab", enc=flip.enc)
    fine(app)
    assert (app.selectbox(key="layer").value, app.number_input(key="w").value) == (flip.layer, flip.w)
    assert verdict(app).endswith(flip.before)
    app.button(key=f"bit_{flip.bit}").click().run()
    fine(app)
    assert verdict(app).endswith(flip.says)


def test_another_encoding_opens_its_own_flip_until_something_is_chosen():
    _int8, fp32 = decisive.every()
    app = opened("bitlab")
    app.selectbox(key="enc").set_value("fp32").run()
    assert (app.number_input(key="w").value, app.session_state["img"]) == (fp32.w, fp32.img)
    app.number_input(key="w").set_value(5).run()
    app.selectbox(key="enc").set_value("int8").run()
    assert app.number_input(key="w").value == 5
    fine(app)


def test_where_no_single_bit_changes_the_answer_the_lead_is_told_and_what_to_try():
    app = opened("bitlab", img="0", w="5", layer="linear")
    app.button(key="harmful").click().run()
    fine(app)
    assert "still roundabout" in verdict(app)
    assert re.search(r"lead over the next \d+\.\d → \d+\.\d logits", said(app))
    assert "No single bit of this layer was found" in said(app)
    app.button(key="try_fp32").click().run()
    fine(app)
    assert app.selectbox(key="enc").value == "fp32"
    assert "→" in verdict(app)


def test_the_slider_of_the_bit_error_rate_breaks_the_answer_and_esc_mends_it():
    app = opened("bitlab", img="3", rate="0.1")
    fine(app)
    assert "pedestrians → " in verdict(app)
    assert "bits are flipped in all" in said(app)
    app.button(key="reset").click().run()
    assert verdict(app).endswith(" pedestrians")


def test_the_cells_of_a_sweep_stand_on_its_button_before_the_click():
    app = opened("sweep", encs="int8", n="100", maps="2", parts="faults")
    # One cell without faults, and two maps at four rates.
    assert re.fullmatch(r"Measure 9 cells, about \d+ (s|min)", app.button(key="measure").label)
    assert "measure_all" not in {button.key for button in app.button}
    more = opened("sweep", encs="int8", maps="5", parts="faults", n="100")
    assert more.button(key="measure").label.startswith("Measure 21 cells, about")


def test_what_is_stored_is_not_measured_again_unless_somebody_asks_for_it():
    stored = SweepSpec(NAME, bers=(0.0, 1e-4, 1e-3, 1e-2, 1e-1), maps=10, n=250, seed=0)
    keys = set(table.shipped()["key"])
    lacking = [key for key in cells.keys(stored.cells()) if key not in keys]
    asked = {"encs": "int8", "n": "250", "maps": "10", "parts": "faults"}
    app = opened("sweep", **asked)
    if not lacking:
        assert "All 41 cells are stored." in said(app)
    else:
        assert app.button(key="measure").label.startswith(f"Measure {len(lacking)} of 41 cells, about")
    assert app.button(key="measure_all").label.startswith("Measure all again: 41 cells, about")
    # As it opens, what the figures show counts as stored, on however many images.
    shown = opened("sweep", encs="int8").button(key="measure").label
    assert shown.startswith("Measure 1 of 46 cells, about"), "no row was attacked at 1/255"


def test_the_rows_of_a_heatmap_stand_on_its_buttons_before_the_click():
    app = opened("layers", net="signs/resnet20/base", enc="int8")
    layers = len(checkpoints.card("signs/resnet20/base")["weights"])
    again = app.button(key="measure_layers").label
    assert again.startswith(f"Measure again: {layers * 8 * 5:,} rows, about"), "a measured one is shipped"
    pvf = app.button(key="measure_pvf")
    assert pvf.label.startswith(f"Measure PVF again: {layers * 8 * 16:,} rows, about"), (
        "as many flips as stored"
    )
    assert "16 single flips in every cell on 100 images" in pvf.help
    assert app.button(key="estimate").label.startswith(f"Estimate again: {layers * 8:,} rows, about")


@pytest.mark.parametrize(
    ("enc", "layer"), [("int8", "conv1"), ("fp32", "layer2.0.conv1"), ("int4-tmr2", "linear")]
)
def test_the_most_harmful_bit_is_that_of_whole_passes_one_by_one(enc, layer):
    both, layer = cached.load_network(NAME, enc), f"{layer}.weight"
    x = cached.picture(both, 3)
    noted = resumed.record(both.network, both.model.weights, x)
    first = int(bit_view.probabilities(noted.logits).argmax())
    best, least = None, np.inf
    for w, bit in bit_view._candidates(both.network, both.model, layer, x, 10, noted):
        bits = faults.one_bit(both.model.layout, layer, w, bit)
        left = np.nan_to_num(bit_view.answer(both.network, both.model, bits, x)[first])
        if left < least:
            best, least = (w, bit), left
    assert bit_view.most_harmful(both.network, both.model, layer, x) == best


def test_the_columns_that_rank_a_line_are_wide_enough_for_their_words():
    shown = claim_sentences.leaders(cached.board()).data
    board = opened("leaderboard").dataframe[0]
    columns = json.loads(board.proto.columns)
    for name in ("rank", "checkpoint", "stored as", "BER 10⁻²"):
        cells = [str(v) if v == v and v is not None else "not measured" for v in shown[name]]
        if name in ("rank", "BER 10⁻²"):  # numbers, short beside the words of a lack
            cells = ["not measured"]
        assert columns[name]["width"] >= 7 * max(map(len, cells)) + 20  # pixels of a letter, on the average


def test_the_start_page_names_the_network_of_its_figure_and_says_what_its_words_are():
    app = opened("start")
    assert any(h.value.startswith("signs/resnet20/base, a trained network") for h in app.header)
    for name in cached.usual("signs/resnet20/base"):
        assert f"`{name}`: " in said(app)
    assert "if each flip first picks a layer" in said(app)


def test_several_kinds_of_figures_say_which_they_are_of():
    assert "fault maps (1st" in said(opened("start"))


def test_the_progress_of_a_sweep_stands_above_its_settings(monkeypatch):
    monkeypatch.setattr(job_status, "progress", lambda *_, **__: st.caption("so far"))
    app = opened("sweep")
    order = [element.value if element.type == "caption" else element.label
             for element in app.main if element.type in ("caption", "expander")]  # fmt: skip
    assert order.index("so far") < order.index("Settings: faults, attack, images, seed")
