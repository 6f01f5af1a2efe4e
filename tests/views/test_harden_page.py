"""The Harden page: its form, a run as its rows come, what it says before and after."""

import tomllib

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard import cached, charts
from dashboard.model import hardening_run
from dashboard.model.hardening_run import HardenSpec
from resq import checkpoints
from resq.cli import parser
from resq.training import presets
from tests.pages import fine
from tests.server.test_job_queue import until
from tests.views.test_app import APP, NAME, PAGES, choice, commands, figures, opened, said

SPEC = HardenSpec(NAME, "quick", ("adversarial", "bit_error", "quantize"))
LOOK = {"encoding": "int8", "stored_bits": 8, "n": 500, "clean": 0.9,
        "faulty": {"rate": 0.01, "maps": 4, "mean": 0.5, "least": 0.4},
        "attacked": {"eps": 8.0, "steps": 10, "n": 250, "accuracy": 0.1}, "max_over_sigma": 5.0}  # fmt: skip


@pytest.fixture(autouse=True)
def _fresh_caches() -> None:
    st.cache_data.clear()  # a checkpoint that an earlier test made is not there any more
    st.cache_resource.clear()


def row(stage: str, epoch: int, epochs: int) -> dict[str, object]:
    return {"stage": stage, "epoch": epoch, "epochs": epochs, "loss": 1.0 / epoch, "valid": 0.5}


class FakeRun:
    """A command that says what the test says."""

    def __init__(self, argv: list[str]) -> None:
        self.argv, self.id = argv, "fake"
        self.state, self.error, self.rows = "running", "", [row("adversarial", 1, 3)]

    def cancel(self) -> None:
        self.state = "cancelled"


def test_the_command_of_a_run_is_one_that_the_program_takes():
    spec = HardenSpec(NAME, "plus", ("bit_error", "quantize"), (("bit_error.rate", 0.02),), 0.3, 7)
    given = parser().parse_args(spec.argv())
    assert (given.base, given.preset, given.stages) == (NAME, "plus", ("bit_error", "quantize"))
    assert (given.set, given.epochs_scale, given.seed) == (["bit_error.rate=0.02"], 0.3, 7)
    assert f"signs/resnet20/{given.variant}" == spec.result


def test_the_file_of_a_run_is_a_preset_with_the_same_plan(tmp_path):
    spec = HardenSpec(NAME, "quick", ("bit_error",), (("bit_error.rate", 0.02),), 2.0)
    file = tmp_path / "mine.toml"
    file.write_text(hardening_run.preset_file(spec))
    assert tomllib.loads(file.read_text())["stage"][0]["rate"] == 0.02
    again = presets.plan(NAME, str(file))
    assert (again.stages, again.images) == (spec.plan().stages, spec.plan().images)


@pytest.mark.parametrize("name", [n for n in checkpoints.names() if checkpoints.card(n).get("stages")])
def test_the_plan_of_a_shipped_network_is_the_one_that_made_it_and_its_file_gives_it_again(tmp_path, name):
    """The hash on the card is of the plan that ran."""
    card = checkpoints.card(name)
    made_by = hardening_run.plan_of(card)
    assert made_by.hash == card["plan"]
    file = tmp_path / "plan.toml"
    file.write_text(hardening_run.plan_file(made_by, f"the plan of {name}"))
    again = presets.plan(made_by.base, str(file), seed=made_by.seed)
    assert (again.images, [stage for stage, _ in again.stages]) == (
        made_by.images,
        [stage["name"] for stage in card["stages"]],
    )
    for (_, options), stage in zip(again.stages, card["stages"], strict=True):
        assert options | stage["options"] == options  # options that are younger than the card keep its own


def test_a_card_that_another_plan_made_tells_none():
    card = checkpoints.card("signs/resnet20/fault")
    assert hardening_run.plan_of({**card, "seed": 1}) is None


def test_a_network_that_was_hardened_before_comes_with_its_plan():
    app = opened("harden", shown="signs/resnet20/fault")
    fine(app)
    assert "From signs/resnet20/base by bit-error (" in said(app)
    assert "save_plan" in [button.proto.id.rpartition("-")[2] for button in app.get("download_button")]


def test_a_run_without_stages_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="at least one"):
        HardenSpec(NAME, "quick", ()).plan()


def test_stages_are_queued_running_and_done():
    rows = [row("adversarial", 3, 3), row("bit_error", 1, 3)]
    states = [state for _, state, _ in hardening_run.steps(SPEC, rows, True)]
    assert states == ["done", "running", "queued"]
    assert [s for _, s, _ in hardening_run.steps(SPEC, [], True)] == ["running", "queued", "queued"]
    assert [s for _, s, _ in hardening_run.steps(SPEC, rows, False)] == ["done", "stopped", "queued"]


def test_time_is_passes_times_images_times_seconds():
    clean = HardenSpec(NAME, "quick", ("clean",), (("clean.epochs", 5),))
    assert hardening_run.seconds(clean, 0.001, 16_000) == pytest.approx(5 * 2000 * 0.001)


def test_judging_is_counted_before_the_first_stage_in_each_and_after_it():
    clean = HardenSpec(NAME, "quick", ("clean",), (("clean.epochs", 5), ("clean.n_valid", 600)))
    look = clean.plan().look
    forward = (look.n * (1 + look.maps) + look.attacked) / 3
    passes = 600 * 6 / 3 + 2 * (forward + look.attacked * look.steps)
    assert hardening_run.judging_seconds(clean, 0.001) == pytest.approx(passes * 0.001)
    short = HardenSpec(NAME, "quick", SPEC.stages, (), 0.1)
    # Where stages are short, judging takes longer than training.
    assert hardening_run.judging_seconds(short, 0.001) > hardening_run.seconds(short, 0.001, 16_000)


