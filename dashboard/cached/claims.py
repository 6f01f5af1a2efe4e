"""Claims with their verdicts, re-runs and the leaderboard."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.cached.measured_rows import rows, stamp
from resq.claims import card as own_cards
from resq.claims import leaderboard, registry, rerun, verdict
from resq.claims.judged import Verdict
from resq.core.errors import ResqError
from resq.measure.store import table


def verdicts() -> list[Verdict]:
    """Every quoted claim with its verdict from the stored rows.

    Raises:
        ValueError: a file of claims that cannot be used.
    """
    return _verdicts(stamp())


@st.cache_resource(show_spinner=False, max_entries=2)
def _verdicts(stamp: str) -> list[Verdict]:
    claims = registry.load()
    return verdict.judge_all(claims.values(), rows(), claims)


def board() -> pd.DataFrame:
    """The leaderboard of shipped rows, of re-runs on this machine and of cards of others."""
    try:
        again = tuple(rerun.runs())
    except ResqError:  # a store that cannot be read: the claim's own part of the page says so
        again = ()
    return _board((stamp(), tuple(run.at for run in again)), again)


@st.cache_data(show_spinner=False, max_entries=2)
def _board(stamp: tuple[Any, ...], _again: tuple[rerun.Run, ...]) -> pd.DataFrame:
    own = table.drop_repeated(pd.concat([rows(), own_cards.rows("own")], ignore_index=True))
    return leaderboard.ranked(leaderboard.board(own, _again, own_cards.rows("others")))


def reruns(claim: str) -> list[rerun.Run]:
    """A claim's cell measured again on this machine, the latest first."""
    return rerun.runs(claim)
