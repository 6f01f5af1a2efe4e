"""Forward passes in bfloat16: on the same words, the same maps, and only where they agree with float32."""

from dataclasses import replace

import numpy as np
import pytest
import sqlalchemy as sql
import torch

from resq.core import BitFlips, Encoding
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.run import bf16_check, sweep
from resq.measure.specs import cells
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import database, rows_by_key
from resq.memory import faults, quant

SIGNS = "signs/resnet20/base"
SPEC = SweepSpec(SIGNS, bers=(0.0, 0.005, 0.02), maps=3, n=200, precision="bf16", seed=7)


def _memory(network: torch.nn.Module) -> dict[str, bytes]:
    return {k: v.contiguous().float().numpy().tobytes() for k, v in network.body.state_dict().items()}


@pytest.mark.parametrize("name", ["int8", "int4-tmr2"])
def test_flipped_words_are_rounded_to_bfloat16_and_leaving_restores_every_bit(tiny, name):
    half, full = (FaultyNetwork(tiny, Encoding.parse(name), bf16=h) for h in (True, False))
    flips = faults.random(faults.region(half.model), 0.05, rng=np.random.default_rng(0))
    before = _memory(half.network)
    with half.flipped(flips) as network, full.flipped(flips) as exact:
        for key, value in exact.body.state_dict().items():
            assert torch.equal(network.body.state_dict()[key], value.bfloat16()), key
        assert _memory(network) != before
    assert _memory(half.network) == before


def test_the_bits_are_those_that_torch_rounds_to():
    values = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    values = np.append(values, np.array([0, -0.0, np.inf, 3e38, 1e-40], np.float32))
    expected = torch.from_numpy(values).bfloat16().view(torch.int16).numpy().view(np.uint16)
    assert quant.bfloat16(values).tolist() == expected.tolist()


