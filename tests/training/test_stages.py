"""The stages: laws with pencil numbers, and what each one promises: seeded, resumable, with a way back."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from resq import checkpoints
from resq.core import BitFlips, Dataset, Encoding
from resq.data import signs
from resq.data.held_out import held_out
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.memory import flipping, quant
from resq.training import machine, train
from resq.training.stages import STAGES, adversarial, bit_error, bpfc, mixup, quantize
from resq.training.tuning import fake_quant, finetune, vulnerability
from resq.training.tuning.stage import StageInput, StageResult, options
from resq.training.tuning.stage_eval import EvalConfig, evaluate, spread

TRAINED = [name for name in STAGES if name != "quantize"]
FEW = {"epochs": 2, "batch": 16, "pad": 1, "n_valid": 16, "drop": 1.0}
OWN = {
    "bit_error": {"recount": 16},
    "multi_rate": {"recount": 16},
    "adversarial": {"steps": 1},
    "bpfc": {"rates": [0.01, 0.001], "weights": [1.0, 9.0]},
}
INT4 = Encoding.parse("int4-tmr2")


@pytest.fixture(scope="module")
def images() -> Dataset:
    """80 signs at half their size."""
    x, y = signs.render("train", 80)
    return Dataset("signs", "train", np.ascontiguousarray(x[:, :, ::2, ::2]), y, signs.CLASSES)


@pytest.fixture
def site(images) -> StageInput:
    kept, valid = held_out(images, share=0.4)
    return StageInput(checkpoints.load("signs/resnet20/base"), kept, valid, seed=3)


def _run(name: str, site: StageInput, **more) -> StageResult:
    own = {**(FEW if name in TRAINED else {}), **OWN.get(name, {}), **more}
    return STAGES[name].run(site, options(name, STAGES, own))


def _bytes(outcome: StageResult) -> dict[str, bytes]:
    return {name: value.tobytes() for name, value in outcome.state.items()}


# What every stage promises


@pytest.mark.parametrize("name", TRAINED)
def test_killed_in_its_second_epoch_and_resumed_a_stage_equals_the_uninterrupted_one(name, site, tmp_path):
    whole = _run(name, site)
    keep = tmp_path / "run.pt"

    def killed(row):
        if row["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _run(name, replace(site, keep=keep, report=killed))
    told = []
    resumed = _run(name, replace(site, keep=keep, report=told.append))
    assert [row["epoch"] for row in told] == [2]
    assert _bytes(resumed) == _bytes(whole)
    assert [row["valid"] for row in resumed.log] == [row["valid"] for row in whole.log]
    assert _bytes(whole) != {k: v.tobytes() for k, v in site.checkpoint.state.items()}


def test_another_seed_gives_other_weights(site):
    assert _bytes(_run("bit_error", site, epochs=1)) != _bytes(
        _run("bit_error", replace(site, seed=4), epochs=1)
    )


def test_a_kept_run_is_not_gone_on_with_under_other_options(site, tmp_path):
    there = replace(site, keep=tmp_path / "run.pt")
    _run("bit_error", there, epochs=1)
    with pytest.raises(ValueError, match="remove the file to begin anew"):
        _run("bit_error", there, epochs=1, rate=0.02)


def test_a_stage_trains_with_the_optimizer_asked_for(site, tmp_path):
    for named, kind in (("sgd", "momentum_buffer"), ("adamw", "exp_avg_sq")):
        there = replace(site, keep=tmp_path / f"{named}.pt")
        _run("clean", there, epochs=1, lr=0.001, optimizer=named)
        moments = torch.load(there.keep, weights_only=True)["optimizer"]["state"]
        assert all(kind in moment for moment in moments.values())


def test_a_stage_says_in_which_form_it_was_computed(site, monkeypatch):
    assert _run("clean", site, epochs=1).notes["bf16"] is False
    for form in ((True, True), (True, False)):
        monkeypatch.setattr(machine, "fastest_layout", lambda network, recipe, form=form: form)
        notes = _run("clean", site, epochs=1, bf16=True).notes
        assert (notes["bf16"], notes["channels_last"]) == form


def test_a_stage_that_falls_below_its_floor_is_rolled_back(site):
    spoilt = _run("clean", site, lr=80.0, drop=0.0)
    assert spoilt.notes["rolled_back"]
    assert spoilt.state is site.checkpoint.state
    assert max(row["valid"] for row in spoilt.log) < spoilt.notes["floor"]


@pytest.mark.parametrize(
    ("stage", "given", "said"),
    [
        ("bpc", {}, "no stage 'bpc'; known: adversarial, bit_error, bpfc"),
        ("bpfc", {"lambda": 1.0}, "stage bpfc has no option lambda; it has epochs"),
        ("bpfc", {"epochs": "ten"}, "bpfc.epochs is a int such as 12, got 'ten'"),
        ("bpfc", {"lr": -1.0}, r"bpfc.lr must not be negative, got -1\.0"),
        ("bpfc", {"epochs": 0}, "bpfc.epochs must be at least 1, got 0"),
        ("bit_error", {"encoding": "int99"}, "integer codes have 2 to 8 bits, got 99"),
        ("clean", {"optimizer": "adam"}, "no optimizer 'adam'; known: adamw, sgd"),
    ],
)
def test_options_that_cannot_be_are_refused_with_the_reason(stage, given, said):
    with pytest.raises(ValueError, match=said):
        options(stage, STAGES, given)


@pytest.mark.parametrize(
    ("stage", "given", "said"),
    [
        ("bpfc", {"rates": [0.1]}, "as many rates as weights, got 1 and 2"),
        ("bpfc", {"planes": 8}, "drops 1 to 7 of 8 bit planes, got 8"),
        ("bit_error", {"rate": 0.7}, r"rate in 0\.\.0\.5 and guided in 0\.\.1, got 0\.7 and 0"),
        ("adversarial", {"clean": 2.0}, r"clean in 0\.\.1, got 8 and 2"),
    ],
)
def test_a_stage_refuses_what_it_cannot_do(stage, given, said, site):
    with pytest.raises(ValueError, match=said):
        _run(stage, site, **given)


def test_validation_images_are_held_out_of_training_by_group():
    pixels = np.arange(60, dtype=np.uint8).reshape(60, 1, 1, 1).repeat(3, 1)
    whole = Dataset("signs", "train", pixels, np.zeros(60, np.int64), signs.CLASSES, np.arange(60) // 6)
    kept, valid = held_out(whole, share=0.2)
    assert len(valid) == 12
    assert not set(kept.groups) & set(valid.groups)
    assert sorted([*kept.pixels[:, 0, 0, 0], *valid.pixels[:, 0, 0, 0]]) == list(range(60))
    assert held_out(whole, share=0.2)[1].hash == valid.hash


# Straight through


def test_the_gradient_passes_the_words_unchanged_and_each_element_is_cut_at_the_limit():
    w = torch.tensor([0.3, -0.7, 0.1], requires_grad=True)
    out = fake_quant.straight_through(w, torch.tensor([0.25, -0.75, 9.0]), limit=0.05)
    (out * torch.tensor([0.04, -2.0, 3.0])).sum().backward()
    assert out.tolist() == [0.25, -0.75, 9.0]
    assert w.grad.tolist() == pytest.approx([0.04, -0.05, 0.05])


@pytest.fixture(params=[1, 3])
def threads(request):
    """Words are made on as many threads as passes take."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_flipped_values_are_what_the_memory_engine_reads(site, threads):
    body = train.start(_recipe(), {k: torch.tensor(v) for k, v in site.checkpoint.state.items()}).network.body
    stored = fake_quant.quantize_weights(body, site.checkpoint.weights, INT4)
    at = np.array([3, 9, 10, 4000, stored.n_bits - 2])
    flips = BitFlips(at, np.zeros(len(at)))
    clean = fake_quant.read(body, stored)
    found, expected = fake_quant.flipped(body, stored, clean, flips), flipping.flip(stored, flips)
    for name in site.checkpoint.weights:
        assert np.array_equal(found[name].numpy(), quant.dequantize(expected.weights[name]))
    assert sum(found[name] is not clean[name] for name in clean) == 3
    assert np.array_equal(
        stored.weights["conv1.weight"].words,
        fake_quant.quantize_weights(body, ("conv1.weight",), INT4).weights["conv1.weight"].words,
    )


