"""A visitor without a browser: speaks Streamlit's own protocol over its websocket and sees what a page sends.

Widgets are found by their key, elements are kept by their place on the page; a run that has ended replaces
the page, as in a browser.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlencode

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

TIMED = re.compile(r"Made here in \d+ s")  # what no two visitors share
PRICE = re.compile(r"about [\d.,]+ (?:s|min|h)\b")  # counts what else the machine computes just then
TEXTS = ("heading", "markdown", "metric", "code", "alert")
WIDGETS = ("button", "selectbox", "number_input", "button_group", "slider", "multiselect", "text_input")


@dataclass
class Page:
    """What one run of a page has sent.

    Attributes:
        elements: place on the page -> the element's message.
        parts: place on the page -> the fragment that drew the element, "" for the page itself.
        query: the address behind the question mark.
        seconds: from the visitor's action to the end of the run.
    """

    elements: dict[tuple[int, ...], Any] = field(default_factory=dict)
    parts: dict[tuple[int, ...], str] = field(default_factory=dict)
    query: str = ""
    seconds: float = 0.0

    def kinds(self, *kinds: str) -> list[Any]:
        """The elements of these kinds, from top to bottom."""
        found = [(place, e) for place, e in self.elements.items() if e.WhichOneof("type") in kinds]
        return [getattr(e, e.WhichOneof("type")) for _, e in sorted(found, key=lambda pair: pair[0])]

    def text(self) -> str:
        """All words of the page."""
        return "\n".join(
            str(getattr(e, "body", "") or getattr(e, "code_text", "")) for e in self.kinds(*TEXTS)
        )

    def exceptions(self) -> list[str]:
        """Uncaught errors that the page shows."""
        return [f"{e.type}: {e.message}" for e in self.kinds("exception")]

    def widget(self, key: str) -> Any:
        """The widget of this key.

        Raises:
            LookupError: the page has none.
        """
        for element in self.kinds(*WIDGETS):
            if element.id.endswith(f"-{key}"):
                return element
        raise LookupError(f"no widget {key!r} on the page; it says: {self.text()[:300]}")

    def seen(self) -> dict[str, Any]:
        """What two visitors can compare: words, numbers, tiles and figures, none of their times."""
        return {
            "address": [part for part in self.query.split("&") if not part.startswith("job=")],
            "words": [unpriced(line) for line in self.text().splitlines() if not TIMED.match(line)],
            "metrics": [(m.label, m.body, m.delta) for m in self.kinds("metric")],
            "buttons": [(b.id.rsplit("-", 1)[-1], unpriced(b.label), b.type) for b in self.kinds("button")],
            "figures": [figure.spec for figure in self.kinds("plotly_chart")],
        }

    def part(self, widget: Any) -> str:
        """The fragment that a widget stands in: all that the server draws again when it is used."""
        places = (p for p, e in self.elements.items() if _id(e) == widget.id)
        return self.parts.get(next(places, ()), "")


def unpriced(text: str) -> str:
    """The text without how long a job will take.

    >>> unpriced("Measure 30 of 92 cells, about 15 min")
    'Measure 30 of 92 cells, about …'
    """
    return PRICE.sub("about …", text)


def _id(element: Any) -> str:
    return str(getattr(getattr(element, str(element.WhichOneof("type"))), "id", ""))


class Visitor:
    """One websocket session; use as ``async with Visitor(url) as visitor``."""

    def __init__(self, url: str, patience: float = 120.0) -> None:
        self.url, self.patience = url.replace("http", "ws", 1) + "/_stcore/stream", patience
        self.page, self.name, self.script = Page(), "", ""
        self.config: Any = None  # what the server tells its pages of itself
        self.repeat: tuple[str, float] | None = None  # a fragment that asks to run again, and how often

    async def __aenter__(self) -> Visitor:
        self.socket = await websockets.connect(self.url, subprotocols=["streamlit"], max_size=2**27)  # type: ignore[list-item]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.socket.close()

    async def open(self, page: str = "", query: dict[str, Any] | None = None) -> Page:
        """Follows a link."""
        self.name, self.script, self.page = page, "", Page(query=urlencode(query or {}, doseq=True))
        return await self._run()

    async def press(self, key: str) -> Page:
        """Presses a button."""
        widget = self.page.widget(key)
        return await self._run(WidgetState(id=widget.id, trigger_value=True), fragment=self.page.part(widget))

    async def choose(self, key: str, value: Any) -> Page:
        """Sets a select box or pills (text) or a number."""
        widget = self.page.widget(key)
        state = WidgetState(id=widget.id)
        if widget.query_param_key:  # a browser writes it into the address by itself
            query = dict(parse_qsl(self.page.query)) | {widget.query_param_key: str(value)}
            self.page.query = urlencode(query)
        if isinstance(value, str):
            state.string_value = value
        else:
            state.double_value = float(value)
        return await self._run(state, fragment=self.page.part(widget))

    async def wait(self, until: str, seconds: float = 300.0) -> Page:
        """Lets the page's fragment run again and again until the page says ``until``.

        Raises:
            TimeoutError: it has not said so after ``seconds``.
        """
        end = time.monotonic() + seconds
        while until not in self.page.text():
            if time.monotonic() > end:
                raise TimeoutError(
                    f"waited {seconds:g} s for {until!r}; the page says {self.page.text()[:500]}"
                )
            if self.repeat:
                await asyncio.sleep(self.repeat[1])
                await self._run(fragment=self.repeat[0], by_itself=True)
            else:
                await asyncio.sleep(0.5)
                await self._run()
        return self.page

    async def _run(self, *states: WidgetState, fragment: str = "", by_itself: bool = False) -> Page:
        """As a browser asks: for the fragment that a widget stands in, or for the whole page."""
        message = BackMsg()
        run = message.rerun_script
        run.query_string, run.page_name, run.page_script_hash = self.page.query, self.name, self.script
        run.widget_states.widgets.extend(states)
        run.fragment_id, run.is_auto_rerun = fragment, by_itself
        run.context_info.timezone, run.context_info.locale = "UTC", "en"
        began = time.monotonic()
        await self.socket.send(message.SerializeToString())
        async with asyncio.timeout(self.patience):
            await self._receive(bool(fragment))
        self.page.seconds = time.monotonic() - began
        return self.page

    async def _receive(self, fragment: bool) -> None:
        """Takes messages until the run has ended; one that was cut short for another goes on with that."""
        before = (dict(self.page.elements), dict(self.page.parts)) if fragment else ({}, {})
        fresh = Page(*before, self.page.query)
        while True:
            message = ForwardMsg.FromString(await self.socket.recv())
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self.config = message.new_session.config
                if not fragment:
                    self.repeat = None
            elif kind == "navigation":
                self.script = message.navigation.page_script_hash
            elif kind == "delta":
                _place(fresh, message)
            elif kind == "page_info_changed":
                fresh.query = message.page_info_changed.query_string
            elif kind == "auto_rerun":
                self.repeat = message.auto_rerun.fragment_id, message.auto_rerun.interval
            elif kind == "script_finished":
                if message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    self.page = fresh
                    return
                fresh = Page(query=fresh.query)
                fragment = False


def _place(page: Page, message: ForwardMsg) -> None:
    """Puts an element at its place; a block there empties the place."""
    place = tuple(message.metadata.delta_path)
    if message.delta.WhichOneof("type") == "new_element":
        page.elements[place], page.parts[place] = message.delta.new_element, message.delta.fragment_id
    elif message.delta.WhichOneof("type") == "add_block":
        for inside in [p for p in page.elements if p[: len(place)] == place]:
            del page.elements[inside]
