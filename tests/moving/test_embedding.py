"""Pictures among the last features: where they lie, what the head says there, which bits are restored."""

import json
from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

from resq import networks
from resq.checkpoints import load
from resq.cli import embed, main, parser
from resq.core import Encoding
from resq.core.errors import ResqError
from resq.measure.analysis import embedding, stats
from resq.measure.analysis.embedding.stored import FIELDS
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.run import sweep
from resq.measure.run.embedding import features, pca, steps
from resq.measure.run.embedding.spec import EmbeddingSpec

NAME = "signs/resnet20/base"
SPEC = EmbeddingSpec(NAME, bers=(1e-3, 2e-2), eps=(4.0,), steps=3, maps=2, n=24)


@cache
def measured() -> list[dict]:
    return list(steps.run(SPEC))


def images(n: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(5).random((n, 3, 32, 32), dtype=np.float32))


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_the_head_of_every_network_turns_its_features_into_its_logits(name):
    network = networks.build(name, 10, mean=(0.5,) * 3, std=(0.25,) * 3).eval()
    x = images(5)
    head = features.head(network, x[:2])
    seen = head.see(network, x)
    assert head.layer is not None
    assert head.layer.out_features == 10
    assert seen.features.shape == (5, head.layer.in_features)
    with torch.inference_mode():
        np.testing.assert_array_equal(seen.logits, network(x).numpy())
        again = head.layer(torch.from_numpy(seen.features)).numpy()
    np.testing.assert_allclose(again, seen.logits, atol=1e-5)
    np.testing.assert_allclose(head.along(seen.features), seen.logits, atol=1e-5)


class Double(nn.Module):
    """Two linear layers after a flattened mean; the answer is scaled, or comes from a convolution."""

    def __init__(self, last: str) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(3, 4), nn.Linear(4, 6), last
        self.conv = nn.Conv2d(3, 6, 1)

    def forward(self, x):
        if self.last == "conv":
            return self.conv(x).mean((2, 3))
        logits = self.second(self.first(x.mean((2, 3))).relu())
        return 2 * logits if self.last == "scaled" else logits


def test_a_network_whose_logits_no_linear_layer_gives_has_its_logits_for_features():
    assert features.head(Double("linear"), images(3)).name == "second"
    for last in ("scaled", "conv"):
        network = Double(last)
        head = features.head(network, images(3))
        assert (head.name, head.layer) == ("", None)
        seen = head.see(network, images(3))
        np.testing.assert_array_equal(seen.features, seen.logits)
        np.testing.assert_array_equal(head.along(seen.features), seen.logits)


def test_listening_leaves_no_hook_behind():
    network = Double("linear")
    features.head(network, images(2)).see(network, images(2))
    assert not any(module._forward_hooks for module in network.modules())


def test_the_plane_is_that_of_a_plain_decomposition_of_the_covariance():
    points = np.random.default_rng(3).normal(size=(40, 7)) @ np.diag([5, 3, 1, 1, 0.5, 0.5, 0.1])
    plane = pca.fitted(points)
    sizes, axes = np.linalg.eigh(np.cov(points.T))
    order = np.argsort(sizes)[::-1][:2]
    np.testing.assert_allclose(np.abs(plane.axes @ axes[:, order]), np.eye(2), atol=1e-12)
    np.testing.assert_allclose(plane.shares, sizes[order] / sizes.sum(), atol=1e-12)
    np.testing.assert_allclose(plane.place(points), (points - points.mean(0)) @ plane.axes.T, atol=1e-12)
    assert (plane.axes[np.arange(2), np.abs(plane.axes).argmax(1)] > 0).all()


@pytest.mark.parametrize("shape", [(2, 5), (5, 1)])
def test_too_few_images_or_features_are_refused(shape):
    with pytest.raises(ResqError, match=f"got {shape[0]} images with {shape[1]} features"):
        pca.fitted(np.random.default_rng(0).random(shape))


