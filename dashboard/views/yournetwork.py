"""Your network: the file that is deployed, its own bits, its own runtime."""

from __future__ import annotations

from dashboard.components import render
from dashboard.forms import filepage

render.page("What do flipped bits do to the file you deploy?", render.text("yournetwork"))
with render.errors_as_sentences():
    filepage.page()
