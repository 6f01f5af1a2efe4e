"""Deployed files: their own words, their own runtime. The same law for every carrier that is here."""

import hashlib
import os
import signal
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from resq import data
from resq.core import BitFlips, Encoding, seeds
from resq.deployed import canary, words
from resq.deployed.network import Network, file_hash, named
from resq.deployed.pixels import Asked
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.engine.subject import Subject, TorchSubject
from resq.memory import faults
from tests import deployed_files, onnx_files

UNIT = Asked((0.0, 1.0))
TFLITE = ("ic01_int8.tflite", "ic01_float.tflite")


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    return deployed_files.made(tmp_path_factory.mktemp("deployed"))


@pytest.fixture(params=[*deployed_files.CARRIERS, *TFLITE])
def subject(request, files):
    """(network, some images that nobody writes into, their labels)"""
    if request.param in files:
        file, asked, name = files[request.param], UNIT, "signs"
    else:
        file = deployed_files.shared(request.param)
        asked, name = Asked() if "int8" in request.param else Asked((0.0, 255.0)), "cifar10"
        if file is None or not data.present(name):
            pytest.skip(f"{request.param} or the images of {name} are not on this machine (set RESQ_DATA)")
    some = data.load(name, "test").first(40)
    with Network(file, asked=asked, threads=1) as network:
        yield network, frozen(some.pixels), some.y


def frozen(x):
    x = x.copy()
    x.setflags(write=False)
    return x


def flips(network, rate=1e-3, seed=0):
    return faults.FAULTS["random"](faults.region(network), rate, rng=seeds.rng(seed, "map"))


_settled: dict[str, canary.Settled] = {}


def settled(network, x):
    """What the canary finds of a file, looked for once, and the network in the way that it found."""
    if network.hash not in _settled:
        _settled[network.hash] = canary.settle(network, x)
    network.use(_settled[network.hash].way, _settled[network.hash].batch)
    return _settled[network.hash]


def own_answers(file: bytes | str, network, x):
    """What the runtime answers when a person's script asks it, one image after the other."""
    if network.parsed.carrier == "onnx":
        session = onnx_files.session(file)
        return np.concatenate([session.run(None, {"images": (i / np.float32(255))[None]})[0] for i in x])
    from ai_edge_litert.interpreter import Interpreter

    made = Interpreter(model_content=file)
    made.allocate_tensors()
    taken, given = made.get_input_details()[0], made.get_output_details()[0]
    found = []
    for image in x.transpose(0, 2, 3, 1):
        integer = taken["dtype"] == np.int8
        made.set_tensor(taken["index"], (image.astype(np.int16) - 128 * integer).astype(taken["dtype"])[None])
        made.invoke()
        found.append(made.get_tensor(given["index"])[0])
    return np.stack(found)


def test_clean_answers_are_the_runtimes_own_image_by_image(subject):
    network, x, y = subject
    own = own_answers(network.file.read_bytes(), network, x)
    found = network.logits(x)
    assert found.dtype == np.float32
    assert (found.argmax(axis=1) == own.argmax(axis=1)).all()
    assert (found.argmax(axis=1) == y).mean() > 0.7