def _recipe():
    from resq.training.recipe import Recipe

    return Recipe("signs", "resnet20")


def test_without_flips_the_two_halves_are_the_cross_entropy_of_the_stored_weights(site):
    """One half clean and one half faulty: at rate 0, in evaluation mode, both are the same number."""
    network = train.start(
        _recipe(), {k: torch.tensor(v) for k, v in site.checkpoint.state.items()}
    ).network.eval()
    given = options("bit_error", STAGES, {"encoding": "int4", "rate": 0.0, "begin": 99.0})
    no_flips = BitFlips(np.empty(0, np.int64), np.empty(0))
    loss = bit_error.objective(site.checkpoint.weights, given, lambda stored, rng: no_flips, 16)
    x, y = torch.rand(4, 3, 16, 16), torch.arange(4)
    with torch.no_grad():
        total, logits = loss(network, x, y, np.random.default_rng(0))
    assert float(total) == pytest.approx(float(nn.functional.cross_entropy(logits, y)), rel=1e-5)


def test_the_faulty_pass_leaves_the_statistics_of_the_norms_alone(site):
    network = train.start(
        _recipe(), {k: torch.tensor(v) for k, v in site.checkpoint.state.items()}
    ).network.train()
    norm = network.body.bn1
    before = norm.running_mean.clone()
    with fake_quant.frozen_norms(network):
        network(torch.rand(2, 3, 16, 16))
    assert torch.equal(norm.running_mean, before)
    assert norm.training
    network(torch.rand(2, 3, 16, 16))
    assert not torch.equal(norm.running_mean, before)


