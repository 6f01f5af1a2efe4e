"""What the Trade-off shows: the surface of one network, and the areas of all its variants."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard.cached.checkpoint_models import megabytes
from dashboard.cached.measured_rows import rows, stamp
from resq.claims import provenance
from resq.core import commands
from resq.measure.analysis import tradeoff


def cells(net: str, enc: str, mode: str) -> pd.DataFrame:
    """The surface of a network as stored: random faults in all layers, PGD, seed 0."""
    return _cells(net, enc, mode, stamp())


def surface_rows(net: str, enc: str, mode: str) -> pd.DataFrame:
    """The rows that the surface is made of, with all their columns."""
    return tradeoff.used(_of(net, enc), mode)


def surface_commands(net: str, enc: str, mode: str) -> list[str]:
    """The commands that measure exactly this surface again."""
    return provenance.commands(surface_rows(net, enc, mode))


@st.cache_data(show_spinner=False, max_entries=64)
def _cells(net: str, enc: str, mode: str, stamp: str) -> pd.DataFrame:
    return tradeoff.cells(_of(net, enc), mode)


def _of(net: str, enc: str) -> pd.DataFrame:
    found = rows().query("checkpoint == @net and encoding == @enc and region == 'all' and seed == 0")
    return _random_and_pgd(found)


def _random_and_pgd(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of random faults, of PGD, of both or of neither; where no bit flips, the fault model is "none"."""
    return frame[frame["fault"].isin(["none", "random"]) & frame["attack"].isin(["none", "pgd"])]


def areas(net: str) -> pd.DataFrame:
    """Both resistances of every variant of a network that has them, and the memory that its weights take."""
    found = _areas(net.rsplit("/", 1)[0] + "/", stamp())
    sizes = [megabytes(*pair) for pair in found[["checkpoint", "encoding"]].to_numpy().tolist()]
    return found.assign(megabytes=sizes)


@st.cache_data(show_spinner=False, max_entries=16)
def _areas(row: str, stamp: str) -> pd.DataFrame:
    frame = rows()
    return tradeoff.areas(_random_and_pgd(frame[frame["checkpoint"].str.startswith(row)]))


def joint_command(net: str, enc: str, at: tuple[float, float] | None, mode: str) -> str:
    """The command that measures one cell, or the usual surface."""
    bers, budgets = ("0,1e-4,1e-3,1e-2,5e-2", "0,2,4,8") if at is None else map(commands.number, at)
    where = ["sweep", net, "--joint", "--encoding", enc, "--ber", bers, "--eps", budgets, "--mode", mode]
    return commands.line(where)
