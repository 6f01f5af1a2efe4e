"""Hardens a checkpoint against bit flips and attacks in stages, resumable; says what each one changed."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from resq import checkpoints, jobs
from resq.checkpoints import ancestry
from resq.cli import options
from resq.core import paths
from resq.core.errors import ResqError
from resq.measure.analysis import intervals, stats

if TYPE_CHECKING:
    from resq.training.presets import Plan


CANDIDATE = (
    "one of several versions to choose from: judged on the held-out part of the training images alone; "
    "test images are not looked at. Harden the chosen one without this"
)

UNTESTED = (
    "No change from line to line and no end of an interval is tested, nor is anything paired, though the "
    "images are the same."
)

BESIDE = ("base", "out", "candidate", "overwrite", "stream")  # what a list of checkpoints leaves open


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument(
        "base", help="the checkpoint to harden, data/network/variant; or a .toml list of checkpoints to make"
    )
    parser.add_argument(
        "--preset", default="quick", help="quick (default), plus, paper, article, protect, or a .toml file"
    )
    parser.add_argument(
        "--stages", type=_list, default=(), help="only these, in this order, such as bit_error,quantize"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="STAGE.OPTION=VALUE", help="may be repeated"
    )
    parser.add_argument("--epochs-scale", type=float, default=1.0, help="times the epochs of every stage")
    parser.add_argument("--n", type=int, help="train on the first N training images only; 0: all")
    parser.add_argument("--seed", type=int, default=0, help="decides shuffles, faults and random starts")
    parser.add_argument("--variant", default="", help="name of the result (default: the preset's)")
    parser.add_argument("--out", type=Path, help="folder of checkpoints (default: work/weights)")
    parser.add_argument("--candidate", action="store_true", help=CANDIDATE)
    parser.add_argument("--overwrite", action="store_true", help="replace a checkpoint of the same name")
    parser.add_argument("--stream", action="store_true", help="print rows as JSON lines, one per epoch")


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def run(arguments: argparse.Namespace) -> None:
    """Hardens, tests, saves and prints."""
    from resq.training import hardening_list, presets  # torch

    folder = arguments.out or paths.work() / "weights"
    if arguments.base.endswith(".toml"):
        options.alone(add, arguments.words, BESIDE, "a list of checkpoints says how each of them is made")
        _all(hardening_list.read(Path(arguments.base)), arguments, folder)
        return
    plan = presets.plan(
        arguments.base,
        arguments.preset,
        only=arguments.stages,
        changes=changes(arguments.set),
        epochs_scale=arguments.epochs_scale,
        seed=arguments.seed,
        variant=arguments.variant,
        images=arguments.n,
    )
    if arguments.stream:
        jobs.watch_parent()
        print(json.dumps({"total": plan.epochs}), flush=True)
    card = _one(plan, arguments, folder)
    if arguments.stream:
        print(json.dumps({"done": {"checkpoint": plan.result}}), flush=True)
    elif arguments.json:
        print(options.dump(card))


def _all(plans: list[Plan], arguments: argparse.Namespace, folder: Path) -> None:
    """Every plan of a list whose checkpoint is not there yet, in order."""
    if arguments.stream:
        jobs.watch_parent()
        print(json.dumps({"total": sum(plan.epochs for plan in plans)}), flush=True)
    cards = {}
    for plan in plans:
        there = plan.result in checkpoints.names() and not arguments.overwrite
        cards[plan.result] = checkpoints.card(plan.result) if there else _one(plan, arguments, folder)
        if there and not (arguments.stream or arguments.json):
            print(_there(plan, cards[plan.result]))
    if arguments.stream:
        print(json.dumps({"done": {"checkpoint": plans[-1].result}}), flush=True)
    elif arguments.json:
        print(options.dump({"checkpoints": cards}))


def _there(plan: Plan, card: Mapping[str, Any]) -> str:
    """That a checkpoint of a list is not made: what goes on from it would be another network's child."""
    if card.get("plan") == plan.hash:
        return f"{plan.result} is there already; --overwrite makes it anew"
    return (
        f"{plan.result} is there already, made by another plan than this list's (its options, images or seed "
        "differ); nothing was changed, and --overwrite makes it anew"
    )


