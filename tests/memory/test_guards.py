"""Guards of stored words: what every one promises, and the laws of each against decoders of a textbook."""

import itertools

import numpy as np
import pytest

from dashboard.model import flip_animation
from resq.core import BitFlips, Encoding, seeds
from resq.core.guards import GUARDS, LIMIT_COPIES
from resq.core.types import CHECKS
from resq.memory import faults, flipping, own, quant
from resq.memory.guards import READERS, cep, radar
from resq.memory.guards.hamming import CORRECTED, FINE, FOUND, Hamming
from resq.memory.guards.layers import Layer, written

CHANCE = np.random.default_rng(3)
SHAPES = {"conv.weight": (10, 4, 5, 5), "deep.weight": (9, 5, 1, 1), "linear.weight": (6, 60)}
STATE = {name: CHANCE.normal(0.01, 0.1, shape).astype(np.float32) for name, shape in SHAPES.items()}
# Every guard with words of every kind that it takes.
NAMES = [
    *(f"{base}-{guard}" for guard in ("secded", "secded0", "spw")
      for base in ("int8", "int8-symmetric", "int4", "int4-magnitude", "int4-tmr2", "fp16", "fp32")),
    "int8-symmetric-inplace", "bf16-mset", "fp16-mset", "fp32-mset", "int8-cep", "int8-magnitude-cep",
    "fp16-cep", "fp32-cep", "int8-radar8", "int8-symmetric-radar32", "int8-radar512", "int8-radar128",
    "fp16-limits", "fp32-limits", "bf16-limits",
]  # fmt: skip
every = pytest.mark.parametrize("name", NAMES)


def _model(name: str):
    return quant.quantize_model(STATE, tuple(SHAPES), Encoding.parse(name))


def _flips(*addresses: int) -> BitFlips:
    return BitFlips(np.array(sorted(addresses), dtype=np.int64), np.zeros(len(addresses)))


def _layer(words: np.ndarray, name: str) -> Layer:
    return Layer(words, Encoding.parse(name))


def _bits(model, flips: BitFlips) -> dict[str, list[bool]]:
    """The stored bits of every entry of the layout under flips, looked up the slow way."""
    memory = np.zeros(model.n_bits, bool)
    where = faults.region(model)
    memory[:] = where.bit_values(np.arange(model.n_bits))
    memory[flips.addresses] ^= True
    starts = model.layout.starts
    return {name: memory[starts[i] : starts[i + 1]].tolist() for i, name in enumerate(model.layout.layers)}


def test_every_guard_is_in_both_lists_and_tried_here():
    assert set(READERS) == set(GUARDS) == {Encoding.parse(name).guard for name in NAMES}


@every
def test_the_name_says_the_encoding_and_is_said_by_it(name):
    assert str(Encoding.parse(name)) == name
    assert str(Encoding.parse(f"{name}+floats9+ranger")) == f"{name}+floats9+ranger"


@every
def test_without_a_fault_the_stored_words_are_read_as_what_they_stand_for(name):
    for q in _model(name).weights.values():
        layer = _layer(q.words.reshape(-1), name)
        blocks = np.arange(layer.blocks)
        index, real = layer.members(blocks)
        words, checks = layer.in_memory(blocks)
        zero = np.zeros_like(words)
        read = READERS[layer.encoding.guard].read(words, checks, real, zero, layer.encoding)
        assert np.array_equal(read[real], layer.words[index[real]])
        assert sorted(index[real]) == list(range(q.words.size))  # every word in one block


@every
def test_what_is_stored_is_what_is_counted(name):
    model = _model(name)
    sizes = [q.words.size for q in model.weights.values()]
    assert model.n_bits == round(Encoding.parse(name).memory(sizes) * sum(sizes))
    held = _bits(model, _flips())
    for layer, q in model.weights.items():
        _, checks = written(q)
        count, width = q.encoding.checks(q.words.size)
        assert len(held[layer]) == q.words.size * q.encoding.word_bits
        assert len(checks) == count
        if count:
            bits = np.array(held[layer + CHECKS]).reshape(count, width)
            assert np.array_equal((bits << np.arange(width)).sum(1), checks)


