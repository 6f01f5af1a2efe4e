"""Single flips of a real network: what counts as critical, and that the flips tried are as few as said."""

import argparse
import json
import re

import numpy as np
import pytest
import torch

from resq import checkpoints, cli, data
from resq.cli import singles
from resq.core import BitFlips, Encoding
from resq.core.types import CHECKS
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.run.sweep import pixels
from resq.measure.specs.sdc_rates import leveugle
from resq.memory import faults
from resq.protect.singles import critical_bits, single_faults

NET, ERROR = "signs/resnet20/base", 0.3


@pytest.fixture(scope="module")
def bench():
    return FaultyNetwork(checkpoints.load(NET), Encoding.parse("int8"))


@pytest.fixture(scope="module")
def images():
    part = data.load("signs", "test").first(4)
    return pixels(part), torch.from_numpy(part.y)


def test_a_flip_is_critical_where_the_whole_network_answers_otherwise(bench, images):
    x, y = images
    (layer, bit), found = next(critical_bits.shares(bench, x, y, error=ERROR))
    guess = critical_bits.guesses(bench)[layer, bit]
    assert (layer, bit) == ("conv1.weight", 0)
    assert found.injections == max(single_faults.least(ERROR, 432), leveugle(432, ERROR, share=guess))
    where = faults.region(bench.model, ["conv1.weight"], [7])
    order = critical_bits.seeds.rng(0, "critical", "conv1.weight", 7).permutation(where.n_bits)
    with torch.inference_mode():
        usual, changed = bench.network(x).argmax(1), 0
        cells = critical_bits.shares(bench, x, y, error=ERROR)
        seventh = next(share for cell, share in cells if cell == ("conv1.weight", 7))
        for address in where.addresses(np.sort(order[: seventh.injections])):
            with bench.flipped(BitFlips(np.array([address]), np.zeros(1))) as network:
                changed += bool((network(x).argmax(1) != usual).any())
    assert seventh.value == pytest.approx(changed / seventh.injections)


def test_the_command_tries_at_most_half_of_what_plain_sampling_does_and_says_both(capsys, monkeypatch):
    monkeypatch.setattr(FaultyNetwork, "flipped", Nothing)  # how many are tried does not hang on the answers
    asked = ["singles", NET, "--error", "0.2", "--n", "1", "--json"]
    assert cli.main(asked) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["injections"] <= found["plain"] / 2
    assert len(found["cells"]) == 20 * 8
    assert all((cell["high"] - cell["low"]) / 2 <= 0.2 + 1e-9 for cell in found["cells"])
    assert found["critical"] == found["critical_low"] == 0
    assert found["flips_to_first"] is None
    assert 0 < found["critical_high"] <= 0.4
    assert found["flips_to_first_least"] == pytest.approx(1 / found["critical_high"])


class Nothing:
    """A network that no flip reaches."""

    def __init__(self, *_):
        pass

    def __enter__(self):
        return None

    def __exit__(self, *_):
        return False


@pytest.mark.parametrize("encoding", ["int4+int4-x9@13-18", "int8+int8-secded@0"])
def test_every_stored_bit_counts_once_copies_and_check_bits_too(images, encoding):
    bench = FaultyNetwork(checkpoints.load(NET), Encoding.parse(encoding))
    x, y = (part[:1] for part in images)
    found = dict(critical_bits.shares(bench, x, y, error=0.45))
    assert len(found) == critical_bits.count(bench)
    assert sum(share.bits for share in found.values()) == bench.model.n_bits
    first = next(iter(bench.model.weights))
    checks = {cell: share for cell, share in found.items() if cell[0] == first + CHECKS}
    assert len(checks) == (8 if "secded" in encoding else 0)
    assert all(share.value == 0 and share.injections for share in checks.values())  # one flip is undone


