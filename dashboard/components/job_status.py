"""Measurements that a page begins: started, found again, followed; one the server has lost is a sentence.

A page may have several: each has a ``key``, the parameter of the address that holds its id.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import streamlit as st

from dashboard import cached
from dashboard.components import query, render
from dashboard.format import numbers
from dashboard.server import job_queue
from resq.core import logs
from resq.core.errors import ResqError

LOST = "The measurement of this link is no longer known here: the server has been started anew since."


def start(specs: Sequence[job_queue.Work], key: str = "job") -> None:
    """Begins to measure, for a button; the address keeps which measurement it is."""
    visitor = st.session_state.setdefault("visitor", uuid.uuid4().hex)
    try:
        st.session_state[_session_key(key)] = (
            cached.measurements().start(specs, visitor, cached.speeds(specs)).id
        )
        st.session_state[_session_key(key, "refused")] = ""
    except ResqError as error:
        logs.refused(error, render.where())
        st.session_state[_session_key(key, "refused")] = str(error)


def measurement(key: str = "job", kind: type = object, lost: str = "") -> job_queue.Measurement | None:
    """The measurement of this visitor, or of the address; None for one that this server does not know.

    Args:
        kind: of its specs; a measurement of another page is not known here either.
        lost: what to do about one that is not known, added to the sentence that says so.
    """
    wanted = st.session_state.get(_session_key(key)) or st.query_params.get(key, "")
    measurement_ = cached.measurements().get(wanted) if wanted else None
    if measurement_ and not isinstance(getattr(measurement_.specs[0], "spec", measurement_.specs[0]), kind):
        measurement_ = None
    if wanted and not measurement_:
        st.session_state[_session_key(key, "refused")] = f"{LOST} {lost}".strip()
    st.session_state[_session_key(key)] = measurement_.id if measurement_ else ""
    query.set_parameter(key, measurement_.id if measurement_ else "")
    return measurement_


def ended(running: job_queue.Measurement | None, key: str = "job") -> None:
    """Runs the page once more when the measurement has ended, so that it stops asking and knows the rows."""
    now = running is not None and running.active
    watched = st.session_state.get(_session_key(key, "watched"), False)
    st.session_state[_session_key(key, "watched")] = now
    if watched and not now:
        st.rerun()


def _session_key(key: str, what: str = "id") -> str:
    """Where the session keeps something of a page's measurement."""
    return f"{st.session_state.get('page', '')}_{key}_{what}"


def progress(
    running: job_queue.Measurement | None,
    noun: str = "cells",
    key: str = "job",
    of: Sequence[job_queue.Work] = (),
) -> None:
    """A refusal; the place in line, the share done, or the end of a measurement.

    Args:
        of: what the page shows below; an ended measurement of none of it is not told.
    """
    if refused := st.session_state.get(_session_key(key, "refused")):
        render.error_box(render.plain(refused))
    if running is None or (of and not running.active and not _measured(running, of)):
        return
    if running.state == "waiting":
        place = max(1, cached.measurements().place(running))  # it may have begun just now
        text = f":material/hourglass_empty: Number {place} in line: it begins by itself."
        _with_cancel(running, text, None, key)
    elif running.state == "running":
        rows, left = len(running.rows), running.left
        estimate = [] if left is None else [f"about {numbers.duration(left)} left"]
        wait = ", ".join(estimate if rows else ["starting…", *estimate])
        _with_cancel(running, f"{rows} of {_amount(running.total, noun)}, {wait}", running.done, key)
    elif running.state == "failed":
        render.error_box(f"The measurement stopped: {render.plain(running.error)}")
    elif running.state == "cancelled":
        total = _amount(running.total, noun)
        st.caption(f"Cancelled after {len(running.rows)} of {total}; what was measured stays.")
    else:
        st.caption(f"Made here in {running.seconds:.0f} s: {_amount(running.total, noun)}.")


def _measured(running: job_queue.Measurement, of: Sequence[job_queue.Work]) -> bool:
    """Whether some of this work is that of a measurement."""
    done = [getattr(work, "spec", work) for work in running.specs]
    return any(work in done for work in of)


def _amount(n: int, noun: str) -> str:
    """So many of what a plural names.

    >>> _amount(1, "cells"), _amount(7, "cells"), _amount(1, "accuracies")
    ('1 cell', '7 cells', '1 accuracy')
    """
    single = f"{noun[:-3]}y" if noun.endswith("ies") else noun.removesuffix("s")
    return f"{n:,} {single if n == 1 else noun}"


def _with_cancel(running: job_queue.Measurement, text: str, done: float | None, key: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if done is None:
            st.markdown(text, width="stretch")
        else:
            st.progress(done, text, width="stretch")
        name = "cancel" if key == "job" else f"cancel_{key}"
        st.button("Cancel", on_click=running.cancel, key=name, icon=":material/stop:")
