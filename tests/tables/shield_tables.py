"""Ways to harden, beside each other, as the study on photographs of signs says."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from resq.measure.analysis import asymmetry, paired, variance
from resq.measure.store import table
from resq.training import study as studies
from tests.tables import cost_tables
from tests.tables.asymmetry_tables import SPECS, span

CONFIRMED = "gtsrb-resnet20"
CALLED = {
    "a": "`adversarial` (A)",
    "f": "`bit_error` (F)",
    "multi": "`multi_rate`",
    "margin": "`margin`, after MCEL",
    "flat": "`flat` (SAM)",
}


DISPUTED = {
    "margin": "MCEL (arXiv:2603.05048) states a gain under faults, its abstract names no network.",
    "flat": "Sharpness-aware training is said to help (arXiv:2301.00675) and not to (arXiv:2504.01933).",
}


def further() -> list[str]:
    """What each way of hardening in the study on photographs changes of both areas, with its interval."""
    found = summary(CONFIRMED)
    whole, alike = found["effects"]["arrows"], found["alike"]["effects"]["arrows"]
    lines = [
        f"`{CONFIRMED}`, what each network changes beside 00, with 95 % over seeds, maps and images: R_F "
        f"under faults, R_A under PGD (an upper bound), on all {found['study']['n']:,} images and on the "
        f"{found['alike']['n']:,} that 00, A and F of every seed get right.",
        "",
        "| stage | seeds | R_F, all images | R_A, all images | R_F, one accuracy | R_A, one accuracy |",
        "|---|---|---|---|---|---|",
    ]
    for name, called in CALLED.items():
        if name not in whole:
            lines.append(f"| {called} | not measured | | | | |")
            continue
        cells = [span(one[name][area], 3) for one in (whole, alike) for area in ("R_F", "R_A")]
        lines.append(f"| {called} | {whole[name]['seeds']} | {' | '.join(cells)} |")
    disputed = [name for name in DISPUTED if name in whole]
    settled = [f"{DISPUTED[name]} {_settled(name, whole, alike)}" for name in disputed]
    count = 4 * len([name for name in CALLED if name in whole and name not in asymmetry.OWN])
    each = f"Each of these {count} intervals of further stages is of its own: some may miss by chance."
    return [*lines, "", " ".join([*settled, each])]


def _settled(name: str, whole: Mapping[str, Any], alike: Mapping[str, Any]) -> str:
    """In words whether a stage helps under faults, on all images and at one clean accuracy."""
    called = CALLED[name].partition(" ")[0].rstrip(",")
    return (
        f"Here {called} {in_a_word(whole[name]['R_F'])} under faults on all images, "
        f"{points(whole[name]['R_F'])}, and {in_a_word(alike[name]['R_F'])} at one clean accuracy, "
        f"{points(alike[name]['R_F'])}."
    )


def summary(name: str) -> dict[str, Any]:
    return dict(json.loads((table.SHIPPED / f"{name}-asymmetry.json").read_text()))


def milder(name: str) -> tuple[float, dict[str, Any]] | None:
    """The budget of the milder A of a study, and the study with it in A's place; None without such rows.

    Rows of 00 and F are the study's.
    """
    design = SPECS / f"{name}-mild.toml"
    if not design.with_suffix(".parquet").is_file():
        return None
    rows = table.read(table.SHIPPED / f"{name}-asymmetry.parquet")
    kept = rows[~rows["checkpoint"].str.contains("/asym-a-")]
    both = pd.concat([kept, table.read(design.with_suffix(".parquet"))], ignore_index=True)
    found, study = asymmetry.summary(both, {}), studies.read(design)
    assert found["effects"]["seeds"] == study.seeds, f"{design.stem} is not whole yet"
    return float(study.a["eps"]), found


def in_a_word(change: Mapping[str, float]) -> str:
    if change["low"] > 0:
        return "helps"
    return "harms" if change["high"] < 0 else "cannot be told to help or to harm"


def points(row: dict[str, float]) -> str:
    """A change of an area in percentage points, with its interval."""
    values = [100 * row[key] for key in ("mean", "low", "high")]
    # An end that is not 0 is not shown as 0: whether it lies above or below is what is asked.
    digits = 1 if all(round(abs(value), 1) for value in values[1:]) else 2
    mean, low, high = (f"{value:+.{digits}f}".replace("-", "−") for value in values)
    return f"{mean} points ({low} to {high})"


def strong() -> list[str]:
    """What APGD leaves of the study's networks, beside PGD on the same images: a gain may be a mask."""
    checked = table.read(SPECS / f"{CONFIRMED}-apgd.parquet")
    weak = table.read(table.SHIPPED / f"{CONFIRMED}-asymmetry.parquet")
    n, eps = int(checked["n"].iloc[0]), float(checked["eps"].iloc[0])
    seeds = len({asymmetry.named(name)[1] for name in checked["checkpoint"]})
    weak = weak[(weak["axis"] == "eps") & (weak["eps"] == eps)]
    lines = [
        f"The first {n} of the same test images at {eps:g}/255, {seeds} seeds: what APGD "
        "(cross-entropy, then targeted) leaves, and PGD of the study; in brackets 95 % of the difference "
        "from 00 of the same seed, paired by image.",
        "",
        "| stage | seed | PGD-10 | APGD | less 00's under APGD, points |",
        "|---|---|---|---|---|",
    ]
    for name in sorted(set(checked["checkpoint"]), key=_order):
        model, seed = asymmetry.named(name)
        own, plain = (_rows(checked, name.replace(f"-{model}-", f"-{m}-")) for m in (model, "00"))
        apart = "" if model == "00" else cost_tables.less(paired.difference(own, plain))
        pgd, apgd = variance.answers(_rows(weak, name))[0, :n].mean(), own["correct"].iloc[0] / n
        shares = " | ".join(f"{100 * share:.1f} %" for share in (pgd, apgd))
        lines.append(f"| {CALLED.get(model, '00')} | {seed} | {shares} | {apart} |")
    return lines


def strong_gains(model: str) -> list[paired.Difference]:
    """What a model keeps more than 00 of its seed under APGD, for each seed of the study that was asked."""
    checked = table.read(SPECS / f"{CONFIRMED}-apgd.parquet")
    own = sorted(name for name in set(checked["checkpoint"]) if asymmetry.named(name)[0] == model)
    return [
        paired.difference(_rows(checked, name), _rows(checked, name.replace(f"-{model}-", "-00-")))
        for name in own
    ]


def _order(name: str) -> tuple[int, int]:
    model, seed = asymmetry.named(name)
    return ["00", *CALLED].index(model), seed


def _rows(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    return rows[rows["checkpoint"] == name]


TABLES: dict[str, Callable[[], list[str]]] = {
    "further": further,
    "strong-shields": strong,
}
