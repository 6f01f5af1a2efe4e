"""Where rows come from, in words and commands: what a report says beside its figures."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from resq import checkpoints
from resq.claims import registry
from resq.claims.registry import Claim
from resq.core.errors import ResqError
from resq.measure.analysis import drawn_images
from resq.measure.specs import campaign, cells
from resq.measure.specs.campaign import CampaignSpec
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.specs.version import NUMBERS
from resq.measure.store import carry, database, rows_by_key, table

SERIES = [
    "checkpoint", "data", "encoding", "fault", "region", "attack", "steps", "restarts", "seed", "n", "axis",
    "sample", "precision", "inputs",
]  # fmt: skip
PROJECT = """@software{resq_lab,
  title = {{RESQ Lab}: quantized networks under bit flips and adversarial examples},
  note = {MIT licence}
}"""


def target(name: str) -> tuple[str, pd.DataFrame]:
    """(title, rows) of a parquet file, a shipped results file, a checkpoint, or a campaign.

    Args:
        name: of the file or checkpoint; of a campaign its .toml file, or its id as ``resq store`` says it.

    Raises:
        ValueError: there are no rows of that name; the sentence says what there is.
    """
    if name.endswith(".parquet"):
        if not Path(name).is_file():
            raise ResqError(f"no rows at {name}")
        return Path(name).stem, _current(Path(name))
    if (file := table.SHIPPED / f"{name}.parquet").is_file() and not name.endswith("-layers"):
        return name, _current(file)
    begun = {run["hash"]: run["spec"] for run in rows_by_key.runs()} if database.there() else {}
    if name in begun:
        return _campaign(f"campaign {name}", campaign.parse(begun[name], f"campaign {name}"))
    if name.endswith(".toml"):
        return _campaign(Path(name).stem, campaign.read(Path(name)))
    shipped = table.shipped()
    own = rows_by_key.rows(checkpoint=name) if database.there() else table.frame([])
    rows = table.drop_repeated(pd.concat([shipped[shipped["checkpoint"] == name], own], ignore_index=True))
    if rows.empty:
        files = ", ".join(sorted(f.stem for f in table.SHIPPED.glob("*.parquet"))) or "none"
        known = ", ".join(checkpoints.names()) or "none"
        raise ResqError(f"no rows of {name!r}; results: {files}; checkpoints: {known}; or a .parquet file")
    return name, rows


def _current(file: Path) -> pd.DataFrame:
    """The rows of a file that count as the present numbers do, each cell once.

    Raises:
        ValueError: it has rows, and none of them does.
    """
    stored_rows = table.read(file)
    if len(rows := carry.current(stored_rows)) or stored_rows.empty:
        return table.drop_repeated(rows)
    raise ResqError(
        f"all {len(stored_rows)} rows of {file.name} are of older numbers than {NUMBERS} and would be others "
        "today: measure them again"
    )


def _campaign(title: str, spec: CampaignSpec) -> tuple[str, pd.DataFrame]:
    """The rows of a campaign's cells, as far as they are measured."""
    wanted, shipped = cells.keys(spec.cells()), table.shipped()
    own = rows_by_key.by_key(wanted) if database.there() else table.frame([])
    rows = table.drop_repeated(pd.concat([shipped[shipped["key"].isin(wanted)], own], ignore_index=True))
    if rows.empty:
        raise ResqError(f"no cell of {title} is measured yet: python -m resq campaign runs it")
    missing = len(set(wanted)) - len(rows)
    return title + (f", {len(rows)} of {len(rows) + missing} cells" if missing else ""), rows


def specs(rows: pd.DataFrame) -> list[SweepSpec]:
    """The sweeps that measure these rows again, one per series under faults, under attack or under both.

    Rows of chosen layers or bits are left out: no sweep of this form gives them.
    """
    joint = rows[(rows["region"] == "all") & (rows["axis"] == "joint")]
    return [*_apart(rows), *_together(joint)]


