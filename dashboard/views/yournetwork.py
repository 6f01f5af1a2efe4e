"""Your network: the file that is deployed, its own bits, its own runtime."""

from __future__ import annotations

from dashboard import filepage, show

show.page("What do flipped bits do to the file you deploy?", show.text("yournetwork"))
with show.in_words():
    filepage.page()
