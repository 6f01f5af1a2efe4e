"""The mystery: what went wrong with a network, and what does it cost to find out?"""

from __future__ import annotations

from functools import partial

import streamlit as st

from dashboard import cached
from dashboard.components import page_frame, render
from dashboard.forms.mystery import asking, desk, hiding, naming
from resq.core.errors import ResqError


def shown() -> None:
    """The whole page of one case."""
    now = desk.of_address()
    desk.choose(now.case.code)
    desk.facts(now, partial(naming.name_it, now))
    naming.named(now)
    left, right = st.columns([4, 8], gap="large")
    with left:
        asking.ask(now)
    with right:
        asking.answers(now)
    hiding.hide(now)
    page_frame.link("lessons", "All lessons", ":material/school:")


render.page("What went wrong with this network?", render.text("mystery"))
with render.errors_as_sentences():
    if cached.MYSTERY_NET in cached.names():
        try:
            shown()
        except ResqError:
            st.button("Another case", key="mystery_again", on_click=desk.take, args=(desk.FIRST,))
            raise
    else:
        render.error_box(*render.UNTRAINED)
