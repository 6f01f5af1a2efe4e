"""Options that several commands share, and how results are printed for people."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from resq.deployed.pixels import Asked
from resq.measure.spec import ATTACKS, FAULT_MODELS, MODES, SweepSpec


def numbers(kind: Callable[[str], Any]) -> Callable[[str], tuple[Any, ...]]:
    """A comma-separated list of ``kind`` as an argparse type."""

    def read(text: str) -> tuple[Any, ...]:
        try:
            return tuple(kind(part) for part in text.split(",") if part.strip())
        except ValueError:
            message = f"expected numbers with commas between them, such as 0,1e-4,1e-3, got {text!r}"
            raise argparse.ArgumentTypeError(message) from None

    return read


CHECKPOINT = "data/network/variant (see python -m resq show), or a .safetensors, .tflite or .onnx file"


def add_network(parser: argparse.ArgumentParser, seed: str) -> None:
    """Which network, how its weights are stored, and the seed, which decides what ``seed`` says."""
    parser.add_argument("checkpoint", help=CHECKPOINT)
    parser.add_argument("--encoding", default="int8", help="how its weights are stored (default int8)")
    parser.add_argument("--seed", type=int, default=0, help=f"decides {seed} (default 0)")


def add_result(parser: argparse.ArgumentParser, n: int, images: str) -> None:
    """On how many images, and a file for what was found; for ``told``."""
    parser.add_argument("--n", type=int, default=n, help=f"{images} (default {n})")
    parser.add_argument("--out", type=Path, help="also write it to this .json file")


def told(arguments: argparse.Namespace, found: dict[str, Any]) -> bool:
    """Writes what was found to --out, and prints it for --json; whether it has been printed."""
    if arguments.out:
        arguments.out.write_text(dump(found) + "\n", encoding="utf-8")
    if arguments.json:
        print(dump(found))
    return bool(arguments.json)


def add_measured(parser: argparse.ArgumentParser) -> None:
    """What is measured: checkpoint, images, encoding, faults and attacks."""
    parser.add_argument("checkpoint", help=CHECKPOINT)
    parser.add_argument("--data", default="", help="data set to measure on; default: the checkpoint's own")
    parser.add_argument("--n", type=int, help="the first N test images")
    width = parser.add_mutually_exclusive_group()
    width.add_argument(
        "--bits", type=int, help="bits of an affine per-channel code (the same as --encoding intBITS)"
    )
    width.add_argument(
        "--encoding", help="how weights are stored: int8 (default), int8-symmetric, int4-tmr2, fp32, ..."
    )
    parser.add_argument(
        "--ber", type=numbers(float), default=(), help="bit error rates, such as 0,1e-4,1e-3,1e-2"
    )
    parser.add_argument("--maps", type=int, default=10, help="fault maps (default 10)")
    parser.add_argument(
        "--fault", default="random", help=f"fault model: random (default), {', '.join(FAULT_MODELS[1:])}"
    )
    parser.add_argument(
        "--layers", type=_names, default=(), help="flip only in these layers, such as layer1.*,fc.weight"
    )
    parser.add_argument(
        "--planes", type=numbers(int), default=(), help="flip only these bits of a word, such as 7"
    )
    parser.add_argument(
        "--targets",
        default="weights",
        help="what is struck: weights (default); of a deployed file also biases, scales, norms, floats, all",
    )
    add_inputs(parser)
    parser.add_argument(
        "--eps", type=numbers(float), default=(), help="attack budgets in 1/255, such as 0,2,4,8"
    )
    parser.add_argument(
        "--attack",
        default="pgd",
        help=f"{', '.join(ATTACKS)} (default pgd); of a deployed file square, or fgsm, pgd, apgd on its twin",
    )
    parser.add_argument("--steps", type=int, default=20, help="PGD steps of 2/255 (default 20)")
    parser.add_argument(
        "--restarts", type=int, default=1, help="PGD restarts, worst case per image (default 1)"
    )
    parser.add_argument("--sample", default="first", help="first (default), or random: each map its own")
    parser.add_argument(
        "--top", type=float, default=0.0, help="the rate that maps are drawn at (default: the largest)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="decides fault maps and random starts (default 0)"
    )


def add_file(parser: argparse.ArgumentParser, data: bool = True) -> None:
    """What a deployed file needs to be told, where a checkpoint's card says it."""
    if data:
        parser.add_argument(
            "--data", default="", help="of a deployed file: the data set whose images it is given"
        )
    parser.add_argument(
        "--targets", default="weights", help="of a deployed file: which words (default weights)"
    )
    add_inputs(parser)


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """What a deployed file does not say of its input."""
    parser.add_argument(
        "--range",
        default="",
        metavar="LOW..HIGH",
        help="of a deployed file that does not say it: what black and white become, such as 0..255 or =-1..1",
    )
    parser.add_argument("--mean", default="", help="then subtracted: one number, or one per channel")
    parser.add_argument("--std", default="", help="then divided by: one number, or one per channel")
    parser.add_argument("--layout", default="", help="nchw or nhwc, where the input's shape could be either")


def inputs(arguments: argparse.Namespace) -> str:
    """What was said of a deployed file's input, as ``Asked`` spells it."""
    given = {name: getattr(arguments, name).replace(" ", "") for name in ("range", "mean", "std", "layout")}
    return str(Asked.parse(" ".join(f"{name} {value}" for name, value in given.items() if value)))


def add_mode(parser: argparse.ArgumentParser) -> None:
    """Faults and attack at once."""
    parser.add_argument(
        "--mode",
        type=_names,
        default=(),
        help=f"faults and attack at once, the attack not knowing or knowing the flips: {','.join(MODES)}",
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def spec(arguments: argparse.Namespace, n: int) -> SweepSpec:
    """The spec that these arguments spell, on ``n`` images unless they say otherwise."""
    encoding = arguments.encoding or ("int8" if arguments.bits is None else f"int{arguments.bits}")
    return SweepSpec(
        checkpoint=arguments.checkpoint,
        data=arguments.data,
        encoding=encoding,
        fault=arguments.fault,
        layers=arguments.layers,
        planes=arguments.planes,
        bers=arguments.ber,
        maps=arguments.maps,
        attack=arguments.attack,
        eps=arguments.eps,
        steps=arguments.steps,
        restarts=arguments.restarts,
        modes=getattr(arguments, "mode", ()),
        n=n if arguments.n is None else arguments.n,
        seed=arguments.seed,
        sample=arguments.sample,
        top=arguments.top,
        precision=getattr(arguments, "precision", "fp32"),
        targets=arguments.targets,
        inputs=inputs(arguments),
    )


def dump(value: Any) -> str:
    """JSON with null where a number is not defined: NaN is no JSON."""
    return json.dumps(_plain(value), indent=1, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def percent(value: float) -> str:
    """A share for people."""
    return "-" if not math.isfinite(value) else f"{100 * value:.2f} %"


def span(low: float, high: float) -> str:
    """An interval for people."""
    return "-" if not math.isfinite(low) else f"{100 * low:.2f} to {100 * high:.2f} %"


def print_table(rows: Sequence[dict[str, str]]) -> None:
    """Rows with their keys as headings, columns aligned."""
    if not rows:
        return
    heads = list(rows[0])
    widths = [max(len(h), *(len(r[h]) for r in rows)) for h in heads]
    print("  ".join(h.ljust(w) for h, w in zip(heads, widths, strict=True)).rstrip())
    for row in rows:
        print("  ".join(row[h].ljust(w) for h, w in zip(heads, widths, strict=True)).rstrip())
