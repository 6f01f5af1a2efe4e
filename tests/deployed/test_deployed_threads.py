"""How many threads a runtime gets: what is quickest, and never at the price of one bit of an answer."""

import time
from types import SimpleNamespace

import numpy as np
import pytest

from resq.deployed import canary
from resq.deployed.network import Network
from resq.deployed.pixels import Asked
from resq.memory import faults
from stress import tiny

X = np.random.default_rng(0).integers(0, 256, (40, 1, 12, 10), dtype=np.uint8)


class Runtime:
    """A network that takes so many seconds for an answer, and rounds as so many threads do."""

    def __init__(self, seconds: dict[int, float], rounds: dict[int, float], most: int) -> None:
        self.parsed = SimpleNamespace(input=SimpleNamespace(shape=(1, 3, 4, 4)), carrier="onnx")
        self.seconds, self.rounds, self.most = seconds, rounds, most
        self.batch, self.threads = 1, 1

    def use(self, way: str = "", batch: int = 0, threads: int = 0) -> None:
        self.batch, self.threads = batch or self.batch, threads or self.threads

    def logits(self, x: np.ndarray) -> np.ndarray:
        time.sleep(self.seconds[self.threads])
        return np.full((len(x), 2), self.rounds.get(self.threads, 1.0), np.float32)


@pytest.mark.parametrize(("seconds", "rounds", "expected"), [
    ({1: 0.1, 2: 0.02}, {}, 2),
    ({1: 0.02, 2: 0.1}, {}, 1),
    ({1: 0.1, 2: 0.02}, {2: 1 + 2**-23}, 1),
])  # fmt: skip
def test_the_quickest_count_is_taken_where_its_answers_are_those_of_one_thread(seconds, rounds, expected):
    network = Runtime(seconds, rounds, 2)
    canary._quickest(network, X)
    assert network.threads == expected


def test_a_real_runtime_answers_alike_on_another_number_of_threads(tmp_path):
    file = tiny.onnx_file(tmp_path / "tiny.onnx", classes=5)
    with Network(file, asked=Asked((0.0, 1.0)), threads=2) as network:
        settled = canary.settle(network, X)
        assert (settled.threads, settled.batch) == (network.threads, network.batch)
        where = faults.FAULTS["random"](faults.region(network), 0.05, rng=np.random.default_rng(0))
        found = {}
        for threads in (1, 2, 1):
            network.use(threads=threads)
            with network.flipped(where):
                struck = network.logits(X).tobytes()
            found.setdefault(threads, set()).add((struck, network.logits(X).tobytes(), network.digest()))
    assert len(found[1]) == 1
    assert found[1] == found[2]
    assert all(struck != clean for struck, clean, _ in found[1])