def _together(joint: pd.DataFrame) -> list[SweepSpec]:
    """The sweeps of joint rows: budgets that were measured at the same rates and maps are one sweep."""
    sweeps = []
    for _, part in joint.assign(drawn=_drawn(joint)).groupby([*SERIES, "mode", "drawn"], sort=False):
        grids: dict[tuple[Any, ...], list[float]] = {}
        for eps, line in part.groupby("eps"):
            maps = line.groupby("ber")["map"].max().to_dict()
            grids.setdefault((tuple(sorted(maps)), max(maps.values())), []).append(float(str(eps)))
        top = float(part["drawn"].max())
        sweeps += [_joint(part.iloc[0], bers, most + 1, eps, top) for (bers, most), eps in grids.items()]
    return sweeps


def _joint(first: pd.Series, bers: tuple[float, ...], maps: int, eps: list[float], top: float) -> SweepSpec:
    return SweepSpec(
        **_shared(first), fault=first["fault"], bers=bers, maps=maps, attack=first["attack"],
        eps=tuple(eps), steps=int(first["steps"]), restarts=int(first["restarts"]), modes=(first["mode"],),
        top=top if top > max(bers) and any(bers) else 0.0,
    )  # fmt: skip


def _apart(rows: pd.DataFrame) -> list[SweepSpec]:
    plain = rows[(rows["region"] == "all") & rows["axis"].isin(["ber", "eps"])]
    parts = plain.assign(drawn=_drawn(plain)).groupby([*SERIES, "drawn"], sort=False)
    return [_spec(part) for _, part in parts]


def _drawn(rows: pd.DataFrame) -> pd.Series:
    """The rate that each row's map was drawn at; without flips that of the other rows of its series."""
    most = rows.groupby(SERIES, sort=False)["top"].transform("max")
    return rows["top"].where(rows["ber"] > 0, most)


def _spec(part: pd.DataFrame) -> SweepSpec:
    first = part.iloc[0]
    shared = _shared(first)
    if first["axis"] == "ber":
        bers, maps, top = tuple(part["ber"]), int(part["map"].max()) + 1, float(part["drawn"].max())
        # Maps are drawn at the largest rate asked for, unless another is named.
        top = top if top > max(bers) and any(bers) else 0.0
        precision = str(first["precision"])
        return SweepSpec(**shared, fault=first["fault"], bers=bers, maps=maps, precision=precision, top=top)
    attack = {"attack": first["attack"], "steps": int(first["steps"]), "restarts": int(first["restarts"])}
    return SweepSpec(**shared, **attack, eps=tuple(part["eps"]))


def _shared(first: pd.Series) -> dict[str, Any]:
    """What a sweep has in common with its rows, whatever they are of."""
    return {
        "checkpoint": first["checkpoint"],
        "data": "" if first["checkpoint"].startswith(f"{first['data']}/") else first["data"],
        "encoding": first["encoding"],
        "n": int(first["n"]),
        "seed": int(first["seed"]),
        "sample": first["sample"],
        "inputs": first["inputs"],
    }


def commands(rows: pd.DataFrame) -> list[str]:
    """The commands that measure these rows again."""
    return [spec.command for spec in specs(rows)]


def methods(rows: pd.DataFrame) -> str:
    """How the rows were measured, as a paragraph that a paper could take over."""
    were = "was" if rows["checkpoint"].nunique() == 1 else "were"
    seeds = "seed" if rows["seed"].nunique() == 1 else "seeds"
    sentences = [
        f"{_list(rows['checkpoint'])} {were} evaluated on {_list(sorted(rows['n'].unique()))} test images of "
        f"{_list(rows['data'])}, weights stored as {_list(rows['encoding'])}.",
        _drawn_anew(rows[rows["sample"] == "random"]),
        _flips(rows[rows["axis"] == "ber"]),
        _spared(rows[rows["ber"] > 0]),
        _attacks(rows[rows["axis"] == "eps"]),
        f"Random draws follow from the {seeds} {_list(sorted(rows['seed'].unique()))}{_tops(rows)}.",
    ]
    return " ".join(filter(None, sentences))