def _one(plan: Plan, arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Makes one checkpoint, and prints what it became unless a machine listens."""
    from resq.training import harden  # torch

    file = folder / f"{plan.result}.safetensors"
    if file.exists() and not arguments.overwrite:
        raise ResqError(f"{file} exists already; --variant NAME keeps both, --overwrite replaces it")
    with Teller(plan.stages, arguments.stream, arguments.json) as teller:
        made = harden.harden(plan, teller.tell, quiet=arguments.stream)
    harden.publish(made, folder, test=not arguments.candidate)
    harden.forget(plan)
    card = checkpoints.card(str(file))
    if not (arguments.stream or arguments.json):
        _print(card, file)
    return card


class Teller:
    """A row per epoch to whoever listens: JSON lines, or a bar and lines with the estimated time left."""

    def __init__(self, stages: tuple[tuple[str, dict[str, Any]], ...], stream: bool, silent: bool) -> None:
        from resq.training.stages import STAGES

        self.stream, self.silent = stream, silent
        self.costs = {name: STAGES[name].passes(o) for name, o in stages}
        self.left = sum(self.costs[name] * o.get("epochs", 1) for name, o in stages)
        self.done, self.began = 0.0, time.monotonic()
        self.bar = tqdm(total=round(self.left, 1), unit="pass", leave=False, disable=stream or silent)

    def __enter__(self) -> Teller:
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def tell(self, row: dict[str, Any]) -> None:
        """One epoch has ended."""
        cost = self.costs[row["stage"]]
        self.done, self.left = self.done + cost, self.left - cost
        eta = (time.monotonic() - self.began) / self.done * self.left
        if self.stream:
            print(json.dumps({"row": {**row, "eta": round(eta, 1)}}), flush=True)
            return
        self.bar.update(cost)
        figures = ", ".join(f"{k} {row[k]:.3f}" for k in ("loss", "accuracy", "valid") if k in row)
        sentence = (
            f"{row['stage']} epoch {row['epoch']}/{row['epochs']}: {figures}; about {minutes(eta)} left"
        )
        if not self.silent:
            self.bar.write(sentence)


def minutes(seconds: float) -> str:
    """A time left, for people.

    >>> minutes(42.4), minutes(150)
    ('42 s', '2.5 min')
    """
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"


def changes(settings: list[str]) -> dict[str, dict[str, Any]]:
    """Options by stage, from words such as bit_error.rate=0.05.

    Raises:
        ValueError: not STAGE.OPTION=VALUE.
    """
    by_stage: dict[str, dict[str, Any]] = {}
    for text in settings:
        name, equals, value = text.partition("=")
        stage, dot, option = name.partition(".")
        if not (equals and dot and stage and option):
            raise ResqError(f"--set takes STAGE.OPTION=VALUE, such as bit_error.rate=0.05, got {text!r}")
        by_stage.setdefault(stage.strip(), {})[option.strip()] = _value(value.strip())
    return by_stage


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text  # a word, such as int4-tmr2


def _print(card: dict[str, Any], file: Path) -> None:
    first, test = card["stages"][0]["before"], card.get("test")
    looks = [("before", first), *[(s["name"], s["after"]) for s in card["stages"]]]
    attack, fault = first["attacked"], first["faulty"]
    starts, kinds = attack.get("starts", 1), ancestry.few_classes(card)
    print(
        f"On {first['n']} validation images{kinds[0]}, held out of the training split for these stages "
        f"({attack['n']} attacked{kinds[1]}, PGD-{attack['steps']} at {attack['eps']:g}/255 from {starts} "
        f"random start{'s' * (starts > 1)}, an upper bound; {fault['maps']} maps at BER "
        f"{fault['rate']:g}, bits flip independently; seed {card['seed']}; in brackets 95 % over images, "
        "under faults over maps too):"
    )
    options.print_table([_line(name, look) for name, look in looks])
    print(f"{UNTESTED} {ancestry.optimism(card)}".strip())
    back = [stage["name"] for stage in card["stages"] if stage.get("rolled_back")]
    if back:
        print(f"Rolled back, no epoch above the floor: {', '.join(back)}")
    judgement = "judged on held-out training images alone"
    if test:
        span = options.span(test["low"], test["high"])
        right = options.percent(test["accuracy"])
        judgement = f"{right} of {test['n']} test images correct (95 % over images: {span})"
    print(
        f"\n{card['name']} as {card['encoding']}: {judgement}, {card['minutes']:g} min of training; "
        f"written to {file}"
    )


def _rate(rate: float, n: int) -> str:
    """A rate and its 95 % interval over images."""
    return f"{options.percent(rate)} ({options.span(*stats.wilson(rate, n))})"


def _under(faulty: dict[str, Any], n: int) -> str:
    """An accuracy under faults and its 95 % interval over fault maps and images."""
    return f"{options.percent(faulty['mean'])} ({options.span(*intervals.of_looks(faulty, n))})"


def _line(name: str, look: dict[str, Any]) -> dict[str, str]:
    return {
        "after stage": name,
        "stored as": f"{look['encoding']} ({look['stored_bits']:g} bits)",
        "clean": _rate(look["clean"], look["n"]),
        "faulty": _under(look["faulty"], look["n"]),
        "worst map": options.percent(look["faulty"]["least"]),
        "attacked": _rate(look["attacked"]["accuracy"], look["attacked"]["n"]),
        "max|w|/sigma": f"{look['max_over_sigma']:.2f}",
    }
