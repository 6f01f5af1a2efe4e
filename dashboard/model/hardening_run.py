"""A hardening run as the page builds it: what the form says, the command, a file of it. No streamlit.

Importing is cheap; what needs torch, the list of stages and their options, is imported where it is asked for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dashboard.format import numbers
from resq.checkpoints import ancestry
from resq.core import commands
from resq.core.errors import ResqError
from resq.measure.analysis import intervals, stats

# The one option of each stage that a visitor meets first: stage -> (option, name, choices).
FIRST: dict[str, tuple[str, str, tuple[Any, ...]]] = {
    "adversarial": ("eps", "eps of the attack, 1/255", (2.0, 4.0, 8.0, 12.0)),
    "bit_error": ("rate", "bit error rate", (0.001, 0.005, 0.01, 0.02, 0.05, 0.1)),
    "quantize": ("encoding", "stored as", ("int8", "int8-mse", "int4-tmr2", "int4")),
}


@dataclass(frozen=True)
class HardenSpec:
    """Everything that decides a hardening run.

    Attributes:
        stages: these stages of the preset, in its order.
        changes: (stage.option, value) over the preset's.
    """

    base: str
    preset: str
    stages: tuple[str, ...]
    changes: tuple[tuple[str, Any], ...] = ()
    epochs_scale: float = 1.0
    seed: int = 0

    @property
    def hash(self) -> str:
        """16 hex digits that change with any field."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    @property
    def variant(self) -> str:
        """Name of the result, the same for the same run."""
        return f"{self.preset}-{self.hash[:6]}"

    @property
    def result(self) -> str:
        """The checkpoint that the run makes."""
        return f"{self.base.rpartition('/')[0]}/{self.variant}"

    @property
    def total(self) -> int:
        """Epochs of all stages."""
        return self.plan().epochs

    @property
    def trains(self) -> bool:
        """Whether any of its stages has epochs."""
        return any("epochs" in options for _, options in self.plan().stages)

    def plan(self) -> Any:
        """The run with every option filled in.

        Raises:
            ValueError: a stage or option that there is not, or no stage.
        """
        from resq.training import presets  # torch

        if not self.stages:
            raise ResqError("no stage is chosen; a run needs at least one")
        changes: dict[str, dict[str, Any]] = {}
        for name, value in self.changes:
            stage, _, option = name.partition(".")
            changes.setdefault(stage, {})[option] = value
        return presets.plan(
            self.base, self.preset, only=self.stages, changes=changes,
            epochs_scale=self.epochs_scale, seed=self.seed, variant=self.variant,
        )  # fmt: skip

    def argv(self) -> list[str]:
        """The words after ``python -m resq`` that run it."""
        arguments = ["harden", self.base, "--preset", self.preset, "--stages", ",".join(self.stages)]
        for name, value in self.changes:
            arguments += ["--set", f"{name}={value}"]
        if self.epochs_scale != 1:
            arguments += ["--epochs-scale", commands.number(self.epochs_scale)]
        return [*arguments, "--seed", str(self.seed), "--variant", self.variant, "--overwrite"]

    @property
    def command(self) -> str:
        """What runs it in a terminal."""
        return commands.line(self.argv())


def preset_file(spec: HardenSpec) -> str:
    """The run as a preset's TOML, every option written out, so that it stays what it was."""
    return plan_file(spec.plan(), f"made on the Harden page from preset {spec.preset}")


def plan_file(plan: Any, about: str) -> str:
    """A plan as a preset's TOML, every option written out."""
    lines = [
        f"# {commands.line(['harden', plan.base, '--preset', 'FILE.toml', '--seed', str(plan.seed)])}",
        f'about = "{about}"',
        f"images = {plan.images}",
    ]
    for name, options in plan.stages:
        lines += ["", "[[stage]]", f'name = "{name}"']
        # JSON's numbers, strings, booleans and lists are TOML's as well.
        lines += [f"{option} = {json.dumps(value)}" for option, value in options.items()]
    return "\n".join(lines) + "\n"


