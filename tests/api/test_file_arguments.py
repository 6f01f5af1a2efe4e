"""What the library is told of a deployed file: every argument is followed, or refused in a sentence."""

import inspect
from collections.abc import Callable

import pytest
from torch import nn

import resq
from resq.core.errors import ResqError
from tests import small_file

GIVEN = {"model", "images", "labels"}
WORDS = 8 * 27 + 16 * 8
AT = {"ber": 0.02, "maps": 1}
ATTACKED = {"ber": (), "eps": 8, "attack": "pgd", "steps": 3}

# Argument -> what is said, and what shows in every row that it was followed; or why it is refused.
Case = tuple[dict[str, object], Callable[[dict], bool] | str]
SWEEP: dict[str, Case] = {
    "encoding": ({"encoding": "int8-symmetric-secded"}, lambda r: r["bits"] == 9 * WORDS),
    "ber": ({"ber": 0.5}, lambda r: r["flips"] > 2 * WORDS),
    "maps": ({"maps": 3, "ber": 0.02}, lambda r: r["map"] in range(3)),
    "fault": ({"fault": "burst-row"}, lambda r: r["fault"] == "burst-row"),
    "layers": ({"layers": "conv.*"}, lambda r: r["bits"] == 8 * 8 * 27),
    "planes": ({"planes": 7}, lambda r: r["bits"] == WORDS),
    "targets": ({"targets": "all"}, lambda r: r["bits"] > 8 * WORDS),
    "eps": ({**ATTACKED}, lambda r: r["eps"] == 8),
    "attack": ({**ATTACKED, "attack": "fgsm"}, lambda r: r["attack"] == "twin-fgsm"),
    "steps": ({**ATTACKED}, lambda r: r["steps"] == 3),
    "restarts": ({**ATTACKED, "restarts": 2}, lambda r: r["restarts"] == 2),
    "mode": ({**ATTACKED, **AT, "mode": "adaptive"}, lambda r: r["mode"] == "adaptive"),
    "sample": ({"sample": "random"}, lambda r: r["sample"] == "random"),
    "top": ({"top": 0.04}, lambda r: r["top"] == 0.04),
    "precision": ({"precision": "bf16"}, "a deployed file is run as it is: no precision"),
    "n": ({"n": 7}, lambda r: r["n"] == 7),
    "seed": ({"seed": 5}, lambda r: r["seed"] == 5),
    "inputs": ({"inputs": "range 0,1 layout nchw"}, lambda r: r["n"] == 20),
    "weights": ({"weights": ["conv.weight"]}, "weights is said of a module, got .* of a deployed file"),
    "device": ({"device": "cuda:9"}, "no CUDA device|its own runtime on the processor alone"),
    "progress": ({"progress": False}, lambda r: r["n"] == 20),
}  # fmt: skip
SENSITIVITY: dict[str, Case] = {
    "encoding": ({"encoding": "int8-symmetric-secded"}, "its words flipped as stored, got .*secded"),
    "measured": ({"measured": True}, lambda r: r["kind"] == "measured"),
    "metric": ({"metric": "pvf"}, "of a deployed file the loss is measured.*'pvf'"),
    "maps": ({"maps": 2}, lambda r: r["map"] in range(2)),
    "share": ({"share": 0.5}, lambda r: r["flips"] == round(0.5 * r["words"])),
    "n": ({"n": 7}, lambda r: r["n"] == 7),
    "seed": ({"seed": 5}, lambda r: r["seed"] == 5),
    "targets": ({"targets": "biases"}, lambda r: "bias" in r["layer"]),
    "inputs": ({"inputs": "range 0,1 layout nchw"}, lambda r: r["n"] == 20),
    "weights": SWEEP["weights"],
    "device": SWEEP["device"],
    "progress": ({"progress": False}, lambda r: r["n"] == 20),
}
FUNCTIONS = {"sweep": SWEEP, "sensitivity": SENSITIVITY}


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> str:
    return str(small_file.made(tmp_path_factory.mktemp("file")))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_argument_is_left_out_here(name):
    assert set(inspect.signature(getattr(resq, name)).parameters) == GIVEN | set(FUNCTIONS[name])


