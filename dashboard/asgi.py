"""Wraps Streamlit's ASGI app: the index page names the server's address and the scripts to preload.

A browser that opens a link to a page asks four things before it connects: whether the server is alive and
how it is set up, first below the page's own path, where nothing answers, then at the root. Told both in the
head of the page it connects at once, and asks beside that. And it learns only from the first elements of a
page which scripts draw them: named in the head too, they are read while it connects.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.model import url_schema
from dashboard.server import nodelay, options, turns, wakeup

# The server is where the page's own files are, whatever path it is served under; its answer to the question
# that is asked beside the connection replaces the rest.
HEAD = """<script>window.__streamlit = {
  BACKEND_BASE_URL: new URL(".", location.href).href,
  HOST_CONFIG: {allowedOrigins: [location.origin], useExternalAuthToken: false},
}</script>"""
# Streamlit pushes an entry of history for every parameter that it writes, up to three when a page is opened.
# Of what follows one press of a key or of the mouse the first is an entry, which the rest amends: Back undoes
# one act. Another page is one entry, with what its act wrote before and after it. A measurement that is
# followed is none: an act begins it, and it ends by itself.
ONE_ENTRY = """<script>{
  const jobs = JOBS;
  const bare = address => {
    const parts = new URL(address ?? "", location.href);
    for (const job of jobs) parts.searchParams.delete(job);
    return parts.pathname + "?" + parts.searchParams;
  };
  const push = history.pushState.bind(history);
  let acts = 0;  // those within a second wait for an entry each, earlier ones no more
  let last = -1e9, pushed = -1e9;  // when the last act, and the last entry, was
  const act = event => {
    const soon = event.timeStamp - last < 1000;
    if (event.repeat || (soon && event.type === "click")) return;  // a click follows what it is of
    const leaves = event.target.closest?.("a[href]");  // what was pressed before on this page waits no more
    acts = soon && !leaves ? Math.min(acts + 1, 3) : 1;
    last = event.timeStamp;
  };
  for (const kind of ["pointerdown", "keydown", "click"]) addEventListener(kind, act, true);
  history.pushState = (...entry) => {
    const followed = bare(entry[2]) === bare(location.href);
    const elsewhere = new URL(entry[2] ?? "", location.href).pathname !== location.pathname;
    const fresh = acts && !followed && !(elsewhere && pushed > last);
    (fresh ? push : history.replaceState.bind(history))(...entry);
    if (fresh) pushed = performance.now();
    if (!followed) acts = elsewhere ? 0 : Math.max(0, acts - 1);
  };
}</script>""".replace("JOBS", json.dumps(sorted(url_schema.JOBS)))
# Scripts that pages with figures need, by the start of their names in Streamlit's folder.
PARTS = ("PlotlyChart", "Selectbox", "Button", "ButtonGroup", "Checkbox", "Html")
BARE = ("", "lessons")  # ends of the paths of pages without a figure
# The answer is not the file's own, so the file is asked for whole and plain.
UNASKED = (b"accept-encoding", b"range", b"if-none-match", b"if-modified-since")


class HeadInjection:
    """Adds to every HTML page what the browser should know, and its name until the page says its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes everything on but a request for a page, whose answer is changed."""
        headers = scope.get("headers", [])
        if scope.get("method") != "GET" or not any(k == b"accept" and b"text/html" in v for k, v in headers):
            await self.app(scope, receive, send)
            return
        plain = {**scope, "headers": [pair for pair in headers if pair[0] not in UNASKED]}
        await self.app(
            plain, receive, _Answer(send, () if scope["path"].rpartition("/")[2] in BARE else scripts())
        )


class _Answer:
    """One answer, held back until it is whole."""

    def __init__(self, send: Send, soon: Iterable[str]) -> None:
        self.send, self.soon, self.body = send, soon, b""
        self.start: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_page(message):
            self.start = message
        elif self.start is None:
            await self.send(message)
        else:
            self.body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._tell(self.start, with_head(self.body, self.soon))

    async def _tell(self, start: Message, body: bytes) -> None:
        headers = MutableHeaders(raw=list(start["headers"]))
        for name in ("etag", "last-modified", "accept-ranges"):  # they are those of Streamlit's file
            del headers[name]
        headers["content-length"] = str(len(body))
        await self.send({**start, "headers": headers.raw})
        await self.send({"type": "http.response.body", "body": body})


def _is_page(start: Message) -> bool:
    kind = MutableHeaders(raw=list(start["headers"])).get("content-type", "")
    return start["status"] == 200 and kind.startswith("text/html")


@cache
def scripts() -> tuple[str, ...]:
    """Names of the files that hold ``PARTS`` in the installed Streamlit; without those it calls otherwise."""
    folder = Path(st.__file__).parent / "static" / "static" / "js"
    return tuple(sorted(file.name for part in PARTS for file in folder.glob(f"{part}.*.js")))


def with_head(page: bytes, soon: Iterable[str] = ()) -> bytes:
    """A page's HTML with what the browser should know at the top of its head; other HTML as it is.

    Args:
        soon: names of scripts that it will need.

    >>> with_head(b"<p>no head</p>")
    b'<p>no head</p>'
    """
    named = page.replace(b"<title>Streamlit</title>", b"<title>RESQ Lab</title>", 1)
    html = named.replace(b"<head>", b"<head>" + (HEAD + ONE_ENTRY).encode(), 1)
    # After Streamlit's own scripts, which come first.
    read = "".join(f'<link rel="modulepreload" crossorigin href="./static/js/{name}">' for name in soon)
    return html.replace(b"</head>", read.encode() + b"</head>", 1)


for part in (wakeup, nodelay, options, turns):
    part.install()
app = st.App(Path(__file__).with_name("app.py"), middleware=[Middleware(HeadInjection)])
