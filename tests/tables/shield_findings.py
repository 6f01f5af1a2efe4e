"""What the confirmed studies of one shield say: a finding of the README, and where they part."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.tables.asymmetry_tables import span
from tests.tables.shield_tables import CONFIRMED, in_a_word, points, summary

DRAWN = "signs-resnet20"
PICTURES = {CONFIRMED: "photographs of traffic signs (GTSRB)", DRAWN: "rendered signs"}
# What may stand in bold above both studies, by their verdicts at one clean accuracy; others want other words.
HEADLINES = {
    ("asymmetric", "reversed"): "A shield against faults helps against attacks too; "
                                "how much the reverse does depends on the pictures.",
}  # fmt: skip


def headline() -> list[str]:
    """The confirmed studies as one of the README's findings."""
    studies = {name: summary(name) for name in PICTURES}
    words = HEADLINES[tuple(found["alike"]["verdict"] for found in studies.values())]
    (study,) = {_setting(found) for found in studies.values()}
    assert all(found["alike"]["effects"]["X_FA"]["low"] > 0 for found in studies.values())
    return [
        f"4. **{words}** ResNet-20 {study}; designs stood before their runs. What bit-error training changes "
        "of R_A, the mean accuracy under PGD to 8/255 (an upper bound), and adversarial training of R_F, "
        "that over bit error rates to 0.1, on the images that all networks of a study get right where "
        "nothing is wrong, and on all; Lambda is the first less the second as shares of the direct gains. "
        "Each interval is 95 % over seeds, maps and images, of its own "
        "([studies](docs/results.md#photographs), [design](assets/specs/asymmetry/design.md)):",
        "",
        "   | pictures | always right | bit errors, R_A | attacks, R_F | Lambda | all: R_A | R_F | cost |",
        "   |---|---|---|---|---|---|---|---|",
        *(_line(PICTURES[name], found) for name, found in studies.items()),
    ]


def _setting(found: Mapping[str, Any]) -> str:
    """What both studies have alike; where they differ there is no such sentence."""
    study = found["study"]
    return (
        f"in `{study['encoding']}`, {found['effects']['seeds']} seeds with a base of their own each, "
        f"{study['n']:,} test images, {study['maps']} fault maps"
    )


def _line(pictures: str, found: Mapping[str, Any]) -> str:
    """A study at one clean accuracy, then on all images with what adversarial training costs there."""
    alike, whole = found["alike"]["effects"], found["effects"]
    clean = {name: row["clean"] for name, row in found["means"].items()}
    cells = [
        pictures,
        f"{found['alike']['n']:,}",
        *(points(alike[name]) for name in ("X_FA", "X_AF")),
        span(alike["Lambda"], 2),
        *(points(whole[name]) for name in ("X_FA", "X_AF")),
        f"{100 * (clean['00'] - clean['a']):.1f} points of clean accuracy",
    ]
    return f"   | {' | '.join(cells)} |"


def turning() -> list[str]:
    """In words, by the effects at one clean accuracy, what both studies say and where they part."""
    studies = {name: summary(name) for name in PICTURES}
    effects = {name: found["alike"]["effects"] for name, found in studies.items()}
    both = " and ".join(f"{points(effects[n]['X_FA'])} on {PICTURES[n]}" for n in PICTURES)
    parts = "; ".join(
        f"on {PICTURES[n]} adversarial training {in_a_word(e['X_AF'])} under faults, {points(e['X_AF'])} "
        f"beside {points(e['D_F'])} of bit-error training, and bit-error training has "
        f"{100 * e['X_FA']['mean'] / e['D_A']['mean']:.0f} % of what adversarial training gains under attack"
        for n, e in effects.items()
    )
    assert all(one["X_FA"]["mean"] > one["X_AF"]["mean"] for one in effects.values())
    rates = " and ".join(format(found["study"]["lr"], "g") for found in studies.values())
    return [
        f"**Where it turns.** At one clean accuracy bit-error training helps under attack in both studies, "
        f"{both}. The reverse is where they part: {parts}. So the sign of Lambda, a difference of shares, is "
        "not the same on both; in points, bit-error training gives more under attack than adversarial "
        "training under faults on both (not tested against each other). More than the pictures differs "
        f"between the studies: learning rates ({rates}), the images of an epoch, and the precision of "
        "training. What makes the difference is not known.",
    ]


TABLES: dict[str, Callable[[], list[str]]] = {"one-shield": headline, "turning": turning}
