"""Deployed files: guards read their own words, C reads them back into the file; what cannot be is refused."""

import json

import numpy as np
import pytest

from resq import cli, data
from resq.core import BitFlips, Encoding
from resq.deployed import guarded
from resq.deployed.guarded import GuardedFile
from resq.deployed.network import Network
from resq.measure.run.deployed.rows import NO_FLIPS
from resq.measure.store import table
from resq.memory import faults
from resq.protect import decoder, deploy, deployed_file, fulfilled, mixtures
from resq.protect.trial import Trial
from resq.protect.wanted import Wanted
from tests import deployed_files

ASKED = ["--data", "signs", "--ber", "0.01", "--keep", "0.9", "--n", "20", "--maps", "1", "--test", "20",
         "--test-maps", "2", "--bits", "9", "--range", "0..1"]  # fmt: skip


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deployed")
    return deployed_files.made(folder, carriers=["qdq-channel"])["qdq-channel"]


@pytest.fixture(scope="module")
def network(file):
    with Network(file) as found:
        yield found


@pytest.mark.parametrize("way", ["", *mixtures.OTHERS])
def test_without_a_fault_every_guard_reads_the_words_of_the_file(network, way):
    own = guarded.own_code(network.stored, "net")
    memory = GuardedFile(network, mixtures.protected(own, way) if way else own)
    assert len(memory.misread(NO_FLIPS)) == 0
    assert memory.model.read.layers == network.layout.layers
    assert memory.model.read.n_bits == network.layout.n_bits
    for stored, q in zip(network.stored, memory.model.weights.values(), strict=True):
        assert q.words.size == stored.count


def test_plain_words_are_struck_as_a_sweep_strikes_the_file(network):
    memory = GuardedFile(network, guarded.own_code(network.stored, "net"))
    ours = faults.random(faults.region(memory.model), 0.01, rng=np.random.default_rng(3))
    theirs = faults.random(faults.region(network), 0.01, rng=np.random.default_rng(3))
    assert np.array_equal(memory.misread(ours).addresses, theirs.addresses)


def test_a_guard_leaves_fewer_bits_wrong_than_plain_words(network):
    own, wrong = guarded.own_code(network.stored, "net"), {}
    for encoding in (own, *mixtures.others(own)):
        memory = GuardedFile(network, encoding)
        drawn = faults.random(faults.region(memory.model), 1e-3, rng=np.random.default_rng(0))
        wrong[str(encoding)] = len(memory.misread(drawn))
    # Where a row is read as zero, all of its words may be wrong: fewer rows, not fewer bits.
    counted = [count for name, count in wrong.items() if name != str(own) and "secded0" not in name]
    assert len(counted) == len(mixtures.OTHERS) - 1
    assert max(counted) < wrong[str(own)] / 5


