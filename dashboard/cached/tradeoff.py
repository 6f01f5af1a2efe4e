"""What the Trade-off shows: the surface of one network, and the areas of all its variants."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.cached.checkpoint_models import card, megabytes, names
from dashboard.cached.measured_rows import measured_most, rows, stamp
from resq.claims import provenance
from resq.core import commands
from resq.measure.analysis import tradeoff
from resq.measure.store import database, rows_by_key, table

SAME = ["encoding", "fault", "region", "axis", "ber", "map", "attack", "eps", "steps", "restarts", "seed",
        "n", "mode", "sample", "top", "precision", "weights", "data", "images"]  # fmt: skip


def cells(net: str, enc: str, mode: str) -> pd.DataFrame:
    """The surface of a network as stored: random faults in all layers, PGD, seed 0.

    Of a network without shipped rows, those of this machine's store: what was measured here stays.
    """
    if net not in measured_most():
        return tradeoff.cells(own_rows(net, enc), mode)
    return _cells(net, enc, mode, stamp())


def drawn_from(cells: pd.DataFrame) -> str:
    """What decides a picture of these cells, of one network: a digest of all their numbers."""
    return hashlib.blake2b(cells.select_dtypes("number").to_numpy().tobytes(), digest_size=16).hexdigest()


def own_rows(net: str, enc: str) -> pd.DataFrame:
    """The rows of this machine's store that a surface may be made of; empty where there is no store."""
    if not database.there():
        return rows().iloc[:0]
    conditions = {"checkpoint": net, "encoding": enc, "region": "all", "seed": 0}
    measured = _random_and_pgd(rows_by_key.rows(**conditions))
    own = card(net)  # held-out images, or those of another data set, are another surface
    return measured[(measured["weights"] == str(own["sha256"])[:16]) & (measured["data"] == own["data"])]


def stored_here(net: str) -> pd.DataFrame:
    """All rows of a network: shipped, and measured on this machine."""
    shipped = rows()
    own = rows_by_key.rows(checkpoint=net) if database.there() else shipped.iloc[:0]
    both = table.drop_repeated(pd.concat([shipped[shipped["checkpoint"] == net], own], ignore_index=True))
    return both.drop_duplicates(SAME, ignore_index=True)  # under an earlier name a cell had another key


def together(net: str, enc: str, mode: str, fresh: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The surface with what is being measured now."""
    return tradeoff.cells(_with(net, enc, fresh), mode) if fresh else cells(net, enc, mode)


def _with(net: str, enc: str, fresh: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """What a surface may be made of, and what is being measured now."""
    known = own_rows(net, enc) if net not in measured_most() else _of(net, enc)
    return table.drop_repeated(
        pd.concat([known, _random_and_pgd(table.frame(fresh))], ignore_index=True) if fresh else known
    )


def surface_rows(net: str, enc: str, mode: str, fresh: Sequence[Mapping[str, Any]] = ()) -> pd.DataFrame:
    """The rows that the surface of ``together`` is made of, with all their columns."""
    if fresh or net not in measured_most():
        return tradeoff.used(_with(net, enc, fresh), mode)
    return _surface(net, enc, mode, stamp())[0]


def surface_commands(net: str, enc: str, mode: str, fresh: Sequence[Mapping[str, Any]] = ()) -> list[str]:
    """The commands that measure exactly this surface again."""
    if fresh or net not in measured_most():
        return provenance.commands(surface_rows(net, enc, mode, fresh))
    return _surface(net, enc, mode, stamp())[1]


@st.cache_resource(show_spinner=False, max_entries=32)
def _surface(net: str, enc: str, mode: str, stamp: str) -> tuple[pd.DataFrame, list[str]]:
    """The rows of a shipped surface and their commands; shared, so never written."""
    used = tradeoff.used(_of(net, enc), mode)
    return used, provenance.commands(used)


@st.cache_data(show_spinner=False, max_entries=64)
def _cells(net: str, enc: str, mode: str, stamp: str) -> pd.DataFrame:
    return tradeoff.cells(_of(net, enc), mode)


def _of(net: str, enc: str) -> pd.DataFrame:
    shipped = rows().query("checkpoint == @net and encoding == @enc and region == 'all' and seed == 0")
    return _random_and_pgd(shipped)


def _random_and_pgd(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of random faults, of PGD, of both or of neither; where no bit flips, the fault model is "none"."""
    return frame[frame["fault"].isin(["none", "random"]) & frame["attack"].isin(["none", "pgd"])]


def areas(net: str) -> pd.DataFrame:
    """Both resistances of every variant of a network that has them, and the memory that its weights take."""
    row = net.rsplit("/", 1)[0] + "/"
    weights = tuple((name, str(card(name)["sha256"])) for name in names() if name.startswith(row))
    return _areas(row, weights, stamp())


@st.cache_resource(show_spinner=False, max_entries=16)
def _areas(row: str, weights: tuple[tuple[str, str], ...], stamp: str) -> pd.DataFrame:
    """The areas of a row of networks, of which these weights are on this machine; shared, never written."""
    frame = rows()
    resistances = tradeoff.areas(_random_and_pgd(frame[frame["checkpoint"].str.startswith(row)]))
    sizes = [megabytes(*pair) for pair in resistances[["checkpoint", "encoding"]].to_numpy().tolist()]
    return resistances.assign(megabytes=sizes)


def joint_command(net: str, enc: str, at: tuple[float, float] | None, mode: str) -> str:
    """The command that measures one cell, or the usual surface."""
    bers, budgets = ("0,1e-4,1e-3,1e-2,5e-2", "0,2,4,8") if at is None else map(commands.number, at)
    where = ["sweep", net, "--joint", "--encoding", enc, "--ber", bers, "--eps", budgets, "--mode", mode]
    return commands.line(where)


def study(net: str) -> dict[str, Any] | None:
    """The shipped summary of ``python -m resq asymmetry`` on this network, or None."""
    file = table.SHIPPED / f"{net.rpartition('/')[0].replace('/', '-')}-asymmetry.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def studies(alike: bool = False) -> dict[str, dict[str, Any]]:
    """The arrows of every shipped study of the asymmetry, by its data and network and how many seeds it has.

    Args:
        alike: on the images alone that all of its networks get right without fault or attack.
    """
    wanted = {_called(one): one["alike"] if alike else one for one in _studies()}
    return {name: one["effects"]["arrows"] for name, one in wanted.items() if one}


def tested(but: str) -> dict[str, dict[str, Any]]:
    """The shipped studies of other networks than ``but``'s whose Lambda has an interval, by their names."""
    return {
        name: one
        for one in _studies()
        if (name := _network(one)) != but.rpartition("/")[0] and one["effects"]["Lambda"]["low"] is not None
    }


def _studies() -> list[dict[str, Any]]:
    """Every shipped study, that of most seeds first."""
    each = [json.loads(f.read_text(encoding="utf-8")) for f in sorted(table.SHIPPED.glob("*-asymmetry.json"))]
    return sorted(each, key=lambda one: -one["effects"]["seeds"])


def _network(study: Mapping[str, Any]) -> str:
    return str(study["study"]["base"]).rpartition("/")[0]


def _called(study: Mapping[str, Any]) -> str:
    seeds = study["effects"]["seeds"]
    return f"{_network(study)}, {seeds} {'seed' if seeds == 1 else 'seeds'}"