def test_images_that_are_all_alike_are_refused():
    with pytest.raises(ResqError, match="the 4 images have the same features"):
        pca.fitted(np.ones((4, 3)))


def test_every_step_is_right_where_the_sweep_of_the_same_cells_is():
    rows, same = measured(), list(sweep.run(SPEC.sweep()))
    assert len(rows) == SPEC.total == 6
    assert [row["axis"] for row in rows] == ["clean", "ber", "ber", "ber", "ber", "eps"]
    assert [int(embedding.right(row).sum()) for row in rows] == [row["correct"] for row in same]
    assert [row["flips"] for row in rows] == [row["flips"] or 0 for row in same]


def test_the_first_step_is_the_network_as_stored_and_so_are_its_words_afterwards():
    bench = FaultyNetwork(load(NAME), Encoding.parse("int8"))
    before = {name: value.clone() for name, value in bench.network.state_dict().items()}
    x = sweep.pixels(sweep.test_images(SPEC.sweep(), bench.checkpoint))
    first = measured()[0]
    np.testing.assert_allclose(
        embedding.numbers(first["logits"]), networks.logits(bench.network, x).numpy(), rtol=0, atol=1e-4
    )
    head = features.head(bench.network, x[:2])
    cell = next(cell for cell in SPEC.sweep().cells() if cell.ber == 2e-2)
    flips = steps.flips_of(cell, SPEC, bench)
    with bench.flipped(flips) as network:
        assert not np.array_equal(head.see(network, x).logits, embedding.numbers(first["logits"]))
    for name, value in bench.network.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_the_plane_of_a_step_is_what_its_own_head_answers_on_it():
    bench = FaultyNetwork(load(NAME), Encoding.parse("int8"))
    x = sweep.pixels(sweep.test_images(SPEC.sweep(), bench.checkpoint))
    head = features.head(bench.network, x[:2])
    plane = pca.fitted(head.see(bench.network, x).features)
    cells = list(SPEC.sweep().cells())
    row, cell = next((r, c) for r, c in zip(measured(), cells, strict=True) if c.ber == 2e-2)
    with bench.flipped(steps.flips_of(cell, SPEC, bench)):
        a, b = 1.5, -2.0
        point = torch.from_numpy((plane.mean + a * plane.axes[0] + b * plane.axes[1])[None]).float()
        answered = head.layer(point).detach().numpy()[0]
    middle, along, up = embedding.numbers(row["plane"])
    np.testing.assert_allclose(middle + a * along + b * up, answered, atol=1e-3)


def test_flips_that_make_no_numbers_are_told_and_never_counted_as_an_answer():
    spec = EmbeddingSpec(NAME, "fp32", bers=(1e-2,), eps=(), maps=1, n=8)
    clean, broken = steps.run(spec)
    assert json.loads(json.dumps([clean, broken], allow_nan=False))
    assert None in broken["x"]
    answers = embedding.answers(broken)
    assert set(answers[[x is None for x in broken["x"]]]) == {len(broken["classes"])}
    assert embedding.answers(clean).max() < 16
    assert np.isnan(embedding.ways(clean, broken)).any()


def row(logits: list, labels: list[int], **more) -> dict:
    return {"logits": logits, "labels": labels, "classes": ["a", "b"], **more}


def test_accuracies_have_the_interval_of_their_noise():
    good, bad = row([[1, 0], [0, 1], [1, 0], [1, 0]], [0, 1, 0, 1]), row([[0, 1]] * 4, [0, 1, 0, 1])
    one = embedding.accuracy([good])
    assert (one["mean"], one["low"], one["high"]) == (0.75, *stats.wilson(0.75, 4))
    two = embedding.accuracy([good, bad])
    assert (two["mean"], two["maps"], two["n"]) == (0.625, 2, 4)
    assert two["low"] < stats.wilson(0.625, 4)[0]
    assert embedding.per_class([good, bad]).tolist() == [0.5, 0.75]