@every
@pytest.mark.parametrize("rate", [1e-3, 0.02, 0.3])
def test_what_a_map_changes_is_what_reading_the_whole_memory_anew_changes(name, rate):
    model = _model(name)
    flips = faults.random(faults.region(model), rate, rng=np.random.default_rng(5))
    held, faulty = _bits(model, flips), flipping.flip(model, flips)
    for layer, q in model.weights.items():
        width, (count, length) = q.encoding.word_bits, q.encoding.checks(q.words.size)
        words = (np.array(held[layer]).reshape(-1, width) << np.arange(width)).sum(1).astype(q.words.dtype)
        checks = (np.array(held.get(layer + CHECKS, [])).reshape(count, length).astype(int)
                  << np.arange(length)).sum(1)  # fmt: skip
        own = _layer(q.words.reshape(-1), name)
        blocks = np.arange(own.blocks)
        index, real = own.members(blocks)
        zeros = np.broadcast_to(quant.zeros(q), q.words.size)[index]
        beside = checks[None] if own.shared else checks.reshape(own.blocks, -1)
        stored = np.where(real, words[index], own.words.dtype.type(0))
        read = READERS[q.encoding.guard].read(
            stored, beside.astype(own.words.dtype if own.shared else np.uint64), real, zeros, q.encoding
        )
        expected = np.empty_like(own.words)
        expected[index[real]] = read[real]
        assert np.array_equal(faulty.weights[layer].words.reshape(-1), expected)


@every
def test_the_same_flips_twice_are_none(name):
    model = _model(name)
    flips = faults.random(faults.region(model), 0.05, rng=np.random.default_rng(6))
    at = flipping.misread(model, flips)
    assert (np.diff(at) > 0).all()
    assert len(flipping.misread(model, _flips())) == 0
    assert flipping.by_layer(model, _flips()) == []


# --- SEC-DED ----------------------------------------------------------------------------------------------


def _codeword(code: Hamming, data: int) -> int:
    """A code word by the textbook, bit by bit: place 0 is the parity of all, powers of two are checks."""
    places = [place for place in range(1, code.data + code.checks) if place & (place - 1)][: code.data]
    row = {place: data >> i & 1 for i, place in enumerate(places)}
    checks = [sum(bit for place, bit in row.items() if place >> j & 1) % 2 for j in range(code.checks - 1)]
    overall = (sum(row.values()) + sum(checks)) % 2
    return data | sum(bit << j for j, bit in enumerate([*checks, overall])) << code.data


def _split(code: Hamming, word: int) -> tuple[np.ndarray, np.ndarray]:
    return (np.array([word & (1 << code.data) - 1], np.uint64), np.array([word >> code.data], np.uint64))


@pytest.mark.parametrize("data", [4, 8])
def test_every_word_there_is_is_decoded_as_the_nearest_code_word_or_found(data):
    code = Hamming(data)
    words = [_codeword(code, value) for value in range(2**data)]
    near = {}
    for value, word in enumerate(words):
        near[word] = (value, FINE)
        for bit in range(data + code.checks):
            near[word ^ 1 << bit] = (value, CORRECTED)
    every_word = np.arange(2 ** (data + code.checks), dtype=np.uint64)
    read, state = code.decode(every_word & np.uint64(2**data - 1), every_word >> np.uint64(data))
    for word in range(2 ** (data + code.checks)):
        value, expected = near.get(word, (word & 2**data - 1, FOUND))
        assert (read[word], state[word]) == (value, expected)