@pytest.mark.parametrize(
    ("name", "argument"), [(name, argument) for name, cases in FUNCTIONS.items() for argument in cases]
)
def test_every_argument_is_followed_for_a_file_or_refused(file, name, argument):
    wanted, shows = FUNCTIONS[name][argument]
    usual = AT if name == "sweep" else {"maps": 1}
    x, y = resq.load_images("signs", n=20)
    images = ("signs",) if {"n", "sample"} & set(wanted) else (x, y)
    options = {"inputs": "range 0,1", "progress": False, **({"n": 20} if len(images) == 1 else {})}

    def call():
        return getattr(resq, name)(file, *images, **{**usual, **options, **wanted})

    if isinstance(shows, str):
        with pytest.raises(ResqError, match=shows):
            call()
        return
    rows = call().rows
    assert rows
    assert [row for row in rows if not shows(row)] == []
    if argument == "maps":
        assert {row["map"] for row in rows} == set(range(wanted["maps"]))


def test_what_a_pixel_becomes_is_followed_by_path_and_by_network(file):
    images = resq.load_images("signs", n=50)
    told = [resq.sweep(file, *images, ber=0, inputs=f"range {span}").rows[0] for span in ("0,1", "-1,1")]
    assert told[0]["key"] != told[1]["key"]
    with resq.load(file, inputs="range -1,1") as network:
        assert resq.sweep(network, *images, ber=0).rows == told[1:]
        assert resq.sweep(network, *images, ber=0, inputs="range 0,1").rows == told[:1]


@pytest.mark.parametrize("opened", ["weights", "all"])
def test_targets_said_of_a_sweep_go_before_those_that_a_network_was_opened_with(file, opened):
    bits = {}
    for said in ("", "weights", "biases", "all"):
        with resq.load(file, inputs="range 0,1", targets=opened) as network:
            found = resq.sweep(network, "signs", ber=0.02, maps=1, n=20, targets=said)
        bits[said] = found.rows[0]["bits"]
        assert found.spec.targets == (said or opened)
    assert bits[""] == bits[opened]
    assert bits["all"] > bits["weights"] == 8 * WORDS
    with resq.load(file, targets=opened) as network, resq.load(network, targets="biases") as other:
        assert (other.targets, other.file) == ("biases", network.file)
    with resq.load(file, targets=opened) as network:
        assert resq.load(network) is network


@pytest.mark.parametrize("encoding", ["nonsense", "int8", "fp16", "int4"])
def test_words_that_a_file_cannot_have_are_refused(file, encoding):
    with pytest.raises(ResqError, match=f"{encoding}|words of int8-symmetric, got int8"):
        resq.sweep(file, "signs", encoding=encoding, ber=0.01, maps=1, n=20, inputs="range 0,1")


def test_a_files_own_words_can_be_named(file):
    own, named = (
        resq.sweep(file, "signs", encoding=e, ber=0.01, maps=1, n=20, inputs="range 0,1")
        for e in ("", "as stored")
    )
    assert own.rows == named.rows
    assert ".onnx as stored, n = 20" in repr(own)


@pytest.mark.parametrize(
    ("call", "refusal"),
    [
        (
            lambda file: resq.load(file, mean=[0.5] * 3, std=[0.5] * 3),
            "mean is said of a module, got .* a d",
        ),
        (lambda file: resq.load(file, std=[0.5] * 3), "std is said of a module"),
        (lambda _: resq.load("signs/resnet20/base", mean=[0.5] * 3), "mean is said of a module, .* checkp"),
        (lambda _: resq.load("signs/resnet20/base", inputs="range 0,1"), "inputs is said of a deployed file"),
        (lambda _: resq.load(nn.Linear(2, 2), targets="all"), "targets is said of a deployed .* of a module"),
        (lambda _: resq.sensitivity("signs/resnet20/base", targets="all", n=8), "targets is said of a deplo"),
        (lambda _: resq.sensitivity("signs/resnet20/base", inputs="range 0,1"), "inputs is said of a deploy"),
        (lambda _: resq.sweep("signs/resnet20/base", weights=["conv1.weight"]), "weights is said of a modul"),
        (lambda _: resq.quantize("signs/resnet20/base", weights=["conv1.weight"]), "weights is said of a mo"),
        (lambda file: resq.quantize(file), "a deployed file's words are its own"),
        (lambda file: resq.harden(file), "hardening trains a checkpoint"),
        (lambda file: resq.attack(file, "signs", encoding="int8-symmetric-secded"), "under faults alone"),
    ],
)
def test_what_is_not_of_such_a_model_is_refused(file, call, refusal):
    with pytest.raises(ResqError, match=refusal):
        call(file)
