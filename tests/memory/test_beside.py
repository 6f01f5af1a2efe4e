"""What is stored beside the words: counted, struck, voted on, folded; and put back bit for bit."""

import itertools

import numpy as np
import pytest
import torch

from resq import checkpoints, data, networks
from resq.core import BitFlips, Encoding
from resq.measure.engine.faulty_network import FaultyNetwork, network_of
from resq.measure.run import sweep
from resq.measure.specs.sweep_spec import SweepSpec
from resq.memory import beside, flipping, quant
from resq.memory.beside import EXPONENT, SCALE, ZERO, Numbers, Struck
from resq.memory.faults import FAULTS

SIGNS, CIFAR = "signs/resnet20/base", "cifar10/resnet18/base"
NONE = BitFlips(np.empty(0, np.int64), np.empty(0))


def images(n=40):
    pictures = data.load("signs", "test").first(n)
    return sweep.pixels(pictures)


def bench(encoding="int8", name=SIGNS):
    return FaultyNetwork(checkpoints.load(name), Encoding.parse(encoding), floats=True)


def struck(of, rate, seed=3, fault="random"):
    where = sweep.faults.region(of.model)
    words = FAULTS[fault](where, rate, rng=sweep.seeds.rng(seed, "map", 0))
    return Struck(words, of.beside.drawn(fault, rate, seed, 0))


def memory(network):
    tensors = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    return {name: t.contiguous().numpy().tobytes() for name, t in tensors.items()}


@pytest.mark.parametrize(
    ("encoding", "words"), [("int8", 28_830), ("int8-symmetric", 24_020), ("fp32", 19_210)]
)
def test_resnet18_has_so_many_numbers_beside_its_words(encoding, words):
    """4,810 channels with a scale and a zero point, 4,800 with four numbers of a norm, 10 biases."""
    kept = beside.plain(checkpoints.load(CIFAR).quantized(Encoding.parse(encoding)), 1)
    assert kept.n_bits == 32 * words
    assert sum(t.words.size for t in kept.tensors.values()) == words


def test_folded_they_are_a_scale_a_zero_point_and_a_bias_a_channel():
    of = bench("int4-tmr2+folded9", CIFAR)
    tensors = of.beside.tensors.values()
    assert sum(t.words.size for t in tensors if t.form == "code") == 4810
    assert sum(t.words.size for t in tensors if t.form == "integer") == 2 * 4810
    assert sum(t.words.size for t in tensors if t.form == "exponent") == 2 * 21
    per_copy = 4810 * (16 + 4 + 16)
    assert of.beside.n_bits == 9 * per_copy + 27 * 42 * 8
    assert (of.model.n_bits + of.beside.n_bits) / 11_164_352 == pytest.approx(8.1404, abs=1e-4)


def by_hand(of, flips):
    """Every number decoded from bits written out one by one; a network built anew from them."""
    model, found = of.model, {}
    for width, layout in of.beside.layouts.items():
        wrong = np.zeros(layout.n_bits, bool)
        wrong[flips.beside[width].addresses] = True
        for i, name in enumerate(layout.layers):
            t = of.beside.tensors[name]
            part = wrong[layout.starts[i] : layout.starts[i + 1]].reshape(t.copies, t.words.size, width)
            stored = (t.words[:, None] >> np.arange(width, dtype=t.words.dtype) & 1).astype(bool)
            read = (part ^ stored).sum(0) * 2 > t.copies
            words = (read.astype(np.uint64) << np.arange(width, dtype=np.uint64)).sum(1)
            found[name] = words.astype(np.uint32).view(np.float32).reshape(t.shape)
    weights = flipping.flip(model, flips.words).weights
    state = dict(model.floats)
    state |= {name: value for name, value in found.items() if name in state}
    for name, q in weights.items():
        scale, zero = found.get(name + SCALE, q.scale), found.get(name + ZERO, q.zero)
        rows = q.words.reshape(len(scale), -1)
        with np.errstate(all="ignore"):
            state[name] = quant.values(rows, scale[:, None], zero[:, None], q.encoding).reshape(q.words.shape)
    source = data.source(of.checkpoint.data)
    return networks.restore(of.checkpoint.network, state, mean=source.mean, std=source.std,
                            classes=len(source.classes))  # fmt: skip