def plan_of(card: Mapping[str, Any]) -> Any:
    """The plan that a hardened checkpoint was made by, from its card; None where the card does not hold it.

    The card keeps the plan's hash, so what is told here is what ran.
    """
    from resq.training import presets  # torch
    from resq.training.tuning.stage_eval import EvalConfig

    stages = tuple((stage["name"], stage["options"]) for stage in card["stages"])
    for images in (0, card["train"]["n"]):  # the card says how many there were, not how many were asked for
        plan = presets.Plan(
            card["base"]["name"], card["name"], stages, card["preset"], images, card["seed"],
            EvalConfig(**card["look"]),
        )  # fmt: skip
        if plan.hash == card["plan"]:
            return plan
    return None


def planned(plan: Any) -> str:
    """A plan in a sentence: from what, by which stages, with which main option.

    >>> from resq.training import presets
    >>> planned(presets.plan("signs/resnet20/base", "quick", only=["bit_error"]))
    'From signs/resnet20/base by bit-error (3 epochs, bit error rate 0.05); seed 0.'
    """
    parts = []
    for name, options in plan.stages:
        details = [f"{options['epochs']} epochs"] if "epochs" in options else []
        if name in FIRST:
            option, label, _ = FIRST[name]
            details.append(f"{label} {options[option]}")
        named = name.replace("_", "-")
        parts.append(f"{named} ({', '.join(details)})" if details else named)
    return f"From {plan.base} by {' and '.join(parts)}; seed {plan.seed}."


def seconds(spec: HardenSpec, per_image: float, images: int) -> float:
    """Estimated time of training.

    Args:
        per_image: seconds of one forward and backward pass of the base on one image.
        images: training images that there are.
    """
    from resq.training.stages import STAGES

    plan = spec.plan()
    n = min(plan.images or images, images)
    passes = sum(STAGES[name].passes(o) * o.get("epochs", 0) for name, o in plan.stages)
    return passes * n * per_image


FORWARD = 1 / 3  # of a forward and backward pass: the backward one takes twice the forward one's products


def judging_seconds(spec: HardenSpec, per_image: float) -> float:
    """Estimated time of judging on validation images: before the first stage, after each, in every epoch.

    Args:
        per_image: as of ``seconds``.
    """
    plan, passes = spec.plan(), 0.0
    for _, options in plan.stages:
        # The floor is looked up first, then every epoch is held against it.
        passes += FORWARD * options.get("n_valid", 0) * (options.get("epochs", 0) + 1)
    look = plan.look  # clean and on each fault map; PGD's steps, and its images once more
    one = FORWARD * (look.n * (1 + look.maps) + look.attacked) + look.attacked * look.steps
    return (passes + one * (len(plan.stages) + 1)) * per_image


def steps(spec: HardenSpec, rows: list[dict[str, Any]], active: bool) -> list[tuple[str, str, str]]:
    """Every stage with its state (queued, running, done, stopped) and a word on its progress."""
    stages_so_far, current = [], rows[-1]["stage"] if rows else spec.stages[0]
    for name in spec.stages:
        own = [row for row in rows if row["stage"] == name]
        ended = bool(own) and own[-1]["epoch"] >= own[-1]["epochs"]
        progress = f"epoch {own[-1]['epoch']} of {own[-1]['epochs']}" if own else ""
        if ended:
            state = "done"
        elif not active:
            state = "stopped" if own else "queued"
        else:
            state = "running" if own or name == current or _next(spec, rows) == name else "queued"
        stages_so_far.append((name, state, progress))
    return stages_so_far


def _next(spec: HardenSpec, rows: list[dict[str, Any]]) -> str:
    """The stage that comes after those that have ended."""
    ended = {row["stage"] for row in rows if row["epoch"] >= row["epochs"]}
    return next((name for name in spec.stages if name not in ended), "")