def test_logits_are_float32_and_hardly_two_of_them_are_equal(tiny):
    x = torch.rand(20, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        logits = FaultyNetwork(tiny, Encoding(8), bf16=True).network(x)
    assert logits.dtype == torch.float32
    assert len(logits.unique()) > 0.9 * logits.numel()


def test_a_trained_network_answers_nearly_the_same_in_both_precisions():
    measure = sweep.Measurer().row
    for cell in SPEC.cells():
        half, full = measure(cell), measure(replace(cell, precision="fp32"))
        assert (half["precision"], full["precision"]) == ("bf16", "fp32")
        assert half["flips"] == full["flips"]
        assert abs(half["correct"] - full["correct"]) <= 0.03 * SPEC.n


def _measure(shift: float):
    def row(cell):
        moved = shift if cell.precision == "bf16" and cell.ber == 0.02 else 0.0
        correct = cell.n * (0.5 + 0.1 * cell.map * bool(cell.ber) + moved)
        return {"ber": cell.ber, "n": cell.n, "correct": correct}

    return row


def test_where_the_means_agree_the_precision_stays_and_where_not_it_is_fp32():
    # Three maps at 0.5, 0.6, 0.7: the interval reaches 0.248 to either side.
    kept, said = bf16_check.choose_precision(SPEC, _measure(0.24))
    assert (kept, "BER 0.02" in said, "0.97 of" in said) == (SPEC, True, True)
    left, said = bf16_check.choose_precision(SPEC, _measure(0.26))
    assert left == replace(SPEC, precision="fp32")
    assert "1.0 times what is allowed; fp32 it is" in said


@pytest.mark.parametrize(("ends", "faster"), [((0, 2, 2, 9), True), ((0, 2, 2, 3), False)])
def test_it_is_said_where_bfloat16_takes_longer_and_nothing_else_follows(ends, faster):
    kept, said = bf16_check.choose_precision(SPEC, _measure(0.0), clock=iter(map(float, ends)).__next__)
    assert kept == SPEC
    assert ("--precision fp32 is faster on this machine, 3.5 times" in said) is faster


def test_maps_that_agree_allow_a_difference_of_one_image():
    assert bf16_check.excess([0.9, 0.9], [0.91, 0.91], 100) == pytest.approx(1)
    assert bf16_check.excess([0.9], [0.92], 100) == pytest.approx(2)


@pytest.mark.parametrize(("apart", "allowed"), [(1, True), (2, False)])
def test_one_image_apart_where_no_bit_flips_is_allowed_whatever_dividing_loses(apart, allowed):
    """962 and 961 of 1,000 were 1.0000000000000009 times what is allowed."""
    spec = replace(SPEC, n=1000, bers=(0.0,), maps=1)

    def measure(cell):
        return {"ber": cell.ber, "n": 1000, "correct": 962 - apart * (cell.precision == "bf16")}

    assert (bf16_check.choose_precision(spec, measure)[0] == spec) is allowed


def test_fp32_keeps_the_key_it_had_and_bf16_has_another():
    cell = next(SPEC.cells())
    full = replace(cell, precision="fp32")
    assert cells.key(full, "w", "i") != cells.key(cell, "w", "i")
    # Of a cell without the field, as it was before there was a second precision.
    assert cells.key(cells.Cell("c", "d", "int8"), "w", "i") == "ecbabf322369b095870d3b26922d8cea"


def test_no_number_stays_none_in_bfloat16_whatever_its_bits():
    """The least and the greatest NaN of each sign, and those whose upper half is that of infinity."""
    bits = np.array([0x7F800001, 0x7F80FFFF, 0x7FC00000, 0x7FFF8000, 0x7FFFFFFF], np.uint32)
    none = np.concatenate([bits, bits | 0x80000000]).view(np.float32)
    words = torch.from_numpy(quant.bfloat16(none).view(np.int16)).view(torch.bfloat16)
    assert words.isnan().all()
    assert torch.signbit(words).tolist() == np.signbit(none).tolist()


def test_a_flipped_word_that_is_no_number_is_none_in_bfloat16_passes(tiny):
    """Of fp32 words with every bit of exponent and fraction set."""
    benches = [FaultyNetwork(tiny, Encoding.parse("fp32"), bf16=h) for h in (True, False)]
    layer, q = next(iter(benches[0].model.weights.items()))
    word = int(q.words.reshape(-1)[0])
    zeros = np.array([bit for bit in range(31) if not word >> bit & 1])
    for bench in benches:
        with bench.flipped(BitFlips(zeros, np.zeros(len(zeros)))) as network:
            assert network.body.get_parameter(layer).reshape(-1)[0].isnan()


@pytest.mark.parametrize(
    "other",
    [
        *({"encoding": name} for name in ("fp32", "fp16", "fp16-mset", "fp32-limits", "fp16-spw")),
        *({"encoding": name} for name in ("fp16+ranger", "bf16-spw+ranger", "fp32+floats9")),
        {"modes": ("transfer",), "eps": (2.0,)},
    ],
)
def test_bf16_is_refused_for_float_words_and_for_attacks(other):
    with pytest.raises(ValueError, match="bf16 passes are for faults in integer words without an attack"):
        replace(SPEC, **other)


def test_attacked_cells_of_a_bf16_sweep_are_fp32():
    spec = replace(SPEC, eps=(2.0,))
    assert {c.precision for c in spec.cells() if c.attack != "none"} == {"fp32"}


def test_an_older_store_gets_the_column_and_keeps_its_series(tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path}/old.sqlite"
    monkeypatch.setenv("RESQ_STORE", url)
    row = sweep.Measurer().row(replace(next(SPEC.cells()), precision="fp32", n=10))
    rows_by_key.add([row])
    database.engine().dispose()
    database._engine.cache_clear()
    with sql.create_engine(url).begin() as old:
        old.execute(sql.text("ALTER TABLE series DROP COLUMN precision"))
    assert rows_by_key.rows()["precision"].tolist() == ["fp32"]
    assert rows_by_key.add([{**row, "key": "another", "map": 1}]) == 1
    assert rows_by_key.series()["rows"].tolist() == [2]
