"""The real server: where it listens, whom it refuses, what it never sends; and a small crowd in it."""

import asyncio
import http.client
import re
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest
import websockets

from dashboard import asgi
from dashboard.__main__ import opened
from stress import plans, soak
from stress.harness import audit, server
from stress.harness.visitor import Visitor

T = TypeVar("T")
SMALL = "signs/resnet20/base"


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.Server]:
    """One server for all tests here, with the plugin that says what its visitors share."""
    plugin = {"RESQ_PLUGINS": str(Path(audit.__file__).resolve())}
    with server.running(tmp_path_factory.mktemp("server"), plugin) as one:
        yield one


def asked(real: server.Server, path: str, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
    """The answer to one request; http.client sends the path as it stands, dots and all."""
    line = http.client.HTTPConnection("127.0.0.1", real.port, timeout=60)
    line.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    return line.getresponse()


def run_apart(coroutine: Coroutine[Any, Any, T]) -> T:
    """What the coroutine returns. In a thread of its own: this one may hold a browser's event loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


def connected(real: server.Server, **options: object) -> None:
    """Opens a websocket and closes it again."""

    async def connect() -> None:
        async with websockets.connect(real.url.replace("http", "ws") + "/_stcore/stream", **options):
            pass

    run_apart(connect())


def listening(port: int) -> set[str]:
    """Addresses, in the kernel's hexadecimal, at which somebody listens on the port."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        lines = Path(table).read_text().splitlines()[1:] if Path(table).exists() else []
        entries = [line.split() for line in lines]
        found |= {e[1].split(":")[0] for e in entries if e[3] == "0A" and int(e[1].split(":")[1], 16) == port}
    return found


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux says who listens where in /proc")
def test_it_listens_on_this_machine_alone(real):
    assert listening(real.port) == {"0100007F"}


def test_a_page_of_another_origin_gets_no_connection(real):
    with pytest.raises(websockets.InvalidStatus):
        connected(real, origin="http://elsewhere.example")
    connected(real, origin=real.url)
    connected(real)


def test_another_name_for_this_machine_gets_no_connection(real):
    with pytest.raises(websockets.InvalidStatus):
        connected(real, additional_headers={"Host": "elsewhere.example"})


def test_no_other_origin_may_read_an_answer(real):
    answer = asked(real, "/_stcore/health", Origin="http://elsewhere.example")
    assert answer.getheader("Access-Control-Allow-Origin") in (None, "http://localhost:8501")


def test_an_upload_without_its_token_is_refused(real):
    assert asked(real, "/_stcore/upload_file/session/file", "PUT", Content_Length="0").status == 403


def test_nobody_drives_the_pages_by_a_second_door(real):
    assert asked(real, "/_stcore/agent/interact", "POST", Content_Length="0").status in (403, 404, 405)
    assert b"set_page_config" not in asked(real, "/app/static/app.py").read()


@pytest.mark.parametrize("path", ["/", "/layers?bit=7"])
def test_a_page_says_where_its_server_is_before_anything_is_asked(real, path):
    answer = asked(real, path, Accept="text/html,*/*", Accept_Encoding="gzip", If_None_Match='"x"')
    page = answer.read()
    assert page.count(asgi.HEAD.encode()) == 1
    assert page.index(asgi.HEAD.encode()) < page.index(b"<script type")  # before what reads it
    assert b"<title>RESQ Lab</title>" in page
    assert int(answer.getheader("Content-Length")) == len(page)
    assert answer.getheader("ETag") is None  # that of a file without these words


def test_a_page_with_figures_names_the_scripts_that_draw_them_and_they_are_there(real):
    page = asked(real, "/layers?bit=7", Accept="text/html").read().decode()
    named = re.findall(r'<link rel="modulepreload" crossorigin href="\./(static/js/[^"]+)">', page)
    own = [path for path in named if Path(path).name in asgi.scripts()]
    assert [Path(path).name for path in own] == list(asgi.scripts())
    for part in asgi.PARTS:  # Streamlit still calls them so
        assert any(Path(path).name.startswith(f"{part}.") for path in own), part
    assert {asked(real, f"/{path}").status for path in own} == {200}
    for bare in ("/", "/lessons"):
        assert "PlotlyChart" not in asked(real, bare, Accept="text/html").read().decode()


def test_what_is_no_page_is_passed_on_as_it_is(real):
    for path, accept in (("/_stcore/health", "text/html"), ("/favicon.png", "text/html"), ("/", "*/*")):
        assert asgi.HEAD.encode() not in asked(real, path, Accept=accept).read()
    assert asked(real, "/nothing/_stcore/health", Accept="text/html").status == 404


@pytest.mark.parametrize("path", [
    "/../../../../etc/passwd", "/static/../../../../../etc/passwd", "/media/../../etc/passwd",
    "/static/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/component/x/../../../../etc/passwd", "//etc/passwd",
    "/static/..%5c..%5cetc%5cpasswd",
])  # fmt: skip
def test_no_path_leads_out_of_what_is_served(real, path):
    answer = asked(real, path)
    assert b"root:" not in answer.read()


def test_uploads_are_bounded_and_nothing_is_told_to_the_makers_of_streamlit(real):
    async def first() -> Visitor:
        async with Visitor(real.url) as visitor:
            await visitor.open()
            return visitor

    config = run_apart(first()).config
    assert not config.gather_usage_stats
    assert config.max_cached_message_age >= 0
    assert (server.ROOT / "dashboard/.streamlit/config.toml").read_text().count("maxUploadSize = 64") == 1


def test_frames_that_are_no_message_end_their_own_session_alone(real):
    async def spoilt() -> str:
        async with Visitor(real.url) as quiet:
            before = await quiet.open("bitlab", {"net": SMALL})
            for frame in (b"\xff" * 100, "text", b"\x00" * 10_000):
                async with websockets.connect(quiet.url, subprotocols=["streamlit"]) as loud:
                    await loud.send(frame)
                    await asyncio.wait_for(loud.wait_closed(), 60)
            after = await quiet.press("bit_0")
            assert not after.exceptions()
            return before.text()

    assert "What does one flipped bit do?" in run_apart(spoilt())


def test_four_at_once_see_what_each_sees_alone(real, monkeypatch):
    whole = plans.plan
    monkeypatch.setattr(plans, "NETWORKS", (SMALL,))
    monkeypatch.setattr(plans, "plan", lambda number: whole(number)[:6])
    monkeypatch.setattr(plans, "sweep", lambda number: [])  # measured by ``make soak`` and in the browser
    notes = soak.Notes()
    alone = run_apart(soak.alone(real.url, range(4)))
    run_apart(soak.crowd(real.url, real.process.pid, {4: 6}, alone, notes, pause=0.2))
    assert not notes.errors
    assert not notes.strange
    assert notes.actions >= 4
    kept = audit.ask(real.work)
    assert kept
    assert not soak.moved(kept)


def test_a_page_that_differs_from_the_one_seen_alone_is_noticed(real, monkeypatch):
    monkeypatch.setattr(plans, "NETWORKS", (SMALL,))
    notes, todo = soak.Notes(), plans.plan(1)[:2]
    other = {
        (1, i): {"address": ["another"], "words": [], "metrics": [], "buttons": [], "figures": []}
        for i in range(2)
    }
    run_apart(soak.session(real.url, 1, todo, other, notes, 1, 0.0, float("inf")))
    assert len(notes.strange) == 2
    assert "alone 'another'" in notes.strange[0]


def test_words_that_moved_in_memory_are_noticed(real, monkeypatch):
    monkeypatch.setattr(plans, "NETWORKS", (SMALL,))
    run_apart(soak.alone(real.url, range(1)))  # a server that nobody visited shares nothing yet
    kept = audit.ask(real.work)
    assert kept
    assert soak.moved(dict.fromkeys(kept, "0" * 64)) == list(kept)


def test_who_names_an_address_may_be_called_by_any_name():
    assert opened([], {}) == []
    assert opened(["--server.address=0.0.0.0"], {})[-1] == "*"
    assert opened([], {"STREAMLIT_SERVER_ADDRESS": "0.0.0.0"})[-1] == "*"
    own = ["--server.address", "0.0.0.0", "--server.allowedHosts", "lab.example"]
    assert opened(own, {}) == own


def test_growth_is_the_slope_of_the_later_half():
    memory = [(60.0 * i, 30, 100.0 + (0 if i < 10 else 2 * i)) for i in range(20)]
    assert soak.growth(memory) == pytest.approx(2.0)


def test_a_press_draws_the_fragment_of_its_button_again_as_a_browser_asks_for_it(real):
    async def pressed() -> tuple[list[str], ...]:
        async with Visitor(real.url) as visitor:
            await visitor.open("bitlab", {"net": SMALL, "enc": "int8"})
            seen = []
            for key in ("bit_0", "largest", "reset"):
                before = visitor.page
                assert before.part(before.widget(key))
                page = await visitor.press(key)
                assert not page.exceptions()
                assert len(page.kinds("metric")) == len(before.kinds("metric")) == 3
                assert page.widget("shell_open").label == "Share"  # outside of fragments, so it stays
                seen.append(page.query)
            return tuple(seen)

    flipped, largest, none = run_apart(pressed())
    assert "flip=0" in flipped
    assert "flip=0" in largest
    assert "w=" in largest
    assert "flip" not in none