def test_a_layer_stored_nine_times_weighs_nine_times_in_the_share_of_all_bits():
    model = checkpoints.load(NET).quantized(Encoding.parse("int4+int4-x9@13-18"))
    copied = {layer for layer, q in model.weights.items() if q.encoding.copies > 1}
    found = {
        (layer, bit): single_faults.share(0 if layer in copied else 2, 96, q.words.size * q.encoding.copies)
        for layer, q in model.weights.items()
        for bit in range(4)
    }
    critical = sum(4 * q.words.size for name, q in model.weights.items() if name not in copied) * 2 / 96
    said = critical_bits.summary(found, 0.1)
    assert said["critical"] == pytest.approx(critical / model.n_bits)
    assert said["flips_to_first"] == pytest.approx(model.n_bits / critical)


@pytest.mark.parametrize("encoding", ["int8+int8-x3@19", "int8+int8-secded@19"])
def test_every_flip_of_a_copied_or_guarded_layer_is_tried_copies_and_check_words_too(
    images, monkeypatch, encoding
):
    bench, x = FaultyNetwork(checkpoints.load(NET), Encoding.parse(encoding)), images[0][:1]
    monkeypatch.setattr(FaultyNetwork, "flipped", Nothing)  # how many are tried does not hang on the answers
    tried = {cell: len(critical) for cell, critical in critical_bits.every(bench, x, ["linear.weight"])}
    checks = {("linear.weight" + CHECKS, bit): 1024 // 8 for bit in range(8)} if "secded" in encoding else {}
    words = 1024 * (3 if "x3" in encoding else 1)
    assert tried == {("linear.weight", bit): words for bit in range(8)} | checks
    assert set(tried) <= set(critical_bits.guesses(bench))


def test_the_table_has_a_line_for_check_words_whatever_their_length(capsys, monkeypatch):
    monkeypatch.setattr(FaultyNetwork, "flipped", Nothing)
    assert cli.main(["singles", NET, "--encoding", "int4+int4-secded@0", "--error", "0.45", "--n", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith(f"conv1.weight{CHECKS}") for line in lines) == 1
    assert lines[0].split()[:3] == ["layer", "bit", "7"]


def test_flips_none_of_which_was_critical_bound_the_share_and_do_not_say_that_none_is(capsys, monkeypatch):
    monkeypatch.setattr(FaultyNetwork, "flipped", Nothing)
    assert cli.main(["singles", NET, "--error", "0.1", "--n", "1"]) == 0
    text = capsys.readouterr().out
    assert "None of the flips tried was critical alone" in text
    assert re.search(r"at most (8|9|1\d)\.?\d* % are, .* comes after at least (5|6|10|11) on average", text)
    assert re.search(r"conv1.weight  <= 1?\d\.\d %", text)
    assert "inf" not in text.replace("information", "")
    assert " 0.0 %" not in text


def test_the_sentence_names_the_ends_that_the_cells_intervals_leave(capsys):
    found = {("a", 0): single_faults.share(2, 20, 432), ("b", 0): single_faults.share(0, 20, 432)}
    lines = critical_bits.summary(found, 0.2)
    ends = [sum(getattr(s, end) for s in found.values()) / 2 for end in ("low", "value", "high")]
    said = [lines[key] for key in ("critical_low", "critical", "critical_high")]
    assert said == pytest.approx(ends)
    text = singles.text(lines, argparse.Namespace(n=4, error=0.2, seed=0))
    assert text.startswith("\n5 % of all bits")
    assert "comes after 20 on average" in text
    known = critical_bits.summary({("a", 0): single_faults.share(0, 9, 9)}, 0.2)
    assert "none is critical alone: all were tried" in singles.text(
        known, argparse.Namespace(n=4, error=0.2, seed=0)
    )


def test_an_interval_that_cannot_be_is_refused(capsys):
    assert cli.main(["singles", NET, "--error", "2"]) == 2
    assert "half-width of an interval lies between 0 and 0.5, got 2" in capsys.readouterr().err
