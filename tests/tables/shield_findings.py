"""What the confirmed studies of one shield say: a finding of the README, and where they part."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tests.tables.asymmetry_tables import span
from tests.tables.shield_tables import CONFIRMED, in_a_word, milder, points, strong_gains, summary

DRAWN = "signs-resnet20"
THINGS = "cifar10-resnet20"
PICTURES = {
    CONFIRMED: "photographs of traffic signs (GTSRB)",
    THINGS: "photographs of ten kinds of things (CIFAR-10)",
    DRAWN: "rendered signs",
}
# What may stand in bold above the studies, by their verdicts at one clean accuracy; others want other words.
HEADLINES = {
    ("asymmetric", "asymmetric as claimed", "reversed"):
        "A shield against faults helps under attack (PGD) too; whether the reverse does turns with the "
        "pictures and with the budget of adversarial training.",
}  # fmt: skip


def headline() -> list[str]:
    """The confirmed studies as one of the README's findings."""
    studies = {name: summary(name) for name in PICTURES}
    words = HEADLINES[tuple(found["alike"]["verdict"] for found in studies.values())]
    (study,) = {_setting(found) for found in studies.values()}
    assert all(found["alike"]["effects"]["X_FA"]["low"] > 0 for found in studies.values())
    helped = {name for name, found in studies.items() if found["alike"]["effects"]["X_AF"]["low"] > 0}
    assert helped == {DRAWN}  # at the studies' budget
    return [
        f"4. **{words}** ResNet-20 {study}; designs stood before their runs. What bit-error training changes "
        "of R_A, the mean accuracy under PGD to 8/255 (an upper bound), and adversarial training of R_F, "
        "that over bit error rates to 0.1, on the images that the plain and both hardened networks of "
        "every seed get right where nothing is wrong, and on all; Lambda is the first less the second as "
        f"shares of the direct gains. {_milder()} APGD, a stronger attack, was asked of {_asked()}. Each "
        "interval is 95 % over seeds, maps and images, of its own "
        "([studies](docs/results.md#photographs), [design](assets/specs/asymmetry/design.md)):",
        "",
        "   | pictures | always right | bit errors, R_A | attacks, R_F | Lambda | all: R_A | R_F | cost |",
        "   |---|---|---|---|---|---|---|---|",
        *(_line(PICTURES[name], found) for name, found in studies.items()),
    ]


def _milder() -> str:
    """What a milder adversarial training changes, at one clean accuracy."""
    (eps, signs), (same, things) = (milder(name) or (0, {}) for name in (CONFIRMED, THINGS))
    assert eps == same > 0
    effects = [found["alike"]["effects"] for found in (signs, things)]
    assert all(one["X_AF"]["low"] > 0 > one["Lambda"]["high"] for one in effects)
    own = things["own"]["effects"]["X_AF"]
    assert own["low"] < 0 < own["high"]
    return (
        f"Trained at {eps:g}/255 instead of 8 it helps under faults on photographs of signs, "
        f"{points(effects[0]['X_AF'])}, and of things, {points(effects[1]['X_AF'])}, the latter open where "
        f"each seed has images of its own, {points(own)}; Lambda is below 0 on both "
        "([a milder shield](docs/results.md#milder))."
    )


def _asked() -> str:
    """How many seeds' gain of bit-error training APGD was asked for, and of how many it is clear."""
    gains = strong_gains("f")
    clear = f"clear of 0 in {sum(gain.low > 0 for gain in gains)} of them"
    return f"{len(gains)} seeds on photographs alone, at one budget ([{clear}](docs/adversarial.md))"


def _setting(found: Mapping[str, Any]) -> str:
    """What the studies have alike; where they differ there is no such sentence."""
    study = found["study"]
    return (
        f"in `{study['encoding']}`, {found['effects']['seeds']} seeds with a base of their own each, "
        f"{study['n']:,} test images, {study['maps']} fault maps"
    )


def _line(pictures: str, found: Mapping[str, Any]) -> str:
    """A study at one clean accuracy, then on all images with what adversarial training costs there."""
    alike, whole = found["alike"]["effects"], found["effects"]
    cells = [
        pictures,
        f"{found['alike']['n']:,}",
        *(points(alike[name]) for name in ("X_FA", "X_AF")),
        span(alike["Lambda"], 2),
        *(points(whole[name]) for name in ("X_FA", "X_AF")),
        f"{cost(found):.1f} points of clean accuracy",
    ]
    return f"   | {' | '.join(cells)} |"


def turning() -> list[str]:
    """By the effects at one clean accuracy, a line for each study, and what differs between them."""
    studies = {name: summary(name) for name in PICTURES}
    effects = {name: found["alike"]["effects"] for name, found in studies.items()}
    rates = ", ".join(format(found["study"]["lr"], "g") for found in studies.values())
    return [
        f"**Where it turns.** At one clean accuracy, {len(studies)} studies:",
        "",
        *(_part(PICTURES[name], effects[name], studies[name]) for name in PICTURES),
        "",
        f"{_signs(effects)} More than the pictures differs between the studies: learning rates ({rates}), "
        "the images of an epoch, and the precision of training. One thing that makes a difference is how far "
        "images are moved in adversarial training, as the next table shows.",
    ]


def _part(pictures: str, own: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """What each shield does to the other threat in one study."""
    share, per_seed = 100 * own["X_FA"]["mean"] / own["D_A"]["mean"], found["own"]["effects"]["X_AF"]
    return (
        f"- On {pictures} ({found['alike']['n']:,} images) bit-error training {in_a_word(own['X_FA'])} under "
        f"attack, {points(own['X_FA'])}, {share:.0f} % of what adversarial training gains there; adversarial "
        f"training {in_a_word(own['X_AF'])} under faults, {points(own['X_AF'])} (each seed on images of its "
        f"own: {points(per_seed)}) beside {points(own['D_F'])} of bit-error training, and costs "
        f"{cost(found):.1f} points of accuracy on all images."
    )


def cost(found: Mapping[str, Any]) -> float:
    """What adversarial training costs of accuracy without faults, in points."""
    clean = {name: row["clean"] for name, row in found["means"].items()}
    return 100 * (clean["00"] - clean["a"])


def _signs(effects: Mapping[str, Mapping[str, Any]]) -> str:
    """Whether Lambda, a difference of shares, has one sign; and what the effects in points say of it."""
    signs = {np.sign(one["Lambda"]["mean"]) for one in effects.values()}
    assert len(signs) == 2, "one sign in all studies wants another sentence"
    assert all(one["X_FA"]["mean"] > one["X_AF"]["mean"] for one in effects.values())
    return (
        "So the sign of Lambda, a difference of shares, is not the same in all; in points, bit-error "
        "training gives more under attack than adversarial training under faults in each (not tested "
        "against each other)."
    )


TABLES: dict[str, Callable[[], list[str]]] = {"one-shield": headline, "turning": turning}
