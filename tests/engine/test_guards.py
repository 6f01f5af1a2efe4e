"""Guarded words in a network: struck, read, put back; what the attacker's search makes of them; limits."""

import numpy as np
import pytest
import torch

from resq import checkpoints, data
from resq.attacks import bit_search
from resq.core import BitFlips, Encoding
from resq.measure.engine.faulty_network import FaultyNetwork, limits, network_of
from resq.measure.engine.storage import storage
from resq.measure.run import sweep
from resq.measure.run.sweep import pixels
from resq.measure.specs.sweep_spec import SweepSpec
from resq.memory import faults, flipping, quant
from resq.networks import clamp

NET = "signs/resnet20/base"
NAMES = ["int8-secded", "int8-spw+folded9", "int8-symmetric-inplace", "int8-radar32", "fp16-cep",
         "fp32-limits", "int8+int8-secded@0.19", "int8-secded0+ranger"]  # fmt: skip


def _weights(bench) -> np.ndarray:
    return bench._flat.floats.copy()


@pytest.mark.parametrize("name", NAMES)
def test_what_the_network_computes_with_under_flips_is_what_the_words_are_read_as_and_goes_away(name):
    bench = FaultyNetwork(checkpoints.load(NET), Encoding.parse(name), folded=False)
    before = _weights(bench)
    flips = faults.random(faults.region(bench.model), 5e-3, rng=np.random.default_rng(0))
    faulty = flipping.flip(bench.model, flips)
    with bench.flipped(flips) as network:
        for layer, q in faulty.weights.items():
            assert np.array_equal(
                network.body.get_parameter(layer).numpy(), quant.dequantize(q), equal_nan=True
            )
        assert not np.array_equal(_weights(bench), before)
    assert np.array_equal(_weights(bench), before)


def test_rows_of_a_guarded_encoding_count_the_bits_that_guard_and_corrected_flips_change_no_answer():
    rows = list(sweep.run(SweepSpec(NET, encoding="int8-secded", bers=(0.0, 1e-5), maps=1, n=50)))
    sizes = [checkpoints.load(NET).state[name].size for name in checkpoints.load(NET).weights]
    assert rows[1]["bits"] == round(Encoding.parse("int8-secded").memory(sizes) * sum(sizes))
    assert rows[1]["flips"] > 0
    assert rows[1]["correct"] == rows[0]["correct"]
    assert rows[0]["encoding"] == "int8-secded"


def test_the_bit_search_meets_the_guard():
    images = data.load("signs", "test").first(32)
    x, y = pixels(images), torch.from_numpy(images.y)
    plain, guarded = (
        FaultyNetwork(checkpoints.load(NET), Encoding.parse(name)) for name in ("int8", "int8-secded")
    )
    assert next(bit_search.search(plain, x, y, 1)).loss > bit_search.loss(plain, x, y)
    step = next(bit_search.search(guarded, x, y, 1))
    assert step.loss == bit_search.loss(guarded, x, y)  # undone
    assert step.before == step.after


def test_limits_of_activations_are_those_of_training_images_and_cut_a_wild_weight():
    checkpoint = checkpoints.load(NET)
    plain, cut = (FaultyNetwork(checkpoint, Encoding.parse(name)) for name in ("fp32", "fp32+ranger"))
    x = pixels(data.load("signs", "test").first(16))
    known = limits(network_of(checkpoint, checkpoint.quantized(Encoding.parse("fp32"))), "signs")
    assert set(known) == set(clamp.places(plain.network.body))
    with torch.inference_mode():
        assert torch.allclose(plain.network(x), cut.network(x), atol=1e-4)
    layout = plain.model.layout
    wild = BitFlips(np.array([layout.address("conv1.weight", 0, 30)]), np.zeros(1))
    largest = {}
    for name, bench in (("plain", plain), ("cut", cut)):
        with bench.flipped(wild) as network, torch.inference_mode():
            seen = clamp.bounds(network.body, network, x)
            largest[name] = max(seen[place] / bound for place, bound in known.items())
    assert largest["plain"] > 1e6
    assert largest["cut"] < 1.01


def test_what_guards_is_counted_where_a_networks_memory_is():
    plain, guarded, limited = storage(checkpoints.load(NET), ["int8", "int8-secded", "int8+ranger"])
    assert guarded["words"] == pytest.approx(9, abs=0.01)
    assert guarded["beside"] == plain["beside"]
    assert limited["beside"] > plain["beside"]
