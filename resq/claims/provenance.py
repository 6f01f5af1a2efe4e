"""Where rows come from, in words and commands: what a report says beside its figures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from resq import checkpoints
from resq.claims import registry
from resq.claims.registry import Claim
from resq.core.errors import ResqError
from resq.deployed import network
from resq.measure.run.campaign import stopped_cells
from resq.measure.specs import campaign, cells
from resq.measure.specs.campaign import CampaignSpec
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.specs.version import NUMBERS
from resq.measure.store import carry, database, known_rows, rows_by_key, table

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
    if (spec := _spec_of(name)) is not None:
        return _campaign(Path(name).stem if name.endswith(".toml") else f"campaign {name}", spec)
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


def _spec_of(name: str) -> CampaignSpec | None:
    """The campaign that a target is: of an id of this machine's store, or of a .toml file; else None."""
    begun = {run["hash"]: run["spec"] for run in rows_by_key.runs()} if database.there() else {}
    if name in begun:
        return campaign.parse(begun[name], f"campaign {name}")
    return campaign.read(Path(name)) if name.endswith(".toml") else None


def half(name: str) -> float:
    """The half-width, 0..1, at which the maps of this target stopped by a rule; 0: no rule stopped them.

    Args:
        name: as ``target`` takes it.
    """
    if name.endswith(".parquet") or (table.SHIPPED / f"{name}.parquet").is_file():
        return 0.0
    spec = _spec_of(name)
    return spec.half if spec else 0.0


def _campaign(title: str, spec: CampaignSpec) -> tuple[str, pd.DataFrame]:
    """The rows of a campaign's cells, as far as they are measured, with how many of how many it has."""
    wanted = spec.cells()
    keys = dict(zip(cells.keys(wanted), wanted, strict=True))
    rows = known_rows.by_key(list(keys))
    asked, least = stopped_cells.asked(spec, keys, rows) if spec.half else (list(keys), False)
    rows = table.drop_repeated(rows[rows["key"].isin(asked)])
    if rows.empty:
        raise ResqError(f"no cell of {title} is measured yet: python -m resq campaign runs it")
    if len(rows) == len(asked):
        return title, rows
    return f"{title}, {len(rows)} of {'at least ' * least}{len(asked)} cells", rows


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
        grids: dict[tuple[tuple[float, ...], int], list[float]] = {}
        for eps, line in part.groupby("eps"):
            for rates, maps in _alike(line):
                grids.setdefault((rates, maps), []).append(float(str(eps)))
        sweeps += [_joint(part, rates, maps, eps) for (rates, maps), eps in grids.items()]
    return sweeps


def _joint(part: pd.DataFrame, rates: tuple[float, ...], maps: int, eps: list[float]) -> SweepSpec:
    first = part.iloc[0]
    return SweepSpec(
        **_shared(first), fault=first["fault"], bers=rates, maps=maps, attack=first["attack"],
        eps=tuple(eps), steps=int(first["steps"]), restarts=int(first["restarts"]), modes=(first["mode"],),
        top=_top(part, rates),
    )  # fmt: skip


def _alike(part: pd.DataFrame) -> list[tuple[tuple[float, ...], int]]:
    """(rates, fault maps) of the sweeps that measure these rows and no others: of as many maps they are one.

    A campaign that stops by a rule has other numbers of maps at each rate: measured over the most of them, a
    rate would have another mean. Without flips one map stands for all, so it is of any sweep.
    """
    by_maps: dict[int, list[float]] = {}
    for ber, number in part.groupby("ber")["map"].max().items():
        by_maps.setdefault(int(number) + 1, []).append(float(str(ber)))
    if part["sample"].iloc[0] == "first" and by_maps.get(1) == [0.0] and len(by_maps) > 1:
        del by_maps[1]
        by_maps[max(by_maps)].append(0.0)
    return [(tuple(sorted(rates)), maps) for maps, rates in by_maps.items()]


def _top(part: pd.DataFrame, rates: tuple[float, ...]) -> float:
    """The rate that a sweep of these rates has to name for its maps; 0: the largest of its own is it.

    Older rows do not note it: of them it is the largest of all their rates.
    """
    top = float(part["drawn"].max()) or float(part["ber"].max())
    return top if top > max(rates) and any(rates) else 0.0


def _apart(rows: pd.DataFrame) -> list[SweepSpec]:
    plain = rows[(rows["region"] == "all") & rows["axis"].isin(["ber", "eps"])]
    parts = plain.assign(drawn=_drawn(plain)).groupby([*SERIES, "drawn"], sort=False)
    return [spec for _, part in parts for spec in _specs(part)]


def _drawn(rows: pd.DataFrame) -> pd.Series:
    """The rate that each row's map was drawn at; without flips that of the other rows of its series."""
    most = rows.groupby(SERIES, sort=False)["top"].transform("max")
    return rows["top"].where(rows["ber"] > 0, most)


def _specs(part: pd.DataFrame) -> list[SweepSpec]:
    first, shared = part.iloc[0], _shared(part.iloc[0])
    if first["axis"] == "ber":
        shared |= {"fault": first["fault"], "precision": str(first["precision"])}
        return [
            SweepSpec(**shared, bers=rates, maps=maps, top=_top(part, rates)) for rates, maps in _alike(part)
        ]
    attack = {"attack": first["attack"], "steps": int(first["steps"]), "restarts": int(first["restarts"])}
    return [SweepSpec(**shared, **attack, eps=tuple(part["eps"]))]


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


def commands(rows: pd.DataFrame, file: Path | None = None) -> list[str]:
    """The commands that measure these rows again.

    Args:
        file: the deployed file that rows carry the name of, where it lies elsewhere than those that are kept.
    """
    return [replace(spec, checkpoint=_place(spec.checkpoint, file)).command for spec in specs(rows)]


def _place(name: str, file: Path | None) -> str:
    """Where a network of this name is found: the path of the file whose hash it carries, else the name."""
    if file is None or not network.is_file(name):
        return name
    return str(file) if Path(name).stem.endswith(f"@{network.file_hash(file)[:8]}") else name


def without_command(rows: pd.DataFrame, file: Path | None = None) -> str:
    """Which rows no command of ``commands`` measures, and which files have to be found; empty where none.

    Args:
        file: as for ``commands``.
    """
    part = int((rows["region"] != "all").sum())
    chosen = "rows of chosen layers, bits or stored numbers beside the weights have no command here."
    gone = [f"{name} is not here: write where that file lies in its place." for name in _absent(rows, file)]
    return " ".join([*([f"{part:,} {chosen}"] if part else []), *gone])


def _absent(rows: pd.DataFrame, file: Path | None) -> list[str]:
    """The deployed files of these rows that no command finds."""
    names = [str(name) for name in rows["checkpoint"].unique() if network.is_file(str(name))]
    absent = []
    for name in names:
        try:
            network.find(_place(name, file))
        except ResqError:
            absent.append(name)
    return absent


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
