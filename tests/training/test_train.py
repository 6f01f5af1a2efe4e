"""The training loop: repeatable, resumable bit for bit, and honest about whose state it continues."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from resq import checkpoints
from resq.cli import train as cli
from resq.core import Dataset
from resq.data import signs
from resq.training import augment, average, distillation, finish, recipe, shipped_recipes, train
from resq.training.recipe import Recipe

FIELDS = {"epochs": 3, "batch": 16, "lr": 0.02, "warmup": 1, "pad": 2}
SHORT = Recipe("signs", "resnet20", "short", **FIELDS, size=16, early_size=12, early_epochs=1)


@pytest.fixture(scope="module")
def images() -> Dataset:
    """128 signs at half their size."""
    x, y = signs.render("train", 128)
    return Dataset("signs", "train", np.ascontiguousarray(x[:, :, ::2, ::2]), y, signs.CLASSES)


def _begin(recipe: Recipe) -> train.Run:
    """A fresh run in float32: whether bf16 is faster is measured, and so may differ from run to run."""
    run = train.start(recipe)
    run.bf16 = False
    return run


def _train(recipe: Recipe, images: Dataset, **more) -> train.Run:
    return train.train(recipe, images, run=_begin(recipe), quiet=True, **more)


@pytest.fixture(scope="module")
def uninterrupted(images) -> train.Run:
    return _train(SHORT, images)


def _bytes(run: train.Run) -> dict[str, bytes]:
    """Weights, norm statistics and momenta, bit for bit."""
    momenta = {
        f"momentum {i}": state["momentum_buffer"].contiguous().numpy().tobytes()
        for i, state in run.optimizer.state_dict()["state"].items()
    }
    tensors = {name: value.contiguous().numpy().tobytes() for name, value in run.network.state_dict().items()}
    return {**tensors, **momenta}


def _told(run: train.Run) -> list[tuple[float, float, float]]:
    return [(row["epoch"], row["loss"], row["accuracy"]) for row in run.history]


def test_the_loss_falls_with_every_epoch(uninterrupted):
    losses = [row["loss"] for row in uninterrupted.history]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.8 * losses[0]
    assert uninterrupted.epoch == 3


def test_the_same_recipe_gives_the_same_network_bit_for_bit(images, uninterrupted):
    assert _bytes(_train(SHORT, images)) == _bytes(uninterrupted)


@pytest.mark.parametrize("step", [3, 20])
def test_a_run_killed_in_the_middle_of_an_epoch_and_resumed_equals_the_uninterrupted_one(
    tmp_path, images, uninterrupted, step
):
    steps = 0

    def killed(network, x, y, rng):
        nonlocal steps
        steps += 1
        if steps == step:
            raise KeyboardInterrupt
        return train.cross_entropy(network, x, y, rng)

    keep = tmp_path / "deep" / "run.pt"
    with pytest.raises(KeyboardInterrupt):
        _train(SHORT, images, keep=keep, objective=killed)
    assert keep.exists() == (step > 8)  # 128 images in batches of 16: an epoch has 8 steps
    resumed = _train(SHORT, images, keep=keep)
    assert _bytes(resumed) == _bytes(uninterrupted)
    assert _told(resumed) == _told(uninterrupted)


def test_a_finished_run_is_read_and_not_trained_further(tmp_path, images, uninterrupted):
    keep = tmp_path / "run.pt"
    train._save(uninterrupted, keep, f"{SHORT.hash} {images.hash}")

    def never(*_):
        pytest.fail("trained on")

    assert _bytes(_train(SHORT, images, keep=keep, objective=never)) == _bytes(uninterrupted)


def test_the_state_of_another_recipe_or_of_other_images_is_refused(tmp_path, images, uninterrupted):
    keep = tmp_path / "run.pt"
    train._save(uninterrupted, keep, f"{SHORT.hash} {images.hash}")
    other = Recipe("signs", "resnet20", "short", **{**FIELDS, "epochs": 4})
    with pytest.raises(
        ValueError, match=rf"run\.pt holds a run of recipe and images {SHORT.hash} .*remove the file"
    ):
        _train(other, images, keep=keep)
    with pytest.raises(ValueError, match=rf"this one is {SHORT.hash} {images.first(64).hash}"):
        _train(SHORT, images.first(64), keep=keep)


def test_another_seed_gives_another_network(images):
    few, fields = images.first(16), {**FIELDS, "epochs": 2, "size": 12}
    one, other = (_train(Recipe("signs", "resnet20", **fields, seed=seed), few) for seed in (0, 1))
    assert _bytes(one) != _bytes(other)


def test_every_epoch_shuffles_anew(images):
    seen = []

    def noted(network, x, y, rng):
        seen.append(y.tolist())
        return train.cross_entropy(network, x, y, rng)

    _train(
        Recipe("signs", "resnet20", **{**FIELDS, "epochs": 2, "size": 8}), images.first(32), objective=noted
    )
    first, second = seen[0] + seen[1], seen[2] + seen[3]
    assert first != second
    assert sorted(first) == sorted(second) == sorted(images.first(32).y.tolist())


def test_every_image_is_seen_at_most_once_an_epoch_in_full_batches():
    parts = augment.parts(np.arange(70), 32)
    assert [len(part) for part in parts] == [32, 32]
    assert np.concatenate(parts).tolist() == list(range(64))
    assert [len(part) for part in augment.parts(np.arange(5), 32)] == [5]


def test_the_learning_rate_rises_over_the_warm_up_and_then_falls_to_zero():
    plan = Recipe("signs", "resnet20", epochs=10, lr=0.4, warmup=2)
    assert [train.rate(plan, at) for at in (0, 1, 2, 6, 10)] == pytest.approx([0, 0.2, 0.4, 0.2, 0])
    assert train.rate(Recipe("signs", "resnet20", epochs=4, lr=0.4, warmup=0), 0) == 0.4


def test_weights_decay_and_biases_and_norms_do_not():
    groups = _begin(SHORT).optimizer.param_groups
    assert [group["weight_decay"] for group in groups] == [SHORT.weight_decay, 0.0]
    assert all(p.ndim > 1 for p in groups[0]["params"])
    assert all(p.ndim == 1 for p in groups[1]["params"])


def test_a_crop_is_a_window_of_its_own_image():
    x = torch.arange(2 * 3 * 6 * 6, dtype=torch.uint8).reshape(2, 3, 6, 6)
    cropped = augment.crops(x, np.array([1, 0, 1]), 4, np.random.default_rng(0))
    assert cropped.shape == (3, 3, 4, 4)
    for crop, source in zip(cropped, (1, 0, 1), strict=True):
        windows = [x[source, :, i : i + 4, j : j + 4] for i in range(3) for j in range(3)]
        assert any(torch.equal(crop, window) for window in windows)


def test_a_crop_as_large_as_the_image_is_the_image():
    x = torch.randint(0, 256, (4, 3, 8, 8), dtype=torch.uint8)
    assert torch.equal(augment.crops(x, np.array([2, 0]), 8, np.random.default_rng(0)), x[[2, 0]])


def test_padding_reflects_the_border():
    row = np.array([1, 2, 3], dtype=np.uint8)
    padded = augment.pad(np.broadcast_to(row, (1, 3, 3, 3)), 1)
    assert padded[0, 0, 0].tolist() == [2, 1, 2, 3, 2]


def test_only_chosen_images_are_mirrored():
    x = torch.arange(12).view(2, 1, 2, 3)
    mirrored = augment.mirror(x, np.array([False, True]))
    assert torch.equal(mirrored[0], x[0])
    assert mirrored[1, 0].tolist() == [[8, 7, 6], [11, 10, 9]]


def _read(tmp_path: Path, text: str) -> Recipe:
    file = tmp_path / "plan.toml"
    file.write_text(text)
    return recipe.read(file)


def test_a_recipe_is_read_from_toml(tmp_path):
    plan = _read(tmp_path, 'data = "cifar10"\nnetwork = "resnet18"\nepochs = 7\nlr = 0.5\n')
    assert plan == Recipe("cifar10", "resnet18", epochs=7, lr=0.5)
    assert plan.name == "cifar10/resnet18/base"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("data = ", r"plan\.toml is not a readable TOML recipe"),
        ('data = "signs"\n', r"plan\.toml lacks network"),
        ("epochs = 3\n", r"plan\.toml lacks data and network"),
        (
            'data = "signs"\nnetwork = "resnet20"\nepoch = 3\n',
            r"plan\.toml has epoch; a recipe has data, network",
        ),
        (
            'data = "signs"\nnetwork = "resnet20"\nepochs = 0\nwarmup = 0\n',
            "positive epochs, batch, lr and sizes, got epochs 0",
        ),
        ('data = "signs"\nnetwork = "resnet20"\nlr = -1.0\npad = -2\n', r"got lr -1\.0, pad -2"),
        ('data = "signs"\nnetwork = "resnet20"\nepochs = "ten"\n', "epochs is a int, got 'ten'"),
        ('data = "signs"\nnetwork = "resnet20"\nbatch = 2.5\n', r"batch is a int, got 2\.5"),
        ('data = "signs"\nnetwork = "resnet20"\nlr = nan\n', "lr is a float, got nan"),
    ],
)
def test_a_recipe_that_cannot_be_followed_is_refused_with_the_reason(tmp_path, text, said):
    with pytest.raises(ValueError, match=said):
        _read(tmp_path, text)


def test_every_field_of_a_recipe_changes_its_hash():
    base = Recipe("signs", "resnet20")
    others = [
        Recipe("signs", "resnet20", seed=1),
        Recipe("signs", "resnet20", lr=0.1),
        Recipe("signs", "resnet18"),
    ]
    assert len({base.hash, *(r.hash for r in others)}) == 4


def test_every_shipped_recipe_can_be_read():
    files = sorted((Path(recipe.__file__).parents[2] / "assets" / "specs" / "recipes").glob("*.toml"))
    assert len(files) >= 8
    for file in files:
        assert recipe.read(file).name == file.stem.replace("-", "/")


def _made(card):
    """The card and those of what it was made from."""
    parts = [part for part in (*card.get("soup", []), card.get("start", {})) if "recipe" in part]
    return [card, *(one for part in parts for one in _made(part))]


def test_the_shipped_recipes_are_those_that_made_the_shipped_networks():
    """A recipe that says something else than the card would make another network under the same name."""
    made = [
        one for name in checkpoints.names() if name.endswith("/base") for one in _made(checkpoints.card(name))
    ]
    assert len(made) > len({one["name"] for one in made}) > 8  # `first` is in two of them
    for card in made:
        told = {key: tuple(v) if isinstance(v, list) else v for key, v in card["recipe"].items()}
        assert shipped_recipes.shipped(card["name"]) == Recipe(**told), card["name"]


AVERAGED = Recipe("signs", "resnet20", "mean", **FIELDS, size=16, average_epochs=1, average_lr=0.01)


def test_the_averaged_network_is_the_mean_of_the_weights_after_each_step_of_the_last_epochs(images):
    weights = []

    def noted(network, x, y, rng):
        weights.append(network.body.conv1.weight.detach().clone())  # as the step before left it
        return train.cross_entropy(network, x, y, rng)

    run = _begin(AVERAGED)
    train.train(AVERAGED, images, run=run, objective=noted, quiet=True, until=float("inf"))
    steps = len(images) // AVERAGED.batch
    assert run.averaged == steps
    # The last step's weights were replaced by the mean: n of them make it, n - 1 were noted in that epoch.
    last = run.averaged * run.network.body.conv1.weight.detach() - sum(weights[-steps + 1 :])
    assert (last - weights[-1]).abs().max() < 0.05
    assert not torch.equal(run.network.body.conv1.weight, weights[-1])


def test_a_resumed_average_equals_the_uninterrupted_one(tmp_path, images):
    whole = _train(AVERAGED, images)
    steps = 0

    def killed(network, x, y, rng):
        nonlocal steps
        steps += 1
        if steps == 20:  # in the epoch that is averaged
            raise KeyboardInterrupt
        return train.cross_entropy(network, x, y, rng)

    with pytest.raises(KeyboardInterrupt):
        _train(AVERAGED, images, keep=tmp_path / "run.pt", objective=killed)
    assert _bytes(_train(AVERAGED, images, keep=tmp_path / "run.pt")) == _bytes(whole)


def test_the_rate_is_constant_where_weights_are_averaged():
    assert [train.rate(AVERAGED, at) for at in (1, 2, 2.9)] == [0.02, 0.01, 0.01]
    assert train.rate(AVERAGED, 1.999) < 1e-4


def test_cutout_fills_one_square_of_each_image_with_the_given_colour_and_leaves_the_rest():
    x = torch.full((6, 3, 8, 8), 0.9)
    y = augment.cutout(x, 4, (0.1, 0.2, 0.3), np.random.default_rng(0))
    cut = (y != x).any(1).flatten(1).sum(1)
    assert ((cut >= 4) & (cut <= 16)).all()  # a quarter at least is inside, wherever the centre falls
    assert torch.equal(y[0][:, (y[0] != x[0]).any(0)][:, 0], torch.tensor([0.1, 0.2, 0.3]))


def test_cutmix_gives_each_image_one_rectangle_of_another_and_says_what_is_left():
    x = torch.arange(12.0).view(12, 1, 1, 1).expand(12, 3, 16, 16)
    shares = []
    for seed in range(40):
        y, other, left = augment.cutmix(x, np.random.default_rng(seed))
        assert sorted(other.tolist()) == list(range(12))
        foreign = y != x
        moved = other != torch.arange(12)
        assert torch.equal(foreign[~moved], torch.zeros_like(foreign[~moved]))
        for image, rectangle, whose in zip(y[moved], foreign[moved], other[moved], strict=True):
            assert (image[rectangle] == whose).all()
            rows, columns = rectangle[0].any(1), rectangle[0].any(0)
            assert torch.equal(rectangle[0], rows[:, None] & columns[None, :])  # one rectangle, no more
            assert rectangle[0].float().mean().item() == pytest.approx(1 - left)
        shares.append(left)
    assert 0.5 < np.mean(shares) < 0.85  # uniform in [0, 1] before the border cuts rectangles off
    assert torch.equal(x, torch.arange(12.0).view(12, 1, 1, 1).expand(12, 3, 16, 16))


def test_mixed_labels_count_by_area(images):
    network, x, y = torch.nn.Flatten(), torch.randn(8, 3, 4, 4), torch.arange(8)
    both = Recipe("signs", "resnet20", mix=1.0, smooth=0.1)
    loss, logits = train.mixed_labels(network, x, y, np.random.default_rng(3), recipe=both)
    rng = np.random.default_rng(3)
    rng.random()  # whether this batch is mixed
    pasted, other, left = augment.cutmix(x, rng)
    assert 0 < left < 1
    assert torch.equal(logits, pasted.flatten(1))
    even = torch.full((8, 48), 0.1 / 48)
    labels = even + 0.9 * (left * torch.eye(48)[:8] + (1 - left) * torch.eye(48)[other])
    expected = -(labels * torch.log_softmax(logits, 1)).sum(1).mean()
    assert float(loss) == pytest.approx(float(expected), rel=1e-5)


def test_a_share_of_the_batches_is_mixed_and_none_beside_teachers(images):
    network, x, y = torch.nn.Flatten(), torch.randn(8, 3, 4, 4), torch.arange(8)
    half, rng = Recipe("signs", "resnet20", mix=0.5), np.random.default_rng(0)
    whole = [
        torch.equal(train.mixed_labels(network, x, y, rng, recipe=half)[1], x.flatten(1)) for _ in range(200)
    ]
    assert 70 < sum(whole) < 130
    one, other = (_train(replace(SHORT, epochs=1, warmup=0.5, mix=m), images) for m in (0.0, 0.5))
    assert one.history[0]["loss"] != other.history[0]["loss"]
    with pytest.raises(ValueError, match=r"mix lies in \[0, 1\] and does without teachers, got 0.5 with 1"):
        replace(SHORT, mix=0.5, teachers=("signs/resnet20/base",), taught=0.5)
    with pytest.raises(ValueError, match=r"mix lies in \[0, 1\]"):
        replace(SHORT, mix=1.5)


def test_smoothed_labels_are_a_share_of_the_mean_loss_over_all_classes(images):
    network, x = torch.nn.Flatten(), torch.randn(8, 16)
    y = torch.arange(8)
    plain, _ = train.cross_entropy(network, x, y, np.random.default_rng(0))
    smooth, _ = train.cross_entropy(network, x, y, np.random.default_rng(0), smooth=0.1)
    even = -torch.log_softmax(x, 1).mean()
    assert float(smooth) == pytest.approx(0.9 * float(plain) + 0.1 * float(even), rel=1e-5)
    one, other = (_train(replace(SHORT, epochs=1, warmup=0.5, smooth=s), images) for s in (0.0, 0.3))
    assert one.history[0]["loss"] != other.history[0]["loss"]
    with pytest.raises(ValueError, match=r"label smoothing lies in \[0, 1\), got 1"):
        replace(SHORT, smooth=1.0)


def test_two_runs_that_end_at_once_keep_their_drafts_apart(own_folders, images, monkeypatch):
    """The second finishes while the first is tested: neither takes the other's files away."""
    names, tested = [], finish.tested

    def slow(file: Path, _images: object = None) -> dict:
        if not names:
            names.append(file)
            finish.finish(
                replace(SHORT, epochs=1, warmup=0.5, variant="second"),
                images,
                own_folders / "work" / "weights",
            )
        return tested(file)

    monkeypatch.setattr(finish, "tested", slow)
    card = finish.finish(
        replace(SHORT, epochs=1, warmup=0.5, variant="first"), images, own_folders / "work" / "weights"
    )
    assert card["test"]["n"] == 4000
    assert {"signs/resnet20/first", "signs/resnet20/second"} <= set(checkpoints.names())
    assert not [p for p in (own_folders / "work" / "train").rglob("*") if p.is_file()]