def test_flips_give_what_a_file_with_these_bits_changed_gives(subject):
    network, x, _ = subject
    clean, where = network.logits(x), flips(network)
    raw = bytearray(network.file.read_bytes())
    for layer, word, bit in located(network, where):
        width = network.stored[layer].width
        place = network.stored[layer].at * 8 + word * width + bit
        raw[place // 8] ^= 1 << place % 8
    expected = own_answers(bytes(raw), network, x)
    assert len(where) > 100
    for way in {network.ways[0], settled(network, x).way}:
        network.use(way)
        with network.flipped(where):
            found = network.logits(x)
        assert (found.argmax(axis=1) == expected.argmax(axis=1)).all(), way
        assert (found != clean).any(), way


def located(network, flips):
    """Layer, word and bit of each flip, by plain division."""
    for address in flips.addresses.tolist():
        layer = max(i for i, start in enumerate(network.layout.starts[:-1]) if start <= address)
        yield layer, *divmod(address - int(network.layout.starts[layer]), network.stored[layer].width)


def test_the_canary_holds_for_every_weight_and_the_file_is_as_it_was(subject):
    network, x, _ = subject
    before, clean = network.file.read_bytes(), network.logits(x).tobytes()
    found = settled(network, x)
    digest = network.digest()
    assert found.unread == ()
    assert found.way in network.ways
    for seed in range(3):
        with network.flipped(flips(network, 1e-2, seed)):
            assert network.digest() != digest
            assert network.logits(x).tobytes() != clean
        assert network.digest() == digest
        assert network.logits(x).tobytes() == clean
    assert network.file.read_bytes() == before


def test_stored_words_are_the_files_own_bytes(files):
    for file in files.values():
        raw = file.read_bytes()
        initialisers = {i.name: i for i in onnx.load(file).graph.initializer}
        with Network(file, "all", UNIT) as network:
            memory = np.frombuffer(network.parsed.memory, np.uint8)
            seen = [s for s in network.stored if s.name in initialisers]
            assert len(seen) > 20
            for stored in seen:
                tensor = initialisers[stored.name]
                expected = np.asarray(numpy_helper.to_array(tensor)).astype(np.float64)
                assert (words.numbers(memory, stored) == expected).all(), stored.name
                if stored.at >= 0 and tensor.raw_data:
                    assert raw[stored.at : stored.at + stored.n_bytes] == tensor.raw_data


def test_kinds_are_told_apart(files):
    with Network(files["qdq-tensor"], "all", UNIT) as network:
        count = {kind: sum(s.count for s in network.stored if s.kind == kind) for kind in words.KINDS}
    assert count["weights"] == 268_720  # as the checkpoint has them
    assert count["biases"] == 704
    assert count["norms"] == 6  # mean and deviation of the images
    assert count["scales"] == 142


def test_what_is_flipped_beyond_weights_may_leave_no_number_and_that_is_an_answer(files):
    x = frozen(data.load("signs", "test").first(8).pixels)
    with Network(files["float"], "biases", UNIT, threads=1) as network:
        top = network.layout.address(network.stored[-1].name, 0, 30)  # the largest exponent bit of a logit
        clean = network.logits(x)
        with network.flipped(BitFlips(np.array([top]), np.zeros(1))):
            found = network.logits(x)
        assert (np.abs(found[:, 0]) > 1e30).all()
        assert (network.logits(x) == clean).all()


def test_a_runtime_that_refuses_a_flipped_file_gives_no_answer_and_goes_on(files):
    x = frozen(data.load("signs", "test").first(8).pixels)
    with Network(files["qdq-tensor"], "other", UNIT, threads=1) as network:
        clean = network.logits(x)
        every = BitFlips(np.arange(network.layout.n_bits), np.zeros(network.layout.n_bits))
        with network.flipped(every):
            assert np.isnan(network.logits(x)).all()
        assert network.refusals
        assert (network.logits(x) == clean).all()


class Deaf(Network):
    """A network whose flips are written but never computed with, as in a delegate that packed its weights."""

    @contextmanager
    def flipped(self, flips):
        yield self


def test_a_file_whose_flips_are_not_computed_with_is_refused_by_name(files):
    x = data.load("signs", "test").first(8).pixels
    with Deaf(files["float"], asked=UNIT, threads=1) as network:
        first = network.stored[0].name
        with pytest.raises(ValueError, match=rf"never computes with {first}.*--layers"):
            canary.settle(network, x)


class Sticky(Network):
    """A network that keeps its flips."""

    @contextmanager
    def flipped(self, flips):
        self._flips = self.places(flips)
        self._running().ask("flip", list(self._flips))
        yield self
        self._flips = None


def test_a_file_whose_flips_are_not_undone_is_refused(files):
    with (
        Sticky(files["float"], asked=UNIT, threads=1) as network,
        pytest.raises(ValueError, match="does not answer as before"),
    ):
        canary.settle(network, data.load("signs", "test").first(8).pixels)


def test_a_process_that_dies_is_replaced_and_the_flips_are_made_again(files):
    x = frozen(data.load("signs", "test").first(8).pixels)
    with Network(files["float"], asked=UNIT, threads=1) as network:
        with network.flipped(flips(network)):
            before = network.logits(x)
            os.kill(network._running()._process.pid, signal.SIGKILL)
            assert network.logits(x).tobytes() == before.tobytes()
        assert not network.refusals


def test_a_process_writes_no_file(files, tmp_path):
    from resq.deployed.process import Process

    process = Process(1000)
    limits = Path(f"/proc/{process._process.pid}/limits")
    process.ask("use")
    if limits.exists():
        size = next(line for line in limits.read_text().splitlines() if "file size" in line)
        assert size.split()[3:5] == ["0", "0"]
    process.close()


def test_rows_name_a_file_by_its_hash_wherever_it_lies(files, tmp_path):
    file = files["float"]
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    assert file_hash(file) == digest
    copy = tmp_path / named(file, digest)
    copy.write_bytes(file.read_bytes())
    assert named(copy, digest) == copy.name == f"float@{digest[:8]}.onnx"


def test_a_checkpoint_on_its_bench_is_a_subject_too(tiny):
    bench = FaultyNetwork(tiny, Encoding.parse("int8"))
    subject: Subject = TorchSubject(bench)
    x = data.load("signs", "test").first(4).pixels
    clean = subject.logits(x)
    assert clean.shape == (4, 16)
    assert subject.differentiable
    with subject.flipped(flips(subject, 1e-2)) as same:
        assert (same.logits(x) != clean).any()
    assert (subject.logits(x) == clean).all()
    assert subject.logits(x / np.float32(255)) == pytest.approx(clean, abs=1e-5)


def test_a_deployed_network_says_that_it_has_no_gradients(files):
    with Network(files["float"], asked=UNIT) as network:
        assert not network.differentiable