def looks(card: dict[str, Any]) -> list[dict[str, Any]]:
    """What the card of a hardened checkpoint says of each point in time: before, then after each stage."""
    stages = card.get("stages") or []
    points = [("before", stages[0]["before"])] if stages else []
    points += [(stage["name"], stage["after"]) for stage in stages]
    return [
        {
            "after": name,
            "clean": at["clean"],
            "faulty": at["faulty"]["mean"],
            "least": at["faulty"]["least"],
            "under": at["faulty"],
            "attacked": at["attacked"]["accuracy"],
            "encoding": at["encoding"],
            "bits": at["stored_bits"],
            "rate": at["faulty"]["rate"],
            "maps": at["faulty"]["maps"],
            "eps": at["attacked"]["eps"],
            "steps": at["attacked"]["steps"],
            "starts": at["attacked"].get("starts", 1),  # earlier cards do not say it: it was one
            "seed": card.get("seed", 0),
            "n": at["n"],
            "n_attacked": at["attacked"]["n"],
        }
        for name, at in points
    ]


def images_of(look: dict[str, Any], key: str) -> int:
    """How many images "clean", "faulty" or "attacked" of a look was counted on."""
    return int(look["n_attacked" if key == "attacked" else "n"])


def interval(look: dict[str, Any], key: str) -> tuple[float, float]:
    """The 95 % interval over images, Wilson's; of "faulty" over fault maps and images together."""
    if key == "faulty":
        return intervals.of_looks(look["under"], images_of(look, key))
    return stats.wilson(look[key], images_of(look, key))


def _kept(looks: list[dict[str, Any]]) -> str:
    """Where a card keeps too little of its maps: how wide the intervals are then."""
    if all("correct" in look["under"] for look in looks):
        return ""
    return ", as wide as the mean and the worst of them allow"


def changed(card: dict[str, Any]) -> str:
    """What a run changed, in words, each figure with its interval, its images and words; what it lacks."""
    points = looks(card)
    first, last = points[0], points[-1]

    def both(key: str) -> str:
        values = [(look[key], *interval(look, key)) for look in (first, last)]
        return " → ".join(f"{numbers.percent(v)} ({100 * a:.1f} to {100 * b:.1f})" for v, a, b in values)

    encodings, kinds = (first["encoding"], last["encoding"]), ancestry.few_classes(card)
    where = (
        f"in {encodings[0]}" if encodings[0] == encodings[1] else f"in {encodings[0]}, then in {encodings[1]}"
    )
    worst = (
        f"worst of {first['maps']} maps {numbers.percent(first['least'])} → {numbers.percent(last['least'])}"
    )
    more = (
        ""
        if encodings[0] == encodings[1]
        else " The words changed too, so this is not what training alone gives."
    )
    return (
        f"On {first['n']} validation images{kinds[0]}, held out of the training split for these stages, "
        f"{where}, seed {first['seed']}: clean {both('clean')}; "
        f"at BER {first['rate']:g}, where bits flip independently, {both('faulty')}, {worst}; under "
        f"{attack(first)}, an upper bound, on {first['n_attacked']} of them{kinds[1]} {both('attacked')}. "
        f"In brackets: 95 % over images, at the BER over fault maps too{_kept(points)}.{more} "
        f"{untested(points)} {ancestry.optimism(card)}".strip()
    )


def attack(look: dict[str, Any]) -> str:
    """The attack of a look: its steps, its random starts and its budget."""
    starts = f"{look['starts']} random start{'s' * (look['starts'] > 1)}"
    return f"PGD-{look['steps']} ({starts}) at {look['eps']:g}/255"


def untested(looks: list[dict[str, Any]]) -> str:
    """That no change is tested, and at which of the three the intervals before and after overlap."""
    ends = {
        name: [interval(look, key) for look in (looks[0], looks[-1])]
        for key, name in (("clean", "clean"), ("faulty", "at the BER"), ("attacked", "under attack"))
    }
    apart = [name for name, (a, b) in ends.items() if a[1] < b[0] or b[1] < a[0]]
    near = [name for name in ends if name not in apart]
    parts = [
        f"{verb} ({', '.join(names)})" for verb, names in (("overlap", near), ("lie apart", apart)) if names
    ]
    return (
        "No change and no end of an interval is tested, nor is anything paired, though the images are the "
        f"same; before and after, intervals {' and '.join(parts)}."
    )
