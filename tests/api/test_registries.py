"""What is listed in a registry is known everywhere: by calls, by specs, by the command line."""

import json

import numpy as np
import pytest

import resq
from resq import cli
from resq.core import BitFlips
from resq.core.errors import ResqError

BASE = "signs/resnet20/base"


def first_bits(region, rate, *, rng):
    """The first bits of all words, as many as the rate says."""
    count = round(rate * region.n_bits)
    return BitFlips(np.arange(count, dtype=np.int64), np.linspace(0, rate, count, endpoint=False))


def brighter(f, x, y, eps, *, rng):
    """Every pixel as much brighter as it may be."""
    return (x + eps).clamp(0, 1)


def test_a_fault_model_that_is_listed_is_known_to_every_call_and_command(monkeypatch, capsys):
    monkeypatch.setitem(resq.FAULTS, "first-bits", first_bits)
    swept = resq.sweep(BASE, n=40, ber=1e-3, maps=1, fault="first-bits")
    assert swept.rows[0]["flips"] == round(1e-3 * swept.rows[0]["bits"])
    with resq.flip_bits(BASE, ber=1e-3, fault="first-bits") as faulty, resq.flip_bits(BASE, ber=0) as clean:
        assert not np.array_equal(faulty.body.conv1.weight, clean.body.conv1.weight)
    assert cli.main([*swept.command.split()[3:], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"][0]["correct"] == swept.rows[0]["correct"]


def test_an_attack_that_is_listed_is_known_to_every_call_and_command(monkeypatch, capsys):
    monkeypatch.setitem(resq.ATTACKS, "brighter", brighter)
    x, y = resq.load_images("signs", n=40)
    row = resq.attack(BASE, x, y, attack="brighter", eps=16).rows[0]
    assert (row["attack"], row["steps"], row["restarts"]) == ("brighter", 1, 1)
    lighter = resq.sweep(BASE, (x + 16 / 255).clamp(0, 1), y, ber=0).rows[0]
    assert row["correct"] == lighter["correct"]
    joint = resq.sweep(BASE, x, y, attack="brighter", eps=16, ber=1e-3, maps=1, mode="transfer")
    assert joint.rows[0]["attack"] == "brighter"
    assert cli.main([*joint.command.split()[3:], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"][0]["correct"] == joint.rows[0]["correct"]


def test_what_is_listed_no_more_is_refused():
    for asked in ({"fault": "first-bits", "ber": 0.1}, {"attack": "brighter", "eps": 8}):
        with pytest.raises(ResqError, match=r"no (fault model 'first-bits'|attack 'brighter'); known: "):
            resq.sweep(BASE, n=8, **asked)