@pytest.mark.parametrize(("encoding", "rate"), [("int8", 1e-4), ("int4-tmr2", 1e-3), ("int8+floats3", 1e-2),
                                                ("int8-symmetric-tensor", 1e-3), ("fp16", 1e-4)])  # fmt: skip
def test_a_bench_computes_what_numbers_written_out_by_hand_do(encoding, rate):
    of = bench(encoding)
    flips = struck(of, rate)
    assert any(len(own) for own in flips.beside.values())
    expected = memory(by_hand(of, flips))
    with of.flipped(flips) as network:
        assert memory(network) == expected


@pytest.mark.parametrize("encoding", ["int8", "int4-tmr2+folded", "fp32"])
def test_after_the_flips_the_network_is_bit_for_bit_what_it_was(encoding):
    of = bench(encoding)
    before = memory(of.network)
    with of.flipped(struck(of, 3e-2)) as network:
        assert memory(network) != before
    assert memory(of.network) == before


def test_without_a_fault_folding_moves_every_number_by_at_most_half_its_unit():
    of, x = bench("int8+folded"), images()
    plain = bench("int8")
    names = [name for name, t in of.beside.tensors.items() if t.form == "integer"]
    values = of.beside.values()
    exact = {name: q.scale for name, q in plain.model.weights.items()}
    body = network_of(plain.checkpoint, plain.model).body
    factors = sweep.FaultyNetwork(checkpoints.load(SIGNS), Encoding.parse("int8")).factors
    for name in (n for n in names if n.endswith(SCALE)):
        layer = name.removesuffix(SCALE)
        unit = 2.0 ** (int(of.beside.tensors[name + EXPONENT].words[0]) - beside.BIAS)
        wanted = exact[layer] * factors.get(layer, np.float32(1))
        assert np.abs(values[name] - wanted).max() <= unit / 2 * 1.001
        assert unit <= 2 * np.abs(wanted).max() / beside.MOST
    with torch.inference_mode():
        folded, unfolded = of.network(x), plain.network(x)
    assert torch.allclose(folded, unfolded, atol=2e-2)
    assert (folded.argmax(1) == unfolded.argmax(1)).all()
    assert body is not None


def test_a_channel_of_one_sign_is_widened_to_zero_so_that_its_zero_point_is_a_code():
    weight = np.array([[1.0, 2.0], [-2.0, -1.0], [-1.0, 1.0]], np.float32)
    plain, folded = (quant.quantize(weight, Encoding.parse(name)) for name in ("int4", "int4+folded"))
    assert plain.zero.tolist() == [-15.0, 30.0, 7.0]
    assert folded.zero.tolist() == [0.0, 15.0, 7.0]
    assert np.abs(quant.dequantize(folded) - weight).max() <= 2 / 15 / 2 + 1e-6
    assert (quant.dequantize(folded)[2] == quant.dequantize(plain)[2]).all()


def test_a_majority_of_three_and_of_five_copies_decides_for_every_pattern():
    for copies in (3, 5):
        value = Numbers(np.array([0b1010], np.uint8), 4, copies, "code", (1,))
        kept = beside.Beside({"a": value})
        for pattern in itertools.product((0, 1), repeat=copies):
            at = np.array([4 * i + 1 for i, hit in enumerate(pattern) if hit], np.int64)
            read = kept.read({4: BitFlips(at, np.zeros(len(at)))})
            wrong = sum(pattern) > copies // 2
            assert ("a" in read) == wrong
            assert not wrong or read["a"][0] == 0b1000


def test_every_bit_of_an_integer_moves_it_by_its_place_value():
    value = np.array([1.0, -0.25], np.float32)
    kept = beside.Beside(beside._integers("b", value, 1))
    unit = 2.0 ** (int(kept.tensors["b" + EXPONENT].words[0]) - beside.BIAS)
    for bit in range(16):
        for word in (0, 1):
            read = kept.read({16: BitFlips(np.array([16 * word + bit]), np.zeros(1)), 8: NONE})["b"]
            assert abs(read[word] - value[word]) == pytest.approx(unit * 2**bit, rel=1e-3)
            assert abs(read[word]) <= 32768 * unit