def test_the_share_on_the_plane_is_of_answers_there_that_are_the_answers():
    plane = [[0, 0], [1, -1], [0, 0]]  # right of 0: a
    there = row(
        [[1, 0], [1, 0], [0, 1], [None, 0]], [0, 0, 1, 1], plane=plane, x=[1, -1, -1, 2], y=[0, 0, 0, 0]
    )
    assert embedding.on_plane(there).tolist() == [0, 1, 1, 0]
    assert embedding.answers(there).tolist() == [0, 0, 1, 2]
    assert embedding.agreeing(there) == 0.5


def test_the_command_gives_the_rows_of_the_page_and_writes_them(tmp_path, capsys):
    out = tmp_path / "x.json.gz"
    words = [*SPEC.argv(), "--out", str(out)]
    assert main(words) == 0
    written = embedding.read(out)
    for mine, theirs in zip(written, measured(), strict=True):
        for name in ("x", "y", "logits", "plane"):
            np.testing.assert_allclose(
                embedding.numbers(mine[name]), embedding.numbers(theirs[name]), rtol=0, atol=1e-12
            )
    printed = capsys.readouterr().out
    right = int(embedding.right(written[0]).sum())
    assert f"{100 * right / 24:.2f} %" in printed
    assert "of the variance" in printed
    assert main(words) == 2
    assert "exists already; nothing was run" in capsys.readouterr().err


def test_the_command_of_a_spec_is_one_that_the_program_takes():
    spec = EmbeddingSpec(NAME, "int4-tmr2", "burst-row", (0.02,), (), 5, 4, 40, 7)
    assert embed.embedding_spec(parser().parse_args(spec.argv())) == spec
    assert embed.embedding_spec(parser().parse_args(EmbeddingSpec(NAME).argv())) == EmbeddingSpec(NAME)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"fault": "activations"}, "got activations"),
        ({"bers": (2.0,)}, "got 2"),
        ({"n": 2}, "n must be at least 3 for a plane, got 2"),
        ({"bers": (0.0,), "eps": ()}, "nothing moves the pictures"),
        ({"checkpoint": "a/net.tflite"}, "gives answers and no features, got a/net.tflite"),
    ],
)
def test_what_cannot_be_placed_is_refused_in_a_sentence(changes, sentence):
    with pytest.raises(ResqError, match=sentence):
        EmbeddingSpec(**{"checkpoint": NAME, **changes})


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--out", "x.csv"], "x.csv ends in .csv; expected .json, .gz"),
        (["--picture", "x.gif"], "x.gif ends in .gif"),
        (["--eps", "0", "--axis", "eps", "--picture", "x.html"], "there is no eps above 0"),
    ],
)
def test_files_that_cannot_be_written_are_refused_before_anything_runs(more, sentence, capsys):
    assert main(["embed", NAME, *more]) == 2
    assert sentence in capsys.readouterr().err


def test_a_broken_file_is_a_sentence(tmp_path):
    for name, content in (("a.json", b"[]"), ("b.json.gz", b"no gzip"), ("c.json", b'{"rows": []}')):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ResqError, match=f"{name} is not a readable embedding"):
            embedding.read(tmp_path / name)


def test_the_latest_files_are_kept_and_no_more(own_folders, monkeypatch):
    monkeypatch.setattr("resq.measure.analysis.embedding.stored.KEPT", 2)
    specs = [EmbeddingSpec(NAME, seed=seed) for seed in range(3)]
    for spec in specs:
        embedding.keep(spec, measured())
    here = [embedding.kept_file(spec, measured()[0]["weights"]).is_file() for spec in specs]
    assert sum(here) == 2
    assert embedding.read(embedding.kept_file(specs[2], measured()[0]["weights"]))[0]["axis"] == "clean"


def test_shipped_rows_are_of_the_weights_that_are_shipped():
    for rows in embedding.shipped():
        first = rows[0]
        assert first["weights"] == load(first["checkpoint"]).hash
        fields = {name: first[name] for name in FIELDS}
        spec = EmbeddingSpec(**{k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()})
        assert embedding.same(first, spec)
        assert len(rows) == spec.total