@pytest.mark.parametrize(
    ("name", "step"),
    [("int8-symmetric", 1.0), ("int8-magnitude", 1.0), ("int4-symmetric-tmr2", 127 / 7),
     ("int6-symmetric-tmr1-x3", 127 / 31), ("int8-symmetric-inplace", 1.0)],
)  # fmt: skip
def test_shorter_codes_are_multiples_of_one_step_of_the_file(network, name, step):
    memory = GuardedFile(network, Encoding.parse(name))
    for stored, q, each in zip(network.stored, memory.model.weights.values(), memory.tables, strict=True):
        own = network.weights[stored.name].words.view(np.int8).astype(float)
        if name.endswith("inplace"):  # the first seven of every eight words are cut
            eighth = np.arange(own.size) % 8 == 7
            own = np.where(eighth | (np.arange(own.size) >= own.size // 8 * 8), own, own.clip(-64, 63))
        read = each.take(q.words.reshape(-1)).view(np.int8)
        assert np.array_equal(read, np.rint(np.rint(own / step) * step))


def test_flips_of_shorter_codes_reach_the_file_as_the_decoder_reads_them(network):
    memory = GuardedFile(network, Encoding.parse("int4-symmetric-tmr2"))
    stored, q = network.stored[0], next(iter(memory.model.weights.values()))
    first = int(q.words.reshape(-1)[0])
    for bit in range(8):
        read = memory.misread(BitFlips(np.array([bit]), np.zeros(1)))
        own = network.weights[stored.name].words.copy()
        at = read.addresses[read.addresses < own.size * 8]
        np.bitwise_xor.at(own, at // 8, (1 << at % 8).astype(np.uint8))
        if bit in (2, 3, 4, 5, 6, 7):  # one of three copies of a top bit
            assert own[0] == memory.tables[0][first]
        else:
            assert own[0] == memory.tables[0][first ^ 1 << bit] != memory.tables[0][first]


def test_a_sweep_measures_a_file_in_another_memory_and_counts_its_bits(file, capsys):
    ask = [
        "sweep",
        str(file),
        "--data",
        "signs",
        "--range",
        "0..1",
        "--ber",
        "0,0.002",
        "--maps",
        "2",
        "--n",
        "20",
    ]
    rows = {}
    for name in ("", "int8-symmetric-secded", "int4-symmetric-tmr2"):
        assert cli.main([*ask, *(["--encoding", name] if name else []), "--json"]) == 0
        rows[name] = json.loads(capsys.readouterr().out)["rows"]
    struck = {name: next(r for r in of if r["ber"] > 0) for name, of in rows.items()}
    assert {r["encoding"] for r in rows[""]} == {"as stored"}
    assert struck["int8-symmetric-secded"]["bits"] == pytest.approx(struck[""]["bits"] * 9 / 8, rel=0.01)
    assert struck["int4-symmetric-tmr2"]["bits"] == struck[""]["bits"]
    clean = {name: of[0]["correct"] for name, of in rows.items()}
    assert clean["int8-symmetric-secded"] == clean[""]
    assert len({r["key"] for of in rows.values() for r in of}) == 9


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--encoding", "fp16-limits"], "can lie in integer codes with its own scales"),
        (["--encoding", "int8-symmetric+ranger"], "can lie in integer codes with its own scales"),
        (["--encoding", "int8-secded"], "codes of symmetric or magnitude hold them"),
        (["--encoding", "int8-symmetric-x3", "--targets", "all"], "under faults alone, got targets 'all'"),
        (
            ["--encoding", "int8-symmetric-x3", "--eps", "8"],
            "under faults alone, got targets 'weights' and eps 8",
        ),
    ],
)
def test_words_that_a_file_cannot_lie_in_are_refused(file, capsys, more, said):
    ask = [
        "sweep",
        str(file),
        "--data",
        "signs",
        "--range",
        "0..1",
        "--ber",
        "0.01",
        "--maps",
        "1",
        "--n",
        "20",
    ]
    assert cli.main([*ask, *more]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.skipif(not decoder.compiler(), reason="no C compiler here")
def test_the_command_answers_and_what_c_reads_of_its_files_is_the_file(file, tmp_path, capsys):
    assert cli.main(["protect", str(file), *ASKED, "--out", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["network"].startswith("qdq-channel@")
    assert Encoding.parse(found["encoding"]).code == "symmetric"
    assert found["bits"] <= 9
    at = fulfilled.at_rate(found)
    assert at["chosen"]["n"] == at["difference"]["n"] == 20
    patched = deploy.patched(tmp_path, file.read_bytes())
    with Network(file) as network:  # what C reads of the files is what was measured
        memory = GuardedFile(network, Encoding.parse(found["encoding"]))
        raw = np.frombuffer(patched, np.uint8)
        for stored, q, each in zip(network.stored, memory.model.weights.values(), memory.tables, strict=True):
            assert np.array_equal(raw[stored.at : stored.at + stored.count], each.take(q.words.reshape(-1)))
    assert deploy.patched(tmp_path, bytes(file.stat().st_size)) != patched
    layers = json.loads((tmp_path / "layout.json").read_text(encoding="utf-8"))["layers"]
    weights = sum(int(np.prod(layer["shape"])) for layer in layers)
    stored = 8 * (tmp_path / "words.bin").stat().st_size / weights
    assert stored == pytest.approx(found["bits"], rel=1e-3)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--data", ""], "say --data cifar10 and no --encoding"),
        (["--encoding", "int8"], "say --data cifar10 and no --encoding"),
        (["--bits", "3"], "takes 4 bits a weight already, more than 3"),
        (["--batch", "0"], "batch must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_asked_of_a_file_is_refused_with_one_sentence(file, tmp_path, capsys, more, said):
    assert cli.main(["protect", str(file), *ASKED, "--out", str(tmp_path / "out"), *more]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_file_of_floats_is_refused_with_what_to_do(tmp_path, capsys):
    file = deployed_files.made(tmp_path, carriers=[])["float"]
    assert cli.main(["protect", str(file), *ASKED]) == 2
    assert "stores weights of float32; words of int8 or uint8 are guarded here" in capsys.readouterr().err


def test_no_test_image_decides_for_a_file_either(file, monkeypatch):
    asked = []
    load = data.load
    monkeypatch.setattr(
        data, "load", lambda name, split, *more: asked.append((name, split)) or load(name, split)
    )
    subject = deployed_file.DeployedFile(Wanted(str(file), 0.01, data="signs", n=10, inputs="range 0..1"))
    subject.accuracy(subject.own, "random", 0.01, 0)
    subject.close()
    assert {name for name, _ in asked} == {"signs-held-out"}


def test_passes_under_another_range_of_the_input_are_measured_and_not_remembered(file, tmp_path):
    def kept(inputs: str, folder: str) -> tuple[list[float], int]:
        wanted = Wanted(str(file), 0.01, data="signs", n=60, maps=2, inputs=inputs)
        subject = deployed_file.DeployedFile(wanted)
        try:
            held = Trial(subject, 0.01, 2, tmp_path / folder)
            return [*held.accuracy(subject.own), *held.accuracy(subject.own, 0.0)], held.passes
        finally:
            subject.close()

    first, second = kept("range 0..1", "both"), kept("range -1..1", "both")
    assert second == kept("range -1..1", "apart")
    assert second[0] != first[0]
    assert second[1] == 3  # of this question alone
    assert kept("range 0..1", "both") == first


def test_the_shipped_plane_of_a_real_file_counts_every_bit_that_its_memory_has():
    file = deployed_files.shared("ic01_int8.tflite")
    if file is None:
        pytest.skip("ic01_int8.tflite is not on this machine")
    rows = table.read(table.SHIPPED / "deployed" / "ic01_int8-guards.parquet")
    with Network(file) as network:
        sizes = [s.count for s in network.stored]
        assert set(rows["weights"]) == {network.hash}
        for name, bits in rows[rows["ber"] > 0].groupby("encoding")["bits"].max().items():
            own = guarded.own_code(network.stored, file.name) if name == "as stored" else Encoding.parse(name)
            assert GuardedFile(network, own).model.n_bits == bits
            assert own.memory(sizes) * sum(sizes) == pytest.approx(bits)