def test_a_candidate_is_judged_on_held_out_images_and_no_test_image_is_looked_at(
    own_folders, monkeypatch, images
):
    def load(name: str, split: str, **_: object):
        raise AssertionError(f"the {split} images of {name} were asked for")

    monkeypatch.setattr(cli.data, "load", load)
    recipe = replace(SHORT, epochs=1, warmup=0.5, variant="candidate")
    card = finish.finish(recipe, images, own_folders / "work" / "weights", candidate=True)
    assert (card["candidate"], "test" in card) == (True, False)
    assert card["train"]["n"] + card["valid"]["n"] == len(images)
    assert card["valid"]["images"] not in (images.hash, card["train"]["images"])
    assert "held-out training images correct" in cli._sentence(recipe, card, Path("x"))


def test_a_recipe_goes_on_from_a_checkpoint_and_its_file_belongs_to_those_weights(tmp_path, images):
    again = replace(SHORT, start="signs/resnet20/base")
    begun, body = checkpoints.load("signs/resnet20/base"), train.start(again).network.body
    assert np.array_equal(body.conv1.weight.detach().numpy(), begun.state["conv1.weight"])
    keep = tmp_path / "run.pt"
    _train(replace(again, epochs=2), images, keep=keep)
    with pytest.raises(ValueError, match="remove the file to begin anew"):
        train.train(replace(SHORT, epochs=2), images, keep=keep, quiet=True)