def test_an_exponent_moves_its_whole_tensor_and_is_stored_three_times_as_often():
    kept = beside.Beside(beside._integers("b", np.array([1.0, -0.25], np.float32), 1))
    copies = kept.tensors["b" + EXPONENT].copies
    assert copies == 3
    one = kept.read({16: NONE, 8: BitFlips(np.array([0]), np.zeros(1))})
    assert not one
    two = kept.read({16: NONE, 8: BitFlips(np.array([0, 8]), np.zeros(2))})["b"]
    assert two[0] in (0.5, 2.0)


def test_weights_flip_alike_whether_the_floats_beside_them_are_struck_or_not():
    measurer = sweep.Measurer()
    cells = {t: next(iter(SweepSpec(SIGNS, bers=(1e-3,), maps=1, n=9, targets=t).cells()))
             for t in ("weights", "floats", "all")}  # fmt: skip
    found = {}
    for target, cell in cells.items():
        of = measurer._bench(cell.checkpoint, "", cell.encoding, cell.precision, target != "weights")
        found[target] = measurer.flips(cell, of)
    assert (found["all"].words.addresses == found["weights"].addresses).all()
    assert not len(found["floats"].words)
    assert len(found["floats"]) + len(found["weights"]) == len(found["all"])


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_model_strikes_them_at_its_rate_and_a_smaller_rate_is_a_part(fault):
    of = bench("int4-tmr2+folded3")
    whole = Struck(NONE, of.beside.drawn(fault, 0.02, 5, 1))
    part = whole.at_rate(0.01)
    assert len(whole) > 0
    if fault != "sec-ded":  # its decoder turns bits of its own
        for width, flips in part.beside.items():
            assert set(flips.addresses) <= set(whole.beside[width].addresses)
    if fault in ("random", "count", "1-to-0", "0-to-1", "burst-word", "burst-pair", "burst-row"):
        # Bits flip by the row of 512 at most, and of 500 rows a fifth more or less is chance.
        assert len(whole) / of.beside.n_bits == pytest.approx(0.02, rel=0.5)


def test_rows_say_the_target_and_count_its_bits():
    rows = {t: next(iter(sweep.run(SweepSpec(SIGNS, bers=(1e-3,), maps=1, n=9, targets=t))))
            for t in ("weights", "floats", "all")}  # fmt: skip
    assert [row["targets"] for row in rows.values()] == list(rows)
    assert rows["all"]["bits"] == rows["weights"]["bits"] + rows["floats"]["bits"]
    assert len({row["key"] for row in rows.values()}) == 3


def test_a_row_under_weights_is_what_it_was_before_there_were_targets():
    spec = SweepSpec(SIGNS, bers=(2e-2,), maps=3, n=100, seed=7)
    assert [row["correct"] for row in sweep.run(spec)] == [50, 38, 54]
    assert "targets" not in spec.argv()


@pytest.mark.parametrize(("given", "said"), [
    ({"targets": "biases"}, "no target 'biases'"),
    ({"targets": "all", "layers": ("fc.weight",)}, "without chosen layers or planes, got fc.weight"),
    ({"targets": "all", "precision": "bf16"}, "in fp32 passes.*got bf16"),
    ({"targets": "floats", "fault": "activations"}, "got activations"),
])  # fmt: skip
def test_what_targets_cannot_be_is_said(given, said):
    with pytest.raises(ValueError, match=said):
        SweepSpec(SIGNS, bers=(1e-3,), **given)


@pytest.mark.parametrize("text", ["int4-tmr2+floats9", "int8+folded", "int8+int4-tmr2@0.20+folded11"])
def test_the_names_of_what_is_beside_come_back(text):
    found = Encoding.parse(text)
    assert str(found) == text
    assert found.of(0).beside == found.beside
    assert found.word_bits == 8


@pytest.mark.parametrize(("text", "said"), [("int8+folded2", "odd number of times.*got 2"),
                                            ("fp32+folded", "integer codes per channel, got fp32"),
                                            ("int8-tensor+folded", "got affine tensor"),
                                            ("int8+floats0", "no encoding")])  # fmt: skip
def test_names_that_mean_nothing_are_refused(text, said):
    with pytest.raises(ValueError, match=said):
        Encoding.parse(text)
