"""The mystery: a code decides what is hidden, probes say what is true, and a diagnosis has its points."""

import numpy as np
import pytest
import torch

from dashboard.model.mystery import diagnosis, outcomes, probes
from resq import checkpoints
from resq.core import Encoding
from resq.core.errors import ResqError
from resq.data import signs
from resq.measure.engine import faulty_network
from resq.measure.run.mystery import cases, suspect
from resq.measure.run.mystery.cases import Case, Fault, Hack

CONV = "layer2.1.conv2.weight"


@pytest.fixture(scope="module")
def network():
    """The network, its words, and 32 pictures."""
    checkpoint = checkpoints.load("signs/resnet20/base")
    model = checkpoint.quantized(Encoding.parse("int8"))
    x, y = signs.render("test", 32)
    pictures = suspect.Pictures(torch.from_numpy(x).float() / 255, torch.from_numpy(y))
    return faulty_network.network_of(checkpoint, model), model, pictures


def chosen(model, cause, letter="F") -> Case:
    return cases.hidden(cause, cases.every(model), letter)


def test_the_same_code_is_the_same_mystery_and_another_one_another(network):
    first, again, other = (suspect.suspect(*network, cases.read(code)) for code in ("F3", "f3", "F4"))
    assert first.cause == again.cause
    assert first.flips.addresses.tolist() == again.flips.addresses.tolist()
    assert first.answers.tolist() == again.answers.tolist()
    assert first.cause != other.cause
    assert first.accuracy[0] - first.accuracy[1] >= suspect.LEAST


def test_hacked_or_broken_is_both_in_turn(network):
    _, model, _ = network
    every = cases.every(model)
    firsts = [next(cases.opened(Case("H", number), every)) for number in range(40)]
    assert 10 < sum(isinstance(cause, Hack) for cause in firsts) < 30
    assert all(isinstance(next(cases.opened(Case("F", n), every)), Fault) for n in range(40))


@pytest.mark.parametrize("cause", [Fault(CONV, 6, "stuck at 1", 0.3), Hack("pgd", 8)])
def test_what_a_teacher_hides_is_what_the_class_gets(network, cause):
    _, model, _ = network
    case = chosen(model, cause, "H")
    assert case.number >= cases.CHOSEN
    assert list(cases.opened(case, cases.every(model))) == [cause]


def test_every_cause_has_a_code_of_its_own(network):
    _, model, _ = network
    every = cases.every(model)
    assert len({cases.hidden(cause, every, "H") for cause in every[::50]}) == len(every[::50])
    assert len(every) == 20 * 8 * 3 * 4 + 2 * 4


@pytest.mark.parametrize("code", ["", "17", "X3", "F", "F-1", "F123456", "F1.5"])
def test_a_code_that_is_none_is_refused_with_what_one_is(code):
    with pytest.raises(ResqError, match="is no case: a case is F"):
        cases.read(code)


def test_codes_that_hide_nothing_are_refused(network):
    _, model, _ = network
    every = cases.every(model)
    with pytest.raises(ResqError, match="F99999 hides nothing"):
        next(cases.opened(Case("F", 99_999), every))
    attack = chosen(model, Hack("fgsm", 4), "H")
    with pytest.raises(ResqError, match="hides nothing"):
        next(cases.opened(Case("F", attack.number), every))
    with pytest.raises(ResqError, match="an attack is none"):
        chosen(model, Hack("fgsm", 4), "F")


def test_probes_tell_a_stuck_cell_from_a_flipped_one(network):
    _, model, _ = network
    for kind, upwards in (("stuck at 1", True), ("stuck at 0", False)):
        case = chosen(model, Fault(CONV, 6, kind, 0.3))
        layer = suspect.layer(model, cases.flips(model, Fault(CONV, 6, kind, 0.3), case), CONV)
        changed, still = (layer.risen, layer.fallen) if upwards else (layer.fallen, layer.risen)
        assert 0.1 * 9216 < changed[6] < 0.2 * 9216  # of 30 % of the cells about half held the other value
        assert changed.sum() == changed[6]
        assert still.sum() == 0
    flipped = Fault(CONV, 6, "flipped", 0.3)
    layer = suspect.layer(model, cases.flips(model, flipped, chosen(model, flipped)), CONV)
    assert layer.risen[6] + layer.fallen[6] == round(0.3 * 9216)
    assert min(layer.risen[6], layer.fallen[6]) > 1000
    assert layer.ones[1, 6] - layer.ones[0, 6] == layer.risen[6] - layer.fallen[6]


