"""What flipped bits of one weight, and moved pixels, change in the answer to one test image."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

import numpy as np

from resq.cli import filewords as files
from resq.cli import options
from resq.core import Encoding
from resq.core.errors import ResqError
from resq.deployed import network as deployed
from resq.measure.run.one_flip.single_bit import BitExperiment
from resq.measure.specs.sweep_spec import MODES, attacks
from resq.memory import flipping
from resq.memory.regions import check_rate

MADE = {"transfer": "as stored", "adaptive": "with the flips"}  # what an attack was made on, of MODES


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    options.add_network(parser, seed="random starts of the attack")
    parser.add_argument("--layer", default="", help="layer, such as conv1.weight (default: the first)")
    parser.add_argument("--weight", type=int, default=0, help="number of the weight in its layer (0)")
    parser.add_argument(
        "--bits", type=options.numbers(int), default=(), help="bits to flip in it, such as 7,6"
    )
    parser.add_argument("--plane", type=int, default=0, help="also flip this bit in --share of the layer (0)")
    parser.add_argument("--share", type=float, default=0.0, help="share of the layer's weights, 0 to 1 (0)")
    parser.add_argument("--ber", type=float, default=0.0, help="also flip any stored bit at this rate (0)")
    parser.add_argument("--draw", type=int, default=0, help="decides which weights and bits those are (0)")
    parser.add_argument("--image", type=int, default=0, help="number of the test image (0)")
    parser.add_argument(
        "--eps", type=options.budget, default=0.0, help="move every pixel by at most this, 1/255 (0)"
    )
    parser.add_argument("--attack", default="pgd", choices=attacks(), help="how pixels are moved (pgd)")
    parser.add_argument(
        "--mode", default="transfer", choices=MODES, help="made on the stored network, or on the flipped one"
    )
    options.add_file(parser)
    parser.add_argument("--stream", action="store_true", help="of a deployed file: print it as one JSON line")


def run(arguments: argparse.Namespace) -> None:
    """Computes and prints."""
    if deployed.is_file(arguments.checkpoint):
        files.flip(arguments)
        return
    report = answered(experiment(arguments))
    if arguments.json:
        print(options.dump(report))
        return
    options.first(arguments)
    word, values = (report[key] for key in ("word", "value"))
    print(
        f"word {word[0]:#x} -> {word[1]:#x}, weight {values[0]:.6g} -> {values[1]:.6g}; "
        f"bits flipped: {report['flips']}; the image shows {report['label']}"
    )
    options.print_table(
        [
            {"weights": row["weights"], "image": row["image"], "answer": row["answer"],
             "sure": options.percent(row["probabilities"][row["answer"]])
             if row["answer"] else "no number"}
            for row in report["answers"]
        ]
    )  # fmt: skip
    if report["attack"] != "none":
        print(
            f"attacked by {report['attack']}, eps {report['eps']:g}/255, made on the network "
            f"{MADE[report['mode']]}, seed {report['seed']}"
        )
    print(f"weights {report['hashes']['weights']}, image {report['hashes']['image']}")


def experiment(a: argparse.Namespace) -> BitExperiment:
    """The state that the options spell; the layer may still be open."""
    if not 0 <= a.share <= 1:
        raise ResqError(f"--share must lie in 0..1, got {a.share:g}")
    check_rate(a.ber)
    return BitExperiment(
        a.checkpoint,
        a.encoding,
        a.layer,
        a.weight,
        a.image,
        a.bits,
        a.plane,
        a.share,
        a.draw,
        a.eps,
        a.attack,
        a.mode,
        a.seed,
        a.ber,
    )


def answered(state: BitExperiment) -> dict[str, Any]:
    """What ``--json`` prints."""
    from resq import checkpoints, data
    from resq.measure.engine.faulty_network import network_of
    from resq.measure.run import sweep
    from resq.measure.run.one_flip import single_bit

    checkpoint = checkpoints.load(state.net)
    model = checkpoint.quantized(Encoding.parse(state.enc))
    state = replace(state, layer=state.layer or next(iter(model.weights)))
    model.read.address(state.layer, state.w, 0)  # refuses a layer or weight that there is not
    bits = single_bit.flips(model, state)
    test = data.load(checkpoint.data, "test")
    if not 0 <= state.img < len(test):
        raise ResqError(f"--image must lie in 0..{len(test) - 1}, got {state.img}")
    image = test.take(np.array([state.img]))
    network, x = network_of(checkpoint, model), sweep.pixels(image)
    moved = single_bit.perturbed(network, model, bits, x, state) if state.eps else x
    read = single_bit.reading(model, flipping.flip(model, bits), state.layer, state.w, bits)
    return {
        "checkpoint": state.net, "data": checkpoint.data, "encoding": state.enc, "layer": state.layer,
        "weight": state.w, "word": read.words, "code": read.codes, "value": read.values, "flips": len(bits),
        "image": state.img, "label": image.classes[int(image.y[0])],
        "eps": state.eps, "attack": state.attack if state.eps else "none", "mode": state.mode,
        "seed": state.seed,
        "most_moved": float((moved - x).abs().max()) * 255,
        "answers": _rows(single_bit.four(network, model, bits, x, moved), image.classes, bool(state.eps)),
        "hashes": {"weights": checkpoint.hash, "image": image.hash},
    }  # fmt: skip


def _rows(four: np.ndarray, classes: tuple[str, ...], attacked: bool) -> list[dict[str, Any]]:
    """One object per answer; ``answer`` is empty where the network gives no number."""
    rows = []
    for weights, pair in zip(("as stored", "flipped"), four, strict=True):
        for image, p in zip(("clean", "attacked") if attacked else ("clean",), pair, strict=False):
            answer = "" if np.isnan(p).any() else classes[int(p.argmax())]
            shares = dict(zip(classes, p.tolist(), strict=True))
            rows.append({"weights": weights, "image": image, "answer": answer, "probabilities": shares})
    return rows