def test_a_run_that_trains_nothing_says_so():
    assert "Nothing is trained" in said(opened("harden", preset="protect"))
    assert "of training and" in said(opened("harden", preset="quick"))


def test_the_time_of_a_base_that_a_gpu_trained_says_so():
    on_gpu = said(opened("harden", preset="quick", net="cifar10/vgg16/base"))
    assert "the base (NVIDIA H100 80GB HBM3). On a few CPU cores expect a hundred times that." in on_gpu
    here = said(opened("harden", preset="quick"))
    assert "the base (2 CPU threads)" in here
    assert "hundred" not in here


def test_only_encodings_that_go_with_layers_apart_are_offered():
    assert choice(opened("harden", preset="protect"), "selectbox", "quantize").options == ["int8", "int8-mse"]
    assert "int4-tmr2" in choice(opened("harden", preset="quick"), "selectbox", "quantize").options


def test_training_is_drawn_with_a_line_between_stages():
    figure = charts.CHARTS["training"].draw([row("a", 1, 2), row("a", 2, 2), row("b", 1, 1)], 4)
    loss, _, valid = figure.data
    assert loss.y == (1.0, 0.5, 1.0)
    assert valid.x == (1, 2, 3)
    assert [s.x0 for s in figure.layout.shapes] == [2.5]


def test_before_and_after_are_read_from_the_card():
    after = {**LOOK, "clean": 0.85, "encoding": "int4-tmr2"}
    looks = hardening_run.looks({"stages": [{"name": "quantize", "before": LOOK, "after": after}]})
    assert [look["clean"] for look in looks] == [0.9, 0.85]
    bars = charts.CHARTS["before_after"].draw(looks).data
    assert bars[0].x == ("before", "after quantize")
    assert (bars[1].y[0], bars[2].y[0]) == (0.5, 0.1)
    # Else the pattern alone is drawn: white on white.
    assert {bar.marker.pattern.fillmode for bar in bars} == {"overlay"}
    assert hardening_run.looks({}) == []


def test_the_form_becomes_a_command_with_an_estimate_before_anything_starts():
    app = opened("harden", preset="quick", seed="3", scale="0.3")
    fine(app)
    assert "--seed 3" in commands(app)[0]
    assert "of judging (before the first stage, in each and after it) on a machine like" in said(app)
    assert "Loading comes on top" in said(app)
    assert not any("--set" in code for code in commands(app))


def test_nonsense_in_a_harden_link_falls_back_silently():
    app = opened("harden", net="a/b/c", preset="x", scale="-1", seed="q", job="0123456789ab")
    fine(app, "The link names the network", "no longer known here")
    assert "no longer known here" in said(app)
    assert "job" not in app.query_params


def test_a_run_is_followed_and_its_card_shown_at_its_end(own_folders, tiny, monkeypatch):
    app = opened("harden")
    runs = cached.measurements()
    monkeypatch.setattr(runs, "_start", FakeRun)
    app.button(key="harden").click().run()
    fine(app)
    run = next(iter(runs._all.values()))
    until(lambda: run.jobs)
    app.run()
    assert "epoch 1 of 3" in said(app)
    assert app.query_params["job"]
    card = {"stages": [{"name": "quantize", "before": LOOK, "after": LOOK}]}
    checkpoints.save(run.specs[0].result, dict(tiny.state), tiny.weights, card)
    cached.names.clear()
    run.jobs[0].state = "done"
    until(lambda: run.state == "done")
    app.run()
    fine(app)
    assert run.specs[0].result in said(app)
    assert figures(app) == 2


def test_a_stage_that_is_left_out_leaves_the_command():
    app = opened("harden")
    app.session_state["stages"] = ["quantize"]
    app.run()
    assert "--stages quantize --seed" in commands(app)[0]
    assert choice(app, "selectbox", "quantize").value == "int4-tmr2"


def test_a_link_holds_the_whole_form():
    app = AppTest.from_file(str(APP), default_timeout=120)
    app.query_params["stages"] = ["bit-error", "quantize"]
    for key, value in {"preset": "quick", "bit_error": "0.02", "quantize": "int8", "scale": "0.3"}.items():
        app.query_params[key] = value
    app.switch_page(PAGES["harden"]).run()
    fine(app)
    command = commands(app)[0]
    for part in ("--stages bit_error,quantize", "--set bit_error.rate=0.02", "--set quantize.encoding=int8"):
        assert part in command, part


def test_another_preset_begins_with_its_own_stages_and_options():
    app = opened("harden", preset="quick", bit_error="0.02")
    app.session_state["stages"] = ["quantize"]
    app.run()
    app.selectbox(key="preset").set_value("plus").run()
    fine(app)
    stages = [name for name, _ in presets.PRESETS["plus"].stages]
    assert f"--stages {','.join(dict.fromkeys(stages))}" in commands(app)[0]
    assert "--set" not in commands(app)[0]


@pytest.mark.parametrize("query", [{"stages": "x"}, {"stages": ""}, {"bit_error": "7", "quantize": "y"}])
def test_nonsense_about_stages_falls_back(query):
    fine(opened("harden", **query), "The link names the network", "no longer known here")
