"""The dashboard's entry: ``python -m dashboard`` or ``streamlit run dashboard/app.py``."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# `streamlit run` puts dashboard/ on the path, not the project root that `dashboard` and `resq` lie in.
if str(HERE.parent) not in sys.path:
    sys.path.insert(0, str(HERE.parent))

import streamlit as st  # noqa: E402 - the path first

from dashboard.components import page_frame, render  # noqa: E402
from dashboard.server import warmup  # noqa: E402
from resq import plugins  # noqa: E402

st.set_page_config(page_title="RESQ Lab", page_icon=HERE / "mark.svg", layout="wide")
warmup.begin()
render.style()
with render.errors_as_sentences():
    plugins.load()  # those of $RESQ_PLUGINS, once per server; never from a page
st.logo(HERE / "wordmark.svg", size="large")
# An address without a page is answered by Start and a sentence, not by Streamlit's box over both.
stray = page_frame.stray_name()
strays = [st.Page("views/start.py", title="Start", url_path=stray, visibility="hidden")] if stray else []
page = st.navigation(
    [
        *strays,
        st.Page("views/start.py", title="Start", icon=":material/home:", default=True),
        st.Page("views/bitlab.py", title="Bit lab", icon=":material/toggle_on:", url_path="bitlab"),
        st.Page("views/sweep.py", title="Sweep", icon=":material/show_chart:", url_path="sweep"),
        st.Page("views/layers.py", title="Layers", icon=":material/grid_on:", url_path="layers"),
        st.Page(
            "views/tradeoff.py", title="Trade-off", icon=":material/stacked_line_chart:", url_path="tradeoff"
        ),
        st.Page("views/protect.py", title="Protect", icon=":material/security:", url_path="protect"),
        st.Page("views/harden.py", title="Harden", icon=":material/shield:", url_path="harden"),
        st.Page(
            "views/yournetwork.py", title="Your network", icon=":material/memory:", url_path="yournetwork"
        ),
        st.Page("views/lessons.py", title="Lessons", icon=":material/school:", url_path="lessons"),
        st.Page(
            "views/classroom.py",
            title="Classroom",
            icon=":material/groups:",
            url_path="classroom",
            visibility="hidden",  # reached from Lessons, and by a class's link
        ),
        st.Page(
            "views/mystery.py",
            title="Mystery",
            icon=":material/search_insights:",
            url_path="mystery",
            visibility="hidden",
        ),
        st.Page(
            "views/moving.py",
            title="Moving pictures",
            icon=":material/scatter_plot:",
            url_path="moving",
            visibility="hidden",  # reached from Layers, Sweep, Trade-off and the Bit lab
        ),
        st.Page("views/replay.py", title="Replay", icon=":material/fact_check:", url_path="replay"),
        st.Page(
            "views/leaderboard.py", title="Leaderboard", icon=":material/leaderboard:", url_path="leaderboard"
        ),
    ],
    position="top",
)
here = page_frame.begin("" if page.url_path == stray else page.url_path)
page_frame.unknown_address(stray)
page.run()
page_frame.end(here)
