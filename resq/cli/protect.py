"""What to store and how: the cheapest protection, layer by layer, that keeps what is asked at a rate."""

from __future__ import annotations

import argparse
import math
from dataclasses import fields
from pathlib import Path

from tqdm import tqdm

from resq.cli import options
from resq.core import paths


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument(
        "checkpoint", help="data/network/variant, the path of a checkpoint, or a deployed file"
    )
    parser.add_argument(
        "--ber", type=float, required=True, help="the bit error rate of the memory, such as 1e-2"
    )
    parser.add_argument(
        "--keep", type=float, default=0.99, help="share of the accuracy to be kept there (default 0.99)"
    )
    parser.add_argument("--bits", type=float, default=math.inf, help="most stored bits a weight")
    parser.add_argument(
        "--time", type=float, default=math.inf,
        help="most time of a pass with all words decoded in C before it, over that without, such as 1.05",
    )  # fmt: skip
    parser.add_argument(
        "--batch", type=int, default=1, help="images of a pass that --time is about (default 1)"
    )
    parser.add_argument(
        "--encoding",
        default="",
        dest="plain",
        help="the only plain words that are mixed (default: several of 4, 6 and 8 bits)",
    )
    parser.add_argument("--fault", default="random", help="fault model (default random)")
    parser.add_argument("--n", type=int, default=500, help="held-out images that decide (default 500)")
    parser.add_argument("--maps", type=int, default=4, help="fault maps that decide (default 4)")
    parser.add_argument("--test", type=int, default=500, help="test images that confirm once (default 500)")
    parser.add_argument("--test-maps", type=int, default=10, help="fault maps that confirm (default 10)")
    parser.add_argument("--data", default="", help="of a deployed file: the data set of its images")
    options.add_inputs(parser)
    parser.add_argument(
        "--out", type=Path, help="folder of the files to deploy and the report (default: work/protect/...)"
    )


def run(arguments: argparse.Namespace) -> None:
    """Searches, with a progress bar on standard error, and prints the answer."""
    from resq.protect import answer, wording  # torch

    names = [field.name for field in fields(answer.Wanted)]
    given = {**vars(arguments), "encoding": arguments.plain, "inputs": options.inputs(arguments)}
    wanted = answer.Wanted(**{name: given[name] for name in names})
    folder = arguments.out or paths.work() / "protect" / f"{Path(wanted.checkpoint).name}-{wanted.ber:g}"
    with tqdm(desc=wanted.checkpoint, unit="pass", leave=False, delay=1) as bar:

        def progress(done: int, most: int) -> None:
            bar.total = most
            bar.update(done - bar.n)

        result = answer.protect(wanted, folder, progress)
    if arguments.json:
        text = {"sentence": wording.sentence(result), "against": wording.against(result)}
        print(options.dump({**result, **text, "folder": str(folder)}))
        return
    print(wording.sentence(result))
    print(wording.against(result))
    print(f"{wording.passes(result)} Files and report: {folder}")