@pytest.mark.parametrize("data", [16, 32, 57, 64])
def test_one_flip_is_undone_and_two_are_found_wherever_they_are(data):
    code, value = Hamming(data), int(CHANCE.integers(2**63)) & (1 << data) - 1
    whole = _codeword(code, value)
    assert code.encode(np.array([value], np.uint64))[0] == whole >> data
    for bit in range(data + code.checks):
        read, state = code.decode(*_split(code, whole ^ 1 << bit))
        assert (int(read[0]), state[0]) == (value, CORRECTED)
    for pair in itertools.combinations(range(data + code.checks), 2):
        _, state = code.decode(*_split(code, whole ^ 1 << pair[0] ^ 1 << pair[1]))
        assert state[0] == FOUND


@pytest.mark.parametrize("name", ["int8-secded", "int4-spw", "int8-symmetric-inplace", "fp16-secded0"])
def test_no_single_flip_of_the_whole_memory_is_seen(name):
    model = _model(name)
    for address in range(0, model.n_bits, 7):
        layer = int(np.searchsorted(model.layout.starts, address, side="right")) - 1
        last_words = name.endswith("inplace") and layer == 1 and address >= model.layout.starts[2] - 5 * 8
        if not last_words:  # 45 weights are five blocks of eight and five words without a code
            assert len(flipping.misread(model, _flips(address))) == 0


def test_two_flips_of_a_row_are_left_by_the_one_zeroed_by_the_other():
    for name, read in (("int8-secded", None), ("int8-secded0", 8), ("int8-spw", 1)):
        model = _model(name)
        q = flipping.flip(model, _flips(3, 5)).weights["conv.weight"]
        values, clean = quant.dequantize(q).reshape(-1), model.weights["conv.weight"]
        if read is None:
            assert q.words.reshape(-1)[0] == clean.words.reshape(-1)[0] ^ 0b101000
        else:
            assert np.abs(values[:read]).max() <= clean.scale[0] / 2
            assert np.array_equal(values[read:], quant.dequantize(clean).reshape(-1)[read:])


def test_sec_ded_with_guards_leaves_what_the_fault_model_of_that_name_leaves():
    raw = faults.random(faults.region(_model("int8-secded")), 0.02, rng=np.random.default_rng(1))
    left = len(flipping.misread(_model("int8-secded"), raw)) / _model("int8").n_bits
    drawn = [
        len(faults.FAULTS["sec-ded"](faults.region(_model("int8")), 0.02, rng=np.random.default_rng(s)))
        for s in range(60)
    ]
    spread = np.std(drawn) / _model("int8").n_bits
    assert abs(left - np.mean(drawn) / _model("int8").n_bits) < 4 * spread


# --- the others -------------------------------------------------------------------------------------------


def test_in_place_the_first_seven_of_every_eight_lie_in_half_the_range_and_the_eighth_is_as_it_was():
    plain, kept = (_model(n).weights["conv.weight"].words.reshape(-1, 8).view(np.int8)
                   for n in ("int8-symmetric", "int8-symmetric-inplace"))  # fmt: skip
    assert np.array_equal(kept[:, :7], np.clip(plain[:, :7], -64, 63))
    assert np.array_equal(kept[:, 7], plain[:, 7])
    assert (np.abs(plain[:, :7].astype(int)) > 64).any()  # else nothing was tried


def test_mset_reads_the_majority_of_the_top_exponent_bit_for_every_word_of_16_bits():
    every_word = np.arange(2**16, dtype=np.uint16)
    layer = _layer(every_word, "fp16-mset")
    read = READERS["mset"].read(every_word[:, None], *[np.zeros((1, 0))] * 3, layer.encoding)[:, 0]
    votes = (every_word >> 14 & 1) + (every_word & 1) + (every_word >> 1 & 1)
    assert np.array_equal(read, every_word & 0xBFFC | (votes >= 2) << 14)


