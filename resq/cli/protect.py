"""What to store and how: the cheapest protection, layer by layer, that keeps what is asked at a rate."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from tqdm import tqdm

from resq.cli import options
from resq.core import paths


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("checkpoint", help="data/network/variant or the path of a checkpoint")
    parser.add_argument(
        "--ber", type=float, required=True, help="the bit error rate of the memory, such as 1e-2"
    )
    parser.add_argument(
        "--keep", type=float, default=0.99, help="share of the accuracy to be kept there (default 0.99)"
    )
    parser.add_argument("--bits", type=float, default=math.inf, help="most stored bits a weight")
    parser.add_argument(
        "--time", type=float, default=math.inf,
        help="most time of a pass of one image with all words decoded in C, over that without, such as 1.05",
    )  # fmt: skip
    parser.add_argument(
        "--encoding", default="", help="of the unprotected words, one byte each (default: the network's own)"
    )
    parser.add_argument("--fault", default="random", help="fault model (default random)")
    parser.add_argument("--n", type=int, default=500, help="held-out images that decide (default 500)")
    parser.add_argument("--maps", type=int, default=4, help="fault maps that decide (default 4)")
    parser.add_argument("--test", type=int, default=500, help="test images that confirm once (default 500)")
    parser.add_argument("--test-maps", type=int, default=10, help="fault maps that confirm (default 10)")
    parser.add_argument(
        "--out", type=Path, help="folder of the files to deploy and the report (default: work/protect/...)"
    )


def run(arguments: argparse.Namespace) -> None:
    """Searches, with a progress bar on standard error, and prints the answer."""
    from resq.protect import answer  # torch

    names = (
        "checkpoint",
        "ber",
        "keep",
        "bits",
        "time",
        "encoding",
        "fault",
        "n",
        "maps",
        "test",
        "test_maps",
    )
    wanted = answer.Wanted(**{name: getattr(arguments, name) for name in names})
    folder = arguments.out or paths.work() / "protect" / f"{Path(wanted.checkpoint).name}-{wanted.ber:g}"
    with tqdm(desc=wanted.checkpoint, unit="pass", leave=False, delay=1) as bar:

        def progress(done: int, most: int) -> None:
            bar.total = most
            bar.update(done - bar.n)

        result = answer.protect(wanted, folder, progress)
    if arguments.json:
        print(options.dump({**result, "folder": str(folder)}))
        return
    print(answer.sentence(result))
    print(answer.against(result))
    print(
        f"{result['passes']} passes; a plain grid takes {result['grid_passes']}. Files and report: {folder}"
    )
