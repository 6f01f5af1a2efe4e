"""The workbench flips in place what ``flipping.flip`` describes, and leaves no trace."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from resq import networks
from resq.checkpoints import Checkpoint
from resq.core import Encoding
from resq.measure.engine.faulty_network import FaultyNetwork, faulty_logits, network_of
from resq.measure.engine.fold_batchnorm import fold
from resq.memory import faults, flipping
from resq.memory.faults import FAULTS

ENCODINGS = [
    "int8",
    "int8-symmetric-tensor",
    "int4-tmr2",
    "int5-magnitude-tmr1",
    "bf16",
    "fp32",
    "int8+int4-tmr2@0-4.9",
    "int4-tmr2+int4-tmr2-x3@0.19",
]


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def _flips(bench: FaultyNetwork, rate: float, seed: int = 0, name: str = "random"):
    return FAULTS[name](faults.region(bench.model.layout), rate, rng=np.random.default_rng(seed))


def _memory(network: torch.nn.Module) -> dict[str, bytes]:
    """Every parameter and buffer, bit for bit, whatever the order in memory."""
    return {name: value.contiguous().numpy().tobytes() for name, value in network.state_dict().items()}


def _rebuilt(bench: FaultyNetwork, flips) -> networks.Network:
    """The slow way: new words, a new network, its norms folded where the bench's are."""
    network = network_of(bench.checkpoint, flipping.flip(bench.model, flips))
    if bench.factors:
        fold(network.body)
    return network.to(memory_format=torch.channels_last)


@pytest.mark.parametrize("rate", [1e-4, 0.01, 0.3])
@pytest.mark.parametrize("name", ENCODINGS)
def test_flipping_in_place_is_building_a_network_from_the_flipped_words(tiny, x, name, rate):
    bench = FaultyNetwork(tiny, Encoding.parse(name))
    flips = _flips(bench, rate)
    rebuilt = _rebuilt(bench, flips)
    with bench.flipped(flips) as network:
        assert _memory(network) == _memory(rebuilt)
        torch.testing.assert_close(
            networks.logits(network, x), networks.logits(rebuilt, x), rtol=0, atol=0, equal_nan=True
        )


@pytest.mark.parametrize("name", ENCODINGS)
def test_leaving_restores_every_weight_bit_for_bit(tiny, x, name):
    bench = FaultyNetwork(tiny, Encoding.parse(name))
    before, clean = _memory(bench.network), networks.logits(bench.network, x)
    for seed, rate in enumerate([0.3, 1e-3, 1.0]):
        with bench.flipped(_flips(bench, rate, seed)) as network:
            assert _memory(network) != before
        assert _memory(bench.network) == before
    assert torch.equal(networks.logits(bench.network, x), clean)


def test_an_error_inside_restores_too(tiny):
    bench = FaultyNetwork(tiny, Encoding(8))
    before = _memory(bench.network)
    with pytest.raises(RuntimeError, match="in the middle"), bench.flipped(_flips(bench, 0.1)):
        raise RuntimeError("in the middle")
    assert _memory(bench.network) == before


def test_the_fault_free_words_and_the_checkpoint_are_never_written(tiny):
    bench = FaultyNetwork(tiny, Encoding(8))
    words = {name: q.words.tobytes() for name, q in bench.model.weights.items()}
    with bench.flipped(_flips(bench, 0.1)):
        assert {name: q.words.tobytes() for name, q in bench.model.weights.items()} == words


def test_no_flips_are_the_fault_free_network(tiny, x):
    bench = FaultyNetwork(tiny, Encoding(8))
    clean = networks.logits(bench.network, x)
    with bench.flipped(_flips(bench, 0.0)) as network:
        assert torch.equal(networks.logits(network, x), clean)


@pytest.mark.parametrize("name", ["int4-tmr2", "int4-tmr1"])
def test_protection_changes_nothing_while_there_is_no_fault(tiny, x, name):
    plain, tripled = FaultyNetwork(tiny, Encoding(4)), FaultyNetwork(tiny, Encoding.parse(name))
    assert torch.equal(networks.logits(plain.network, x), networks.logits(tripled.network, x))


def test_two_benches_of_one_checkpoint_do_not_see_each_others_flips(tiny, x):
    one, other = FaultyNetwork(tiny, Encoding(8)), FaultyNetwork(tiny, Encoding(8))
    clean = networks.logits(other.network, x)
    with one.flipped(_flips(one, 0.3)) as network:
        assert not torch.equal(networks.logits(network, x), clean)
        assert torch.equal(networks.logits(other.network, x), clean)


@pytest.mark.parametrize("name", ["int8", "int4-tmr2", "bf16"])
def test_faulty_logits_are_those_of_the_rebuilt_network_and_nothing_is_written(tiny, x, name):
    bench = FaultyNetwork(tiny, Encoding.parse(name), folded=False)
    before = _memory(bench.network)
    flips = _flips(bench, 1e-3)
    found = faulty_logits(bench.network, bench.model, flips, x)
    expected = networks.logits(_rebuilt(bench, flips), x)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4, equal_nan=True)
    assert not torch.allclose(found, networks.logits(bench.network, x), equal_nan=True)
    assert _memory(bench.network) == before


def test_one_by_one_and_three_by_three_convolutions_and_the_linear_layer_of_resnet18_are_all_reached():
    body = networks.build("resnet18", 10, mean=(0.5,) * 3, std=(0.25,) * 3).body
    state = {name: value.numpy() for name, value in body.state_dict().items()}
    checkpoint = Checkpoint(
        "cifar10/resnet18/random", "resnet18", "cifar10", state, networks.weight_names(body), {}, "0"
    )
    bench = FaultyNetwork(checkpoint, Encoding(8))
    before = _memory(bench.network)
    flips = _flips(bench, 2e-3, name="layer-uniform")
    touched = {f"body.{name}" for name, _, _ in flipping.by_layer(bench.model, flips)}
    assert {state[name.removeprefix("body.")].shape[2:] for name in touched} == {(3, 3), (1, 1), ()}
    rebuilt = _memory(_rebuilt(bench, flips))
    with bench.flipped(flips) as network:
        flipped = _memory(network)
    assert flipped == rebuilt
    assert {name for name in before if flipped[name] != before[name]} == touched
    assert _memory(bench.network) == before


def test_many_threads_flip_one_shared_network_and_each_sees_its_own_flips_alone(tiny, x):
    model = tiny.quantized(Encoding(8))
    network = network_of(tiny, model)
    before = _memory(network)
    where = faults.region(model.layout)
    maps = [FAULTS["random"](where, 0.05, rng=np.random.default_rng(seed)) for seed in range(6)]
    alone = [faulty_logits(network, model, flips, x[:1]) for flips in maps]
    with ThreadPoolExecutor(6) as threads:
        crowd = list(threads.map(lambda i: faulty_logits(network, model, maps[i % 6], x[:1]), range(120)))
    assert all(torch.equal(found, alone[i % 6]) for i, found in enumerate(crowd))
    assert _memory(network) == before