def test_cep_by_hand_for_every_word_of_8_and_16_bits():
    for name, dtype in (("int8-cep", np.uint8), ("fp16-cep", np.uint16)):
        encoding = Encoding.parse(name)
        count = encoding.word_bits // 4
        every_word = np.arange(2**encoding.word_bits).astype(dtype)
        read = READERS["cep"].read(every_word[:, None], *[np.zeros((1, 0))] * 3, encoding)[:, 0]
        for word in range(0, 2**encoding.word_bits, 1 if count == 2 else 31):
            expected = 0
            for i in range(count):
                three = word >> count + 3 * i & 7
                if three.bit_count() % 2 == word >> i & 1:
                    expected |= three << count + 3 * i
            assert read[word] == expected
    assert cep._parities(np.array([0b111_000_00], np.uint8), 2).tolist() == [0b10]


def test_radar_sees_every_single_flip_of_a_top_bit_and_zeroes_its_group_alone():
    model = _model("int8-symmetric-radar32")
    q = model.weights["conv.weight"]
    for word in range(0, q.words.size, 13):
        faulty = flipping.flip(model, _flips(word * 8 + 7)).weights["conv.weight"].words.reshape(-1)
        groups = -(-q.words.size // 32)
        own = np.arange(q.words.size) % groups == word % groups
        assert not faulty[own].any()
        assert np.array_equal(faulty[~own], q.words.reshape(-1)[~own])


def test_radar_signs_as_many_weights_plus_as_minus_and_sums_by_hand():
    assert bin(radar.KEY).count("1") == 8
    words = np.array([[100, 156, 7, 250]], np.uint8)  # 100, -100, 7, -6 in two's complement
    signs = [1 - 2 * (radar.KEY >> i & 1) for i in range(4)]
    total = 100 * signs[0] - 100 * signs[1] + 7 * signs[2] - 6 * signs[3]
    expected = (total // 128) % 2 + 2 * ((total // 256) % 2)
    assert radar._signature(words, Encoding.parse("int8-symmetric-radar8"))[0] == expected


def test_limits_by_hand():
    encoding = Encoding.parse("fp32-limits")
    values = np.array([0.5, -0.5, 2.0, -3e38, np.inf, -np.inf, np.nan, 0.0, 1.0], np.float32)
    checks = np.full((1, LIMIT_COPIES), np.float32(1).view(np.uint32))
    checks[0, :7] ^= 0xFFFFFFFF  # seven of fifteen copies wrong
    read = READERS["limits"].read(
        values.view(np.uint32)[:, None], checks, None, np.uint32(0), encoding
    )[:, 0].view(np.float32)  # fmt: skip
    assert read.tolist() == [0.5, -0.5, 1.0, -1.0, 1.0, -1.0, 0.0, 0.0, 1.0]


def test_a_wrong_limit_changes_every_weight_beyond_it():
    model = _model("fp32-limits")
    i = model.layout.layers.index(f"conv.weight{CHECKS}")
    first = int(model.layout.starts[i])
    top = 29  # an exponent bit of numbers below 2
    assert len(flipping.misread(model, _flips(*(first + 32 * k + top for k in range(7))))) == 0
    faulty = flipping.flip(model, _flips(*(first + 32 * k + top for k in range(8)))).weights["conv.weight"]
    assert np.abs(quant.dequantize(faulty)).max() < 1e-9


def test_words_stand_for_the_weight_nearest_to_zero_where_they_are_zeroed():
    state = {"w": np.array([[1.0, 2.0], [-1.0, 1.0]], np.float32)}
    q = quant.quantize(state["w"], Encoding.parse("int8"))
    read = quant.values(quant.zeros(q), np.repeat(q.scale, 2), np.repeat(q.zero, 2), q.encoding)
    assert np.abs(read[2:]).max() <= q.scale[1] / 2
    assert read[:2].tolist() == [1.0, 1.0]  # a channel without zero in its range


@pytest.mark.parametrize(
    ("name", "said"),
    [("int8-inplace", "got 8-bit words of affine"), ("int8-mset", "mset guards words of 16 or 32 bits"),
     ("int5-secded", "got 5-bit words"), ("int8-x3-secded", "stored 3 times"),
     ("fp16-nothing", "no encoding 'fp16-nothing'"),
     ("int6-tmr1-cep", "with 1 top bits tripled"), ("fp32-radar8", "radar8 guards words of 8 bits")],
)  # fmt: skip
def test_words_that_a_guard_is_not_for_are_refused_with_what_they_are(name, said):
    with pytest.raises(ValueError, match=said):
        Encoding.parse(name)


def test_what_one_flip_is_read_as_is_only_said_where_one_mask_says_it():
    assert Encoding.parse("fp16-mset").flip_mask(14) == Encoding.parse("fp16-mset").flip_mask(0) == 0
    assert Encoding.parse("fp16-mset").flip_mask(13) == 1 << 13
    with pytest.raises(ValueError, match="one flipped bit of int8-radar8 is read as depends"):
        Encoding.parse("int8-radar8").flip_mask(7)


def test_layers_are_drawn_with_what_guards_them():
    layout = _model("int8-secded").layout
    rates = faults.effective_rates(faults.region(layout), 0.01)
    assert np.allclose(rates[:3], rates[3:])  # a layer's words and their check bits alike
    bits = np.diff(layout.starts)
    per_layer = bits[:3] + bits[3:]
    mean = 0.01 * layout.n_bits / (3 * per_layer)
    assert np.allclose(rates[:3], -np.expm1(-2 * mean) / 2)


def test_chosen_layers_bring_what_guards_them_and_chosen_planes_do_not():
    model = _model("int8-secded")
    whole, plane = faults.region(model, ["conv.*"]), faults.region(model, ["conv.*"], [7])
    assert whole.n_bits == 1000 * 8 + 125 * 8
    assert plane.n_bits == 1000


def test_a_network_that_is_kept_as_codes_is_guarded_in_these_very_words():
    there = quant.quantize(STATE["linear.weight"], Encoding.parse("int4"))
    for name in ("int4-secded", "int4-tmr2-secded0", "int4-spw+folded9+ranger"):
        encoding = Encoding.parse(name)
        assert encoding.once == there.encoding
        kept = own.as_stored(there, encoding)
        assert np.array_equal(quant.codes(encoding.word).take(kept.words), there.words)


@pytest.mark.parametrize("name", ["int4-secded", "int4-secded0", "int4-spw"])
def test_bit_planes_are_those_of_the_weights_words_however_long_their_check_words_are(name):
    model = _model(name)
    assert model.layout.word_bits == (4 if name == "int4-spw" else 8)
    assert faults.region(model, planes=[3]).n_bits == sum(q.words.size for q in model.weights.values())
    for layers in ((), ("conv.*",)):
        with pytest.raises(ValueError, match=r"bit planes must lie in 0\.\.3, got 4"):
            faults.region(model, layers, [3, 4])


@pytest.mark.parametrize("name", ["int4-secded", "int4-spw"])
def test_a_film_of_guarded_words_shows_the_flips_of_their_own_bits(name):
    model = _model(name)
    film = flip_animation.film(model, "deep.weight", "random")
    rate = flip_animation.BERS[-1]
    drawn = faults.random(faults.region(model, ["deep.weight"]), rate, rng=seeds.rng(0, "map", 0))
    flipped = flipping.flip(_model("int4"), _own(model, drawn)).weights["deep.weight"].words.reshape(-1)
    changed = flipped ^ _model("int4").weights["deep.weight"].words.reshape(-1)
    assert film.memory.shape == film.thresholds.shape == (4, 45)
    assert np.array_equal(film.thresholds <= rate, changed >> np.arange(4)[:, None] & 1)
    assert film.counts[-1].tolist() == [int((changed >> bit & 1).sum()) for bit in range(4)]


def _own(model, drawn: BitFlips) -> BitFlips:
    """The flips of words alone: check words lie after all of them."""
    return BitFlips(drawn.addresses[drawn.addresses < model.read.n_bits], np.zeros(0))
