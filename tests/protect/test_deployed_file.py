"""Deployed files: guards read their own words, C reads them back into the file; what cannot be is refused."""

import json

import numpy as np
import pytest

from resq import cli, data
from resq.core import Encoding
from resq.deployed.network import Network
from resq.memory import faults
from resq.protect import decoder, deploy, deployed_file, mixtures, wording
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
    own = deployed_file._code(network)
    encoding = mixtures.protected(own, way) if way else own
    model = deployed_file.guarded(network, encoding)
    none = faults.random(faults.region(model), 0.0, rng=np.random.default_rng(0))
    assert len(deployed_file.read_wrong(model, none)) == 0
    assert model.read.layers == network.layout.layers
    assert model.read.n_bits == network.layout.n_bits
    for stored, q in zip(network.stored, model.weights.values(), strict=True):
        assert q.words.size == stored.count


def test_plain_words_are_struck_as_a_sweep_strikes_the_file(network):
    model = deployed_file.guarded(network, deployed_file._code(network))
    ours = faults.random(faults.region(model), 0.01, rng=np.random.default_rng(3))
    theirs = faults.random(faults.region(network), 0.01, rng=np.random.default_rng(3))
    assert np.array_equal(deployed_file.read_wrong(model, ours).addresses, theirs.addresses)


def test_a_guard_leaves_fewer_bits_wrong_than_plain_words(network):
    own, wrong = deployed_file._code(network), {}
    for encoding in (own, *mixtures.others(own)):
        model = deployed_file.guarded(network, encoding)
        drawn = faults.random(faults.region(model), 1e-3, rng=np.random.default_rng(0))
        wrong[str(encoding)] = len(deployed_file.read_wrong(model, drawn))
    # Where a row is read as zero, all of its words may be wrong: fewer rows, not fewer bits.
    counted = [count for name, count in wrong.items() if name != str(own) and "secded0" not in name]
    assert len(counted) == len(mixtures.OTHERS) - 1
    assert max(counted) < wrong[str(own)] / 5


@pytest.mark.skipif(not decoder.compiler(), reason="no C compiler here")
def test_the_command_answers_and_what_c_reads_of_its_files_is_the_file(file, tmp_path, capsys):
    assert cli.main(["protect", str(file), *ASKED, "--out", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["network"].startswith("qdq-channel@")
    assert Encoding.parse(found["encoding"]).bits == 8
    assert found["bits"] <= 9
    at = wording.at_rate(found)
    assert at["chosen"]["n"] == at["difference"]["n"] == 20
    assert deploy.patched(tmp_path, file.read_bytes()) == file.read_bytes()
    assert deploy.patched(tmp_path, bytes(file.stat().st_size)) != file.read_bytes()
    layers = json.loads((tmp_path / "layout.json").read_text(encoding="utf-8"))["layers"]
    weights = sum(int(np.prod(layer["shape"])) for layer in layers)
    stored = 8 * (tmp_path / "words.bin").stat().st_size / weights
    assert stored == pytest.approx(found["bits"], rel=1e-3)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--data", ""], "say --data cifar10 and no --encoding"),
        (["--encoding", "int8"], "say --data cifar10 and no --encoding"),
        (["--bits", "7"], "takes 8 bits a weight already, more than 7"),
        (["--time", "1.1"], "leave out --time for a deployed file"),
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
    from resq.protect.wanted import Wanted

    subject = deployed_file.DeployedFile(Wanted(str(file), 0.01, data="signs", n=10, inputs="range 0..1"))
    subject.accuracy(subject.own, "random", 0.01, 0)
    subject.close()
    assert {name for name, _ in asked} == {"signs-held-out"}