def test_a_start_of_another_network_is_refused_by_name():
    with pytest.raises(ValueError, match="starts from signs/resnet20/base, which is a resnet20"):
        train.start(Recipe("signs", "resnet18", start="signs/resnet20/base"))


def test_of_a_start_of_another_data_set_the_classifier_alone_is_new():
    begun = train.start(Recipe("gtsrb", "resnet18", "tuned", start="cifar10/resnet18/base"), device="cpu")
    other = checkpoints.load("cifar10/resnet18/base").state
    own = begun.network.body.state_dict()
    new = {name for name in own if own[name].shape != other[name].shape}
    assert new == {"fc.weight", "fc.bias"}
    assert own["fc.weight"].shape[0] == 43
    for name in set(own) - new:
        assert torch.equal(own[name], torch.tensor(other[name]))
    again = train.start(Recipe("gtsrb", "resnet18", "tuned", start="cifar10/resnet18/base"), device="cpu")
    assert torch.equal(own["fc.weight"], again.network.body.state_dict()["fc.weight"])


def test_a_share_of_the_start_is_averaged_into_the_last_weights(images):
    again = replace(SHORT, start="signs/resnet20/base", epochs=2)
    last, mixed = _train(again, images), _train(replace(again, start_share=0.25), images)
    begun = torch.tensor(checkpoints.load("signs/resnet20/base").state["linear.weight"])
    expected = 0.75 * last.network.body.linear.weight + 0.25 * begun
    torch.testing.assert_close(mixed.network.body.linear.weight, expected)