def test_faults_begin_once_the_clean_loss_is_low_enough(site):
    network = train.start(_recipe()).network.train()  # a random start: its loss is near log 16 = 2.77
    seen = []

    def draw(stored, rng):
        seen.append(stored.n_bits)
        return BitFlips(np.arange(0, stored.n_bits, 3), np.zeros(-(-stored.n_bits // 3)))

    x, y = torch.rand(16, 3, 16, 16), torch.arange(16)
    high, low = (
        bit_error.objective(site.checkpoint.weights, options("bit_error", STAGES, {"begin": b}), draw, 16)(
            network, x, y, np.random.default_rng(0)
        )
        for b in (99.0, 0.0)
    )
    plain = [float(nn.functional.cross_entropy(logits, y).detach()) for _, logits in (high, low)]
    assert float(low[0].detach()) == pytest.approx(plain[1], rel=1e-5)
    assert abs(float(high[0].detach()) - plain[0]) > 0.01


def test_weights_stay_within_the_bound_after_every_step(site):
    cut = _run("bit_error", site, w_sigma=2.0, epochs=1)
    for name in site.checkpoint.weights:
        assert np.abs(cut.state[name]).max() <= 2.0 * site.checkpoint.state[name].std() * 1.0001
    assert np.abs(_run("bit_error", site, w_max=0.05, epochs=1).state["linear.weight"]).max() <= 0.05001


def test_guided_rates_keep_the_expected_number_of_flips():
    rates = bit_error.by_vulnerability(np.array([4.0, 1.0, 1.0]), [10, 30, 10], 0.01, 0.5)
    assert rates == pytest.approx([0.01 * (0.5 + 0.5 * 4 / 1.6), *[0.01 * (0.5 + 0.5 / 1.6)] * 2])
    assert np.dot(rates, [10, 30, 10]) == pytest.approx(0.01 * 50)


def test_images_whose_answer_flips_are_drawn_more_often(site, monkeypatch):
    unsteady = np.zeros(len(site.train))
    unsteady[5] = 1.0
    monkeypatch.setattr(bit_error.vulnerability, "images", lambda *_: unsteady)
    given = options("bit_error", STAGES, {"reliability": 999.0})
    drawn = bit_error._order(site, given)(0, np.random.default_rng(0))
    assert len(drawn) == len(site.train)
    assert (drawn == 5).mean() > 0.8  # 1,000 against 47


def test_guided_and_reliable_training_run_on_measured_vulnerability(site):
    found = _run("bit_error", site, guided=1.0, reliability=2.0, epochs=1)
    assert len(found.log) == 1


# The other objectives


def test_mixup_weighs_labels_as_it_weighs_images():
    logits, y, other = torch.tensor([[2.0, 0.0]]), torch.tensor([0]), torch.tensor([1])
    to_0, to_1 = np.log(1 + np.exp(-2)), np.log(1 + np.exp(2))
    assert float(mixup.mixed_loss(logits, y, other, 0.75)) == pytest.approx(
        0.75 * to_0 + 0.25 * to_1, rel=1e-5
    )
    assert mixup.mixed(torch.tensor([1.0]), torch.tensor([0.2]), 0.75).item() == pytest.approx(0.8)


def test_bpfc_puts_grey_levels_in_the_middle_of_their_interval():
    levels = torch.tensor([0.0, 31.9, 32.0, 100.0, 255.0, 262.0, -8.0])
    assert (bpfc.quantized(levels, 5) * 255).round().tolist() == [16, 16, 48, 112, 240, 255, 0]


@pytest.mark.parametrize(("planes", "levels"), [(5, [80, 112]), (3, [100])])
def test_bpfc_noise_is_as_wide_as_published(planes, levels):
    """100 +- 8 reaches the intervals 64..95 and 96..127; 100 +- 2 stays within 96..103."""
    x = torch.full((64, 3, 8, 8), 100 / 255)
    coarse = bpfc.coarsened(x, planes, np.random.default_rng(0))
    assert (coarse * 255).round().unique().tolist() == levels


def test_bpfc_loss_is_cross_entropy_plus_the_weighted_squared_distance(site):
    class Mean(nn.Module):
        def forward(self, x):
            return x.mean((2, 3))[:, :2] * 255

    x = torch.full((2, 3, 4, 4), 15 / 255)  # with noise within 7..23: every pixel becomes 16, one level up
    loss, logits = bpfc.objective(lambda: 3.0, None, 5)(
        Mean(), x, torch.tensor([0, 1]), np.random.default_rng(0)
    )
    assert float(loss) == pytest.approx(np.log(2) + 3.0 * 2 * 1.0, rel=1e-4)
    assert logits.flatten().tolist() == pytest.approx([15.0] * 4)


def test_adversarial_training_sees_images_moved_within_the_budget(site):
    seen = []

    class Watched(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Linear(12, 3)

        def forward(self, x):
            if self.training:
                seen.append(x.detach().clone())
            return self.body(x.flatten(1))

    x, y = torch.rand(8, 3, 2, 2), torch.arange(8) % 3
    given = options("adversarial", STAGES, {"steps": 2, "clean": 0.5, "eps": 8.0})
    network = Watched().train()
    adversarial.objective(given)(network, x, y, np.random.default_rng(0))
    moved, clean = seen
    assert torch.equal(clean, x)
    assert 0.9 * 8 / 255 < float((moved - x).abs().max()) <= 8 / 255 + 1e-6
    assert network.training


# After training


def test_a_shift_is_found_per_channel_of_maps_and_tokens_and_none_for_a_layer_never_called():
    class Attends(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.mlp, self.read = (
                nn.Conv2d(3, 5, 1),
                nn.Linear(5, 7),
                nn.Linear(7, 2),
            )

        def forward(self, x):
            tokens = self.mlp(self.conv(x).permute(0, 2, 3, 1))  # (N, H, W, C), as Swin has them
            return nn.functional.linear(tokens, self.read.weight, self.read.bias)

    network, x = Attends(), torch.rand(4, 3, 6, 8, generator=torch.Generator().manual_seed(0))
    layers = {name: getattr(network, name) for name in ("conv", "mlp", "read")}
    exact = {f"{name}.weight": layer.weight.detach().numpy() * 0 for name, layer in layers.items()}
    before = {name: value.clone() for name, value in network.state_dict().items()}
    found = quantize.shifted(network, layers, exact, x)
    assert list(found) == ["conv", "mlp"]
    with torch.no_grad():
        maps = network.conv(x)
        tokens = network.mlp(maps.permute(0, 2, 3, 1))
    for shift, mean, layer in (
        (found["conv"], maps.mean((0, 2, 3)), network.conv),
        (found["mlp"], tokens.mean((0, 1, 2)), network.mlp),
    ):
        np.testing.assert_allclose(shift, (mean - layer.bias).detach(), atol=1e-6)  # the exact weights are 0
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_quantize_corrects_a_bias_by_the_mean_shift_of_the_stored_weights(site):
    state = dict(site.checkpoint.state)
    fixed = quantize.corrected(site, state, Encoding.parse("int2"), len(site.train))
    assert list(fixed) == ["linear.bias"]

    def logits(bias, weight):
        return (features @ weight.T + bias).mean(0)

    network = quantize.network_with(site.checkpoint, state, Encoding.parse("int2"))
    features: np.ndarray = np.empty(0)

    def note(_, given):
        nonlocal features
        features = given[0].numpy()

    network.body.linear.register_forward_pre_hook(note)
    with torch.no_grad():
        network(quantize.pixels(site.train))
    exact = logits(state["linear.bias"], state["linear.weight"])
    stored = logits(fixed["linear.bias"], network.body.linear.weight.numpy())
    assert np.abs(stored - exact).max() < 1e-3
    assert np.abs(logits(state["linear.bias"], network.body.linear.weight.numpy()) - exact).max() > 0.01


def test_quantize_says_which_words_are_meant_and_moves_no_weight(site):
    done = _run("quantize", site, encoding="int4-tmr2", recount=32, n_bias=16, drop=1.0)
    assert done.encoding == "int4-tmr2"
    assert all(np.array_equal(done.state[n], site.checkpoint.state[n]) for n in site.checkpoint.weights)
    assert not np.array_equal(done.state["bn1.running_mean"], site.checkpoint.state["bn1.running_mean"])


def test_quantize_stores_the_most_vulnerable_layers_apart(site):
    done = _run("quantize", site, apart="int4-tmr2", share=0.3, recount=0, correct_bias=False, drop=1.0)
    encoding, names = Encoding.parse(done.encoding), list(site.checkpoint.weights)
    assert str(encoding.base) == "int8"
    assert str(encoding.other) == "int4-tmr2"
    apart = [names[i] for i in encoding.apart]
    assert sorted(done.notes["apart"]) == sorted(apart)
    sizes = {name: site.checkpoint.state[name].size for name in names}
    assert 0 < sum(sizes[name] for name in apart) <= 0.3 * sum(sizes.values())
    left = [name for name in names if name not in apart]
    harm = dict(zip(names, vulnerability.layers(site, Encoding(8), 0.01), strict=True))
    free = 0.3 * sum(sizes.values()) - sum(sizes[name] for name in apart)
    for name in left:  # what is left is too large for what is free, or is harmed less than all that was taken
        assert sizes[name] > free or harm[name] == 0
    model = site.checkpoint.quantized(encoding)
    assert {n: str(q.encoding) for n, q in model.weights.items()} == {
        n: "int4-tmr2" if n in apart else "int8" for n in names
    }


def test_layers_apart_need_words_of_one_length_and_a_share(site):
    with pytest.raises(ValueError, match=r"words of one length, such as .* got 8-bit and 4-bit words"):
        _run("quantize", site, apart="int4")
    with pytest.raises(ValueError, match=r"share in 0\.\.1 and rate in 0\.\.0\.5, got 2 and 0\.01"):
        _run("quantize", site, apart="int4-tmr2", share=2.0)
    with pytest.raises(ValueError, match="no encoding 'int99x'"):
        options("quantize", STAGES, {"apart": "int99x"})


def test_words_of_two_kinds_train_and_flip_as_they_are_stored(site):
    done = _run("bit_error", site, encoding="int8+int4-tmr2@0.19", rate=0.01, drop=1.0, recount=0)
    assert not done.notes["rolled_back"]
    assert np.isfinite([row["loss"] for row in done.log]).all()


def test_a_look_counts_the_same_images_maps_and_starts_each_time(site):
    how = EvalConfig(n=16, attacked=8, maps=2, steps=1)
    one, other = (evaluate(site.checkpoint, INT4, site.valid, how, 0) for _ in range(2))
    assert one == other
    assert one["stored_bits"] == 8
    assert one["attacked"]["accuracy"] <= one["clean"]


def test_the_spread_is_the_largest_weight_in_standard_deviations(site):
    flat = replace(
        site.checkpoint,
        state={"a": np.array([-1.0, 1.0]), "b": np.array([0.0, 0.0, 0.0, 2.0])},
        weights=("a", "b"),
    )
    assert spread(flat) == pytest.approx((1 + 2 / np.sqrt(0.75)) / 2)


def test_activations_are_cut_to_what_clean_images_show_and_clean_answers_stay(site):
    done = _run(
        "quantize",
        site,
        encoding="int8",
        recount=0,
        correct_bias=False,
        clamp=True,
        n_clamp=len(site.train),
        drop=1.0,
    )
    assert set(done.clamp) == {f"layer{i}.{j}" for i in (1, 2, 3) for j in (0, 1, 2)}
    int8, x = Encoding.parse("int8"), quantize.pixels(site.train)
    cut = replace(site.checkpoint, state=done.state, card={**site.checkpoint.card, "clamp": done.clamp})
    free = replace(site.checkpoint, state=done.state)
    with torch.no_grad():
        assert torch.allclose(
            FaultyNetwork(cut, int8).network(x), FaultyNetwork(free, int8).network(x), atol=1e-4
        )
        loud = FaultyNetwork(cut, int8).network.body.layer3[2]
        assert float(loud(1e6 * torch.rand(1, 64, 4, 4)).max()) == pytest.approx(done.clamp["layer3.2"])


def test_a_card_that_bounds_an_unknown_module_is_refused(site):
    wrong = replace(site.checkpoint, card={**site.checkpoint.card, "clamp": {"layer9": 1.0}})
    with pytest.raises(ValueError, match="activations of layer9, which the network does not have"):
        FaultyNetwork(wrong, INT4)


def test_bit_errors_are_learned_on_moved_images_where_an_earlier_stage_is_to_be_kept(site):
    network = train.start(
        _recipe(), {k: torch.tensor(v) for k, v in site.checkpoint.state.items()}
    ).network.eval()
    x, y = torch.rand(4, 3, 16, 16), torch.arange(4)
    losses = []
    for eps in (0.0, 8.0):
        given = options("bit_error", STAGES, {"keep_eps": eps, "begin": 0.0})
        loss = bit_error.objective(site.checkpoint.weights, given, lambda stored, rng: None, 16)
        losses.append(float(loss(network, x, y, np.random.default_rng(0))[0].detach()))
    assert losses[1] > losses[0] + 0.1
    assert not network.training


# The mean of the last epochs' weights, and cutout


def _course(outcome: StageResult) -> list[dict]:
    return [{k: v for k, v in row.items() if k not in ("seconds", "processor")} for row in outcome.log]


@pytest.mark.parametrize("name", TRAINED)
def test_the_mean_of_the_last_steps_is_the_result_and_says_so(name, site):
    last, mean = _run(name, site), _run(name, site, average=1)
    told = mean.notes["averaged"]
    assert told["steps"] == len(site.train) // FEW["batch"]
    assert told["kept"]
    assert _course(mean) == _course(last), "the run itself is the same one"
    assert any(_bytes(mean)[k] != _bytes(last)[k] for k in site.checkpoint.weights)


def test_the_mean_of_one_step_is_that_steps_weights(site):
    one = {"batch": len(site.train), "epochs": 2}
    last, mean = _run("clean", site, **one), _run("clean", site, average=1, **one)
    assert mean.notes["averaged"]["steps"] == 1
    for name in site.checkpoint.weights:
        np.testing.assert_array_equal(mean.state[name], last.state[name])


def test_a_mean_below_the_floor_is_not_taken(site, monkeypatch):
    found = iter([1.0, 0.9, 0.9, 0.1])  # the start, two epochs, their mean
    monkeypatch.setattr(finetune, "accuracy", lambda network, images: next(found))
    outcome = _run("clean", site, average=1, drop=0.2)
    assert outcome.notes["averaged"]["kept"] is False
    assert outcome.notes["kept_epoch"] == 2


def test_an_average_of_all_epochs_is_refused(site):
    with pytest.raises(ValueError, match="average takes fewer than all 2 epochs, got 2"):
        _run("clean", site, average=2)


def test_cutout_changes_what_a_stage_sees(site):
    assert _course(_run("clean", site)) != _course(_run("clean", site, cutout=4))