def test_the_trace_begins_in_the_faulty_layer_and_an_attacks_in_the_first(network):
    net, model, pictures = network
    broken = suspect.suspect(net, model, pictures, chosen(model, Fault(CONV, 7, "flipped", 0.3)))
    changes = suspect.trace(net, model, pictures, broken)
    off = [name for name, change in changes.items() if change > outcomes.NOISE]
    assert off[0] == CONV
    assert f"is {CONV.removesuffix('.weight')}" in outcomes.trace(changes)
    hacked = suspect.suspect(net, model, pictures, chosen(model, Hack("fgsm", 8), "H"))
    assert "it is the first of all" in outcomes.trace(suspect.trace(net, model, pictures, hacked))


def test_untouched_pictures_tell_an_attack_from_a_fault(network):
    net, model, pictures = network
    hacked = suspect.suspect(net, model, pictures, chosen(model, Hack("fgsm", 8), "H"))
    assert hacked.accuracy[1] < hacked.accuracy[0]
    assert suspect.accuracy_untouched(net, model, pictures, hacked) == hacked.accuracy[0]
    moves = suspect.moves(pictures, hacked)
    assert np.abs(moves).max() == pytest.approx(8, abs=1e-3)
    broken = suspect.suspect(net, model, pictures, chosen(model, Fault(CONV, 7, "stuck at 1", 1.0), "H"))
    assert suspect.accuracy_untouched(net, model, pictures, broken) == broken.accuracy[1]
    assert outcomes.pixels(suspect.moves(pictures, broken)) == "No value of any picture is moved."


def test_the_flow_counts_every_picture_once(network):
    hidden = suspect.suspect(*network, cases.read("F3"))
    counts = suspect.flow(hidden.clean, hidden.answers, 16)
    assert counts.sum() == 32
    assert counts.shape == (16, 17)


def test_a_diagnosis_has_its_points_line_by_line():
    true = Fault("conv1.weight", 7, "stuck at 1", 0.3)
    assert sum(line.points for line in diagnosis.score(Case("F", 1), true, true)) == 100
    assert sum(line.points for line in diagnosis.score(Case("H", 1), true, true)) == 100
    hack = Hack("pgd", 4)
    assert sum(line.points for line in diagnosis.score(Case("H", 1), hack, hack)) == 100
    near = diagnosis.score(Case("F", 1), Fault("conv1.weight", 7, "flipped", 0.1), true)
    assert [line.points for line in near] == [40, 25, 0, 10]
    wrong = diagnosis.score(Case("H", 1), hack, true)
    assert sum(line.points for line in wrong) == 0
    assert (wrong[0].named, wrong[0].true, wrong[1].named) == ("hacked", "broken", "not named")
    assert [line.points for line in diagnosis.score(Case("H", 1), Hack("fgsm", 8), hack)] == [40, 19, 0]


def test_what_was_asked_is_taken_off_and_nobody_falls_below_nothing():
    true = Fault("conv1.weight", 7, "stuck at 1", 0.3)
    lines = diagnosis.score(Case("F", 1), true, true)
    bought = probes.read("trace,ones-3", Case("F", 1), 20)
    assert probes.cost(bought) == 33
    assert diagnosis.total(lines, 33) == 67
    assert diagnosis.total(lines, 133) == 0


def test_an_address_holds_questions_and_diagnosis_and_nonsense_is_nothing():
    layers = ["conv1.weight", CONV]
    for cause in (Fault(CONV, 0, "flipped", 1.0), Hack("fgsm", 1)):
        assert diagnosis.read(diagnosis.written(cause, layers), layers, 8) == cause
    for text in ("", "broken", "broken.0.8.0.0", "hacked.2.0", "hacked.0", "broken.-1.0.0.0", "broken.²"):
        assert diagnosis.read(text, layers, 8) is None
    asked = probes.read("clean,pixels,hist-19,flow-2,sum,words-x", Case("H", 1), 20)
    assert probes.written(asked) == "clean,pixels,hist-19"


def test_sentences_say_what_a_layer_shows(network):
    _, model, _ = network
    cause = Fault(CONV, 6, "stuck at 1", 0.3)
    flips = cases.flips(model, cause, chosen(model, cause))
    layer, other = suspect.layer(model, flips, CONV), suspect.layer(model, flips, "conv1.weight")
    assert "is wrong" in outcomes.checksum(CONV, layer)
    assert "is right" in outcomes.checksum("conv1.weight", other)
    assert outcomes.ones(layer).startswith("Bit 6 is 1 in")
    assert outcomes.ones(other) == "Each bit is 1 in as many words as was stored."
    assert f"Bit 6: {len(flips):,} words from 0 to 1, 0 from 1 to 0" in outcomes.words(layer)
    assert outcomes.words(other) == "No word of this layer has changed."
    assert f"stuck at 1 in 30 % of the words. That changed {len(flips):,} words" in outcomes.cause(
        cause, len(flips)
    )