SOUP = Recipe("signs", "resnet20", "mean", epochs=0, soup=("signs/resnet20/base", "signs/resnet20/clip"))


def test_a_soup_is_the_mean_of_its_checkpoints_and_counts_its_statistics_anew(images):
    made = _train(SOUP, images)
    parts = [checkpoints.load(name).state for name in SOUP.soup]
    state = made.network.body.state_dict()
    assert not made.history
    for name in ("conv1.weight", "linear.weight", "bn1.bias"):
        torch.testing.assert_close(state[name], torch.tensor(sum(part[name] for part in parts) / 2))
    counted = torch.tensor(sum(part["bn1.running_mean"] for part in parts) / 2)
    assert not torch.equal(state["bn1.running_mean"], counted)
    torch.testing.assert_close(state["bn1.running_mean"], counted, atol=0.1, rtol=0)


def test_a_soup_of_three_weighs_them_alike():
    states = [{"w": np.float32([k]), "n": np.int64([k])} for k in (3, 6, 12)]
    mean = average.soup(states)
    assert (mean["w"].item(), mean["n"].item()) == (pytest.approx(7), 3)
    assert states[0]["w"][0] == 3  # what came stays as it was


@pytest.mark.parametrize("wrong", [{"epochs": 3}, {"start": "signs/resnet20/base"}, {"soup": SOUP.soup[:1]}])
def test_a_soup_of_one_or_with_training_or_a_start_is_refused(wrong):
    with pytest.raises(ValueError, match="a soup is of two checkpoints or more, without a start"):
        replace(SOUP, **wrong)


