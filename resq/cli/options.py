"""Options that several commands share, and how results are printed for people."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from resq import checkpoints, data
from resq.core import json_text
from resq.core.errors import ResqError
from resq.data import own
from resq.deployed import network as deployed
from resq.deployed.pixels import Asked
from resq.measure.specs import file_encoding
from resq.measure.specs.sdc_rates import METRICS
from resq.measure.specs.sweep_spec import AS_STORED, MODES, SweepSpec, attacks, fault_models

MAPS = 10  # fault maps, where nothing else is said


def numbers(kind: Callable[[str], Any]) -> Callable[[str], tuple[Any, ...]]:
    """A comma-separated list of ``kind`` as an argparse type."""

    def read(text: str) -> tuple[Any, ...]:
        try:
            return tuple(kind(part) for part in text.split(",") if part.strip())
        except ValueError:
            message = f"expected numbers with commas between them, such as 0,1e-4,1e-3, got {text!r}"
            if "%" in text:
                message += "; rates are shares, so 0.5 % is written 0.005"
            raise argparse.ArgumentTypeError(message) from None

    return read


def budgets(text: str) -> tuple[float, ...]:
    """A comma-separated list of attack budgets in 1/255 as an argparse type."""
    if "/" in text:
        message = f"budgets are in 1/255 of the pixel range, so 8/255 is written 8, got {text!r}"
        raise argparse.ArgumentTypeError(message)
    eps: tuple[float, ...] = numbers(float)(text)
    return eps


def budget(text: str) -> float:
    """One attack budget in 1/255 as an argparse type; one that is seldom meant gets its hint."""
    eps = budgets(text)
    if len(eps) != 1:
        raise argparse.ArgumentTypeError(f"expected one budget in 1/255, such as 8, got {text!r}")
    for hint in _tiny(eps):
        print(hint, file=sys.stderr)
    return eps[0]


def _tiny(eps: tuple[float, ...]) -> list[str]:
    tiny = [e for e in eps if 0 < e < 0.5]
    return [f"hint: eps {e} means {e}/255; {e} of the pixel range would be {255 * e:.3g}" for e in tiny[:1]]


def hints(spec: SweepSpec) -> list[str]:
    """What is allowed and seldom meant, in sentences: tiny budgets, large rates."""
    large = [b for b in spec.bers if b > 0.2]
    return [
        *_tiny(spec.eps),
        *(f"hint: BER {b} flips {100 * b:.3g} % of all bits; {b} % would be {b / 100}" for b in large[:1]),
    ]


IMAGES = (
    "an .npz file with x and y, a .parquet file of pictures, or a folder (or .zip) with a folder of pictures "
    "for each class"
)
CHECKPOINT = "data/network/variant (see python -m resq show) or a .safetensors file"


def add_encoding(parser: argparse._ActionsContainer) -> None:
    """How weights are stored; empty until ``opened`` has looked at the checkpoint's card."""
    about = "how weights are stored: int8, int8-symmetric, int4-tmr2, fp32, ... (default: as the card says)"
    parser.add_argument("--encoding", default="", help=about)


def opened(arguments: argparse.Namespace) -> str:
    """Names the encoding that is left open: the one that the checkpoint's card names, else int8.

    Returns one line that says which, for ``first``; empty where the command opens no checkpoint.

    Raises:
        ValueError: no such checkpoint, or words that a deployed file cannot have.
    """
    name = getattr(arguments, "checkpoint", None) or getattr(arguments, "target", None)
    if not hasattr(arguments, "encoding") or not name or name.endswith((".toml", ".json")):
        return ""
    bits, encoding = getattr(arguments, "bits", None), arguments.encoding
    if isinstance(bits, int):
        encoding = f"int{bits}"
    if deployed.is_file(name):
        arguments.encoding = file_encoding.named(name, encoding)
        if arguments.encoding == AS_STORED:
            return f"{name} as it is"
        return f"{name}, its words in {arguments.encoding}"
    arguments.encoding = encoding or checkpoints.default_encoding(name)
    return f"{name} in {arguments.encoding}" + ("" if encoding else "; --encoding names another")


def network_label(row: Mapping[Any, Any]) -> str:
    """The network of a row and how its words are stored, in words."""
    own = row["encoding"] == AS_STORED
    return f"{row['checkpoint']} {AS_STORED}" if own else f"{row['checkpoint']} as {row['encoding']}"