def _drawn_anew(rows: pd.DataFrame) -> str:
    """Which images maps looked at that each drew its own, and what their intervals count."""
    if rows.empty:
        return ""
    kinds = rows[["n", "data", "images"]].drop_duplicates(["n", "data"]).itertuples(index=False, name=None)
    each = _list(drawn_images.described("random", n, name, images) for n, name, images in kinds)
    return f"Each fault map was measured on images of its own: {each}. {DRAWN_ANEW}"


DRAWN_ANEW = (
    "Their t interval over maps then holds which images were drawn, and Wilson's over the whole test set, "
    "which joins it, that the set has these images and no others."
)


def _tops(rows: pd.DataFrame) -> str:
    """The rates that maps were drawn at, which decide them beside the seed and the fault model."""
    tops = sorted({float(t) for t in rows["top"] if t > 0})
    return (
        f", the fault model and the rate that maps were drawn at, {_list(f'{t:g}' for t in tops)}"
        if tops
        else ""
    )


def _flips(rows: pd.DataFrame) -> str:
    if rows.empty:
        return ""
    maps = rows.groupby([*SERIES, "top", "ber"]).size().max()
    return (
        f"Bits of the stored words were hit by the fault model {_list(rows['fault'])}; the BER is "
        f"the probability per stored bit. Up to {maps} fault maps, each nested over the rates. Intervals "
        "count fault maps and images together: 95 % t intervals of the mean over maps and Wilson's over "
        "images, their distances from the mean added as squares (MOVER)."
    )


def _spared(rows: pd.DataFrame) -> str:
    """What beside the words of the weights was struck, and what was not."""
    targets = dict.fromkeys(rows["targets"])
    return " ".join(TARGETS.get(name, f"Of {name} the bits were struck.") for name in targets)


TARGETS = {
    "weights": "The words of the weights alone were struck: scales, zero points, norms and biases were "
    "spared, as if memory kept them without a fault.",
    "floats": "Scales, zero points, norms and biases were struck, and the words of the weights spared.",
    "all": "Scales, zero points, norms and biases were struck as the words of the weights were.",
}


def _attacks(rows: pd.DataFrame) -> str:
    if rows.empty:
        return ""
    how = [
        f"{a} ({s} steps, {r} start{'s' * (r != 1)})"
        for a, s, r in rows[["attack", "steps", "restarts"]].to_numpy()
    ]
    return (
        f"Adversarial examples were made by {_list(how)} in the maximum norm, budgets in 1/255 of the pixel "
        "range, against the fault-free quantized network, worst case over starts. Accuracies under FGSM "
        "and PGD are upper bounds of those under APGD and AutoAttack."
    )


def _list(values: Iterable[object]) -> str:
    """Distinct values in words.

    >>> _list(["a", "b", "a", "c"])
    'a, b and c'
    """
    distinct = [str(v) for v in dict.fromkeys(values)]
    return distinct[0] if len(distinct) == 1 else f"{', '.join(distinct[:-1])} and {distinct[-1]}"


def hashes(rows: pd.DataFrame) -> pd.DataFrame:
    """The distinct hashes behind the rows: of weights, images and code."""
    return rows[["checkpoint", "weights", "data", "n", "images", "code"]].drop_duplicates(ignore_index=True)


def claims(rows: pd.DataFrame) -> list[Claim]:
    """The claims that a network of these rows may answer."""
    names = set(rows["checkpoint"])
    return [c for c in registry.load().values() if names & {*c.networks, c.base}]


def bibtex(about: Iterable[Claim]) -> str:
    """What to cite: this project, RESQ, and the sources of the claims shown."""
    sources = [c.source for c in registry.load().values() if c.source.label == "paper"]
    entries = [s.bibtex.strip() for s in [*sources, *(c.source for c in about)] if s.bibtex]
    return "\n\n".join(dict.fromkeys([PROJECT, *entries]))