def test_a_finished_soup_tells_what_it_is_made_of(own_folders, images):
    card = finish.finish(SOUP, images, own_folders / "work" / "weights")
    parts = [checkpoints.card(name) for name in SOUP.soup]
    assert [part["sha256"] for part in card["soup"]] == [part["sha256"] for part in parts]
    assert card["epochs"] == sum(part["epochs"] for part in parts)
    assert card["minutes"] == pytest.approx(sum(part["minutes"] for part in parts), abs=0.06)
    assert card["selected"].startswith(f"equal parts of the weights of {' and '.join(SOUP.soup)};")
    assert card["test"]["accuracy"] > 0.9
    assert card["history"] == []
    missing = replace(SOUP, soup=(*SOUP.soup, "cifar10/resnet18/first"))
    assert [step.name for step in shipped_recipes.before(missing)] == ["cifar10/resnet18/first"]


def test_a_share_without_a_start_is_refused():
    with pytest.raises(ValueError, match=r"needs a checkpoint to start from, got 0.5 of ''"):
        Recipe("signs", "resnet20", start_share=0.5)


# Teachers

TAUGHT = replace(
    SHORT, epochs=1, warmup=0.5, teachers=("signs/resnet20/base", "signs/resnet20/fault"), taught=0.5
)


def test_half_the_loss_is_the_cross_entropy_against_the_teachers_mean_answer():
    x, y = torch.rand(8, 4), torch.arange(8) % 4
    one, two = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)
    loss, logits = train.distilled(
        torch.nn.Identity(), x, y, np.random.default_rng(0), recipe=TAUGHT, teachers=[one, two]
    )
    wanted = (one(x).softmax(1) + two(x).softmax(1)) / 2
    logs = torch.log_softmax(x, 1)
    expected = -0.5 * logs[range(8), y].mean() - 0.5 * (wanted * logs).sum(1).mean()
    torch.testing.assert_close(loss, expected)
    assert logits is x or torch.equal(logits, x)