def first(arguments: argparse.Namespace) -> None:
    """Prints the first line of a result for people: the network and the words that it was opened in."""
    print(arguments.opened)


def add_network(parser: argparse.ArgumentParser, seed: str) -> None:
    """Which network, how its weights are stored, and the seed, which decides what ``seed`` says."""
    parser.add_argument("checkpoint", help=CHECKPOINT)
    add_encoding(parser)
    parser.add_argument("--seed", type=int, default=0, help=f"decides {seed} (default 0)")


def add_result(parser: argparse.ArgumentParser, n: int, images: str) -> None:
    """On how many images, and a file for what was found; for ``write_result``."""
    parser.add_argument("--n", type=int, default=n, help=f"{images} (default {n})")
    parser.add_argument("--out", type=Path, help="also write it to this .json file")


def write_result(arguments: argparse.Namespace, report: dict[str, Any]) -> bool:
    """Writes what was found to --out, and prints it for --json; whether it has been printed."""
    if arguments.out:
        arguments.out.write_text(dump(report) + "\n", encoding="utf-8")
    if arguments.json:
        print(dump(report))
    return bool(arguments.json)


def add_measured(parser: argparse.ArgumentParser) -> None:
    """What is measured: checkpoint, images, encoding, faults and attacks."""
    parser.add_argument("checkpoint", help=CHECKPOINT)
    about = "data set to measure on; default: the checkpoint's own; of a deployed file also " + IMAGES
    parser.add_argument("--data", default="", help=about)
    parser.add_argument("--n", type=int, help="the first N test images")
    width = parser.add_mutually_exclusive_group()
    width.add_argument(
        "--bits", type=int, help="bits of an affine per-channel code (the same as --encoding intBITS)"
    )
    add_encoding(width)
    parser.add_argument(
        "--ber", type=numbers(float), default=(), help="bit error rates, such as 0,1e-4,1e-3,1e-2"
    )
    parser.add_argument("--maps", type=int, default=10, help="fault maps (default 10)")
    parser.add_argument(
        "--fault", default="random", help=f"fault model: random (default), {', '.join(fault_models()[1:])}"
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
        help="what is struck: weights (default), floats (scales, zero points, norms and biases, of whatever "
        "type) or all; of a deployed file also biases, scales (with zero points), norms, other, or several",
    )
    add_inputs(parser)
    parser.add_argument("--eps", type=budgets, default=(), help="attack budgets in 1/255, such as 0,2,4,8")
    parser.add_argument(
        "--attack",
        default="pgd",
        help=f"{', '.join(attacks())} (default pgd); of a deployed file square, or fgsm, pgd, apgd on its "
        "twin",
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
            "--data",
            default="",
            help="of a deployed file: a data set, whose test images it gets, or " + IMAGES,
        )
    parser.add_argument(
        "--targets",
        default="weights",
        help="of a deployed file: weights (default), biases, scales (with zero points), norms, other, "
        "several of these with commas, floats (biases, scales and norms) or all",
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
    add_images(parser)


def add_images(parser: argparse.ArgumentParser) -> None:
    """What images of one's own do not say."""
    parser.add_argument(
        "--classes", type=_names, default=(), help="the class of each output, where not in the data's order"
    )
    about = "of a folder whose pictures have many sizes, such as 224x224"
    parser.add_argument("--size", type=_size, default=(0, 0), help=about)


def _size(text: str) -> tuple[int, int]:
    height, _, width = text.lower().partition("x")
    if not (height.isdecimal() and (width or height).isdecimal()) or not 1 <= int(height) <= 4096:
        raise argparse.ArgumentTypeError(f"a size is HEIGHTxWIDTH, such as 224x224, got {text!r}")
    return int(height), int(width or height)


def bring_images(arguments: argparse.Namespace) -> None:
    """Gives images that ``--data`` names by a path, or orders by ``--classes``, the name that rows carry.

    Raises:
        ValueError: they cannot be used, or are not for a deployed file.
    """
    name, classes = getattr(arguments, "data", ""), getattr(arguments, "classes", ())
    many_sizes = isinstance(name, str) and own.is_path(name) and not name.lower().endswith(".npz")
    if hasattr(arguments, "data") and any(getattr(arguments, "size", ())) and not many_sizes:
        images = f"--data {name}" if name else "no --data"
        raise ResqError(f"--size is of pictures in a folder, a .zip or a .parquet file, got {images}")
    if not isinstance(name, str) or not name or not (own.is_path(name) or classes):
        return
    file = getattr(arguments, "checkpoint", None) or getattr(arguments, "file", None) or ""
    if not deployed.is_file(file):
        raise ResqError(
            f"images of one's own are for a deployed file (.tflite, .onnx, .pt2), not for {file!r:.60}"
        )
    if own.is_path(name):
        arguments.data = own.bring(name, classes, getattr(arguments, "size", (0, 0)))
    else:
        arguments.data = own.reorder(name, data.load(name, "test"), classes)


def inputs(arguments: argparse.Namespace) -> str:
    """What was said of a deployed file's input, as ``Asked`` spells it."""
    options = {name: getattr(arguments, name).replace(" ", "") for name in ("range", "mean", "std", "layout")}
    return str(Asked.parse(" ".join(f"{name} {value}" for name, value in options.items() if value)))


def add_device(parser: argparse.ArgumentParser) -> None:
    """Where the network computes."""
    about = "where it computes: cpu (default), cuda, cuda:1, or auto, the first CUDA device there is"
    parser.add_argument("--device", default="cpu", metavar="DEVICE", help=about)


def add_metric(parser: argparse.ArgumentParser) -> None:
    """What the printed table is of; rows hold all of it."""
    parser.add_argument(
        "--metric",
        default="accuracy",
        choices=METRICS,
        help="what the table shows: accuracy (default); sdc1, answers that faults change in silence; sdc10, "
        "sdc20, confidences that move by more than 10, 20 %% of themselves; due, logits that are not finite",
    )


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
    return SweepSpec(
        checkpoint=arguments.checkpoint,
        data=arguments.data,
        encoding=arguments.encoding or "int8",
        fault=arguments.fault,
        layers=arguments.layers,
        planes=arguments.planes,
        bers=arguments.ber,
        maps=MAPS if arguments.maps is None else arguments.maps,
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


def named(add: Callable[[argparse.ArgumentParser], None], words: Sequence[str]) -> list[str]:
    """The options of a command that these words name, in its order, also where they name the default.

    Args:
        add: gives a parser the command's options.
        words: as they were typed, and read without a complaint before.

    >>> named(lambda parser: parser.add_argument("--seed", type=int, default=0), ["sweep", "--seed", "0"])
    ['seed']
    """
    parser, unsaid = argparse.ArgumentParser(add_help=False), object()
    add(parser)
    known = vars(parser.parse_known_args(words)[0])
    parser.set_defaults(**dict.fromkeys(known, unsaid))
    return [name for name, value in vars(parser.parse_known_args(words)[0]).items() if value is not unsaid]


def alone(
    add: Callable[[argparse.ArgumentParser], None], words: Sequence[str], beside: Sequence[str], why: str
) -> None:
    """Refuses options that would change nothing, since a file says what they say.

    Args:
        add, words: as for ``named``.
        beside: the options that such a file takes all the same.
        why: what the file says, the start of the sentence.

    Raises:
        ValueError: one of the others is named.
    """
    idle = [f"--{name.replace('_', '-')}" for name in named(add, words) if name not in beside]
    if idle:
        raise ResqError(f"{why}, so it takes no {', '.join(idle)} beside it; name a checkpoint to use that")


def file_spec(arguments: argparse.Namespace) -> SweepSpec:
    """What was asked of a deployed file, checked as a sweep is."""
    fields = {name: getattr(arguments, name) for name in ("checkpoint", "data", "targets", "n", "seed")}
    return SweepSpec(**fields, encoding=arguments.encoding or AS_STORED, inputs=inputs(arguments))


def dump(value: Any) -> str:
    """JSON with null where a number is not defined: NaN is no JSON."""
    return json_text.dumps(value)


def line(row: Any, total: int = 1) -> str:
    """What ``--stream`` prints of a result in one piece: how many rows there are, and it as the only row."""
    return f"{json.dumps({'total': total})}\n{json_text.dumps({'row': row}, indent=None)}"


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