def test_teachers_change_the_run_and_are_named_in_its_file_and_its_card(images, tmp_path):
    keep = tmp_path / "run.pt"
    told = _train(TAUGHT, images, keep=keep)
    alone = _train(replace(TAUGHT, teachers=(), taught=0.0), images)
    assert told.history[0]["loss"] != alone.history[0]["loss"]
    with pytest.raises(ValueError, match="remove the file to begin anew"):
        train.train(replace(TAUGHT, teachers=TAUGHT.teachers[:1]), images, keep=keep, quiet=True)
    named = distillation.about(TAUGHT)["teachers"]
    assert [t["name"] for t in named] == list(TAUGHT.teachers)
    assert all(checkpoints.card(t["name"])["sha256"] == t["sha256"] for t in named)


@pytest.mark.parametrize(
    "given", [{"taught": 0.5}, {"teachers": ("a/b/c",)}, {"teachers": ("a/b/c",), "taught": 1.5}]
)
def test_a_share_without_teachers_and_teachers_without_a_share_are_refused(given):
    with pytest.raises(ValueError, match=r"taught lies in \(0, 1\] with teachers and is 0 without"):
        Recipe("signs", "resnet20", **given)


def test_a_teacher_of_another_data_set_is_refused_by_name(images):
    with pytest.raises(
        ValueError, match="cannot learn from signs/resnet20/base, which knows the classes of signs"
    ):
        distillation.load(
            Recipe("cifar10", "resnet18", teachers=("signs/resnet20/base",), taught=0.5), torch.device("cpu")
        )


def test_teachers_are_read_from_toml_as_a_list(tmp_path):
    text = 'data = "signs"\nnetwork = "resnet20"\nteachers = ["signs/resnet20/base"]\ntaught = 0.5\n'
    assert _read(tmp_path, text).teachers == ("signs/resnet20/base",)
