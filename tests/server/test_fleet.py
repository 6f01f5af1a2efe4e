"""Several servers behind nginx: the words, the configuration, and two real servers where it is there."""

import asyncio
import contextlib
import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
import websockets

from dashboard import __main__ as main
from dashboard.server import fleet, nginx
from resq.core.errors import ResqError
from stress.harness import server

ROOT = Path(__file__).resolve().parents[2]
needs_nginx = pytest.mark.skipif(
    not nginx.binary(), reason="nginx is not on this machine (Debian: apt-get install nginx-light)"
)


def test_as_many_servers_as_are_asked_for_or_as_there_are_cores(monkeypatch):
    assert fleet.asked(["--servers=3", "x"]) == (["x"], 3)
    assert fleet.asked(["--servers", "--server.port", "1"]) == (["--server.port", "1"], os.cpu_count())
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert fleet.asked(["--servers"]) == ([], 5)


@pytest.mark.parametrize("number", ["0", "65", "two", "-1", ""])
def test_a_number_of_servers_that_cannot_be_is_refused(number):
    with pytest.raises(ResqError, match=f"from 1 to 64, got '{number}'"):
        fleet.asked([f"--servers={number}"])


def test_nginx_listens_where_the_server_was_asked_to_and_the_servers_where_nobody_else_comes():
    where = fleet.front(["--server.address", "0.0.0.0", "--server.port=8600", "--a", "b"], {})
    assert where == fleet.Front("0.0.0.0", 8600, ("--a", "b"), "")
    text = nginx.configuration(where.address, where.port, [8611, 8612])
    assert "listen 0.0.0.0:8600;" in text
    assert re.findall(r"server (\S+) max_fails", text) == ["127.0.0.1:8611", "127.0.0.1:8612"]
    assert "listen [::1]:8600;" in nginx.configuration("::1", 8600, [8611])
    named = fleet.front([], {"STREAMLIT_SERVER_PORT": "9", "STREAMLIT_SERVER_BASE_URL_PATH": "/lab/"})
    assert (named.port, named.path, named.words) == (9, "lab", ("--server.baseUrlPath=/lab/",))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--server.sslCertFile=c.pem"], "do not go together: end TLS in a proxy"),
        (["--server.port", "high"], "from 1 to 65535, got 'high'"),
        (["--server.address", "a; include /etc/passwd"], "an address or a name, got 'a; include"),
    ],
)
def test_what_nginx_cannot_carry_out_is_refused(words, sentence):
    with pytest.raises(ResqError, match=sentence):
        fleet.front(words, {})


def test_one_server_where_nginx_is_missing_and_it_says_so(monkeypatch, capsys):
    started = []
    monkeypatch.setattr(nginx, "binary", lambda: "")
    monkeypatch.setattr(main, "one", lambda words: started.append(words) or 0)
    assert main.main(["--servers", "4", "--server.port", "8600"]) == 0
    assert started == [["--server.port", "8600"]]
    assert "nginx is not on this machine, so one server is started and not 4" in capsys.readouterr().out
    assert main.main(["--server.port", "8600"]) == 0
    assert capsys.readouterr().out == ""


def asked(port: int, path: str, **headers: str) -> http.client.HTTPResponse:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    line.request("GET", path, headers=headers)
    answer = line.getresponse()
    answer.read()
    return answer


def until(holds, patience: float = 120.0) -> None:
    end = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.2)


def servers(process: subprocess.Popen) -> dict[int, int]:
    """The servers behind nginx: process -> its port."""
    lines = {child: Path(f"/proc/{child}/cmdline").read_bytes() for child in server.children(process.pid)}
    ports = {child: re.search(rb"--server.port\0(\d+)", line) for child, line in lines.items()}
    return {child: int(port[1]) for child, port in ports.items() if port}


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> Iterator[tuple[subprocess.Popen, int]]:
    """Two servers behind nginx, and the port that visitors come to."""
    folder, port = tmp_path_factory.mktemp("fleet"), server.free_port()
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "resq", "dashboard", "--servers", "2", "--server.port", str(port)],
            cwd=ROOT, env={**os.environ, "RESQ_WORK": str(folder / "work")}, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        until(lambda: process.poll() is not None or server.answers(f"http://127.0.0.1:{port}/_stcore/health"))
        assert process.poll() is None, (folder / "log").read_text()
        yield process, port
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=40) == 0
        assert "2 servers behind nginx" in (folder / "log").read_text()


def given(answer: http.client.HTTPResponse) -> list[str]:
    """The cookies of nginx that came with an answer."""
    return [c for c in answer.headers.get_all("Set-Cookie") or [] if c.startswith(nginx.COOKIE)]


@needs_nginx
def test_each_visitor_has_a_cookie_and_stays_with_the_server_it_names(two):
    _, port = two
    first = asked(port, "/")
    [cookie] = given(first)
    assert re.fullmatch(r"resq_server=[0-9a-f]{32}; Path=/; HttpOnly; SameSite=Lax", cookie)
    again = asked(port, "/_stcore/health", Cookie=cookie.partition(";")[0])
    assert again.status == 200
    assert given(again) == []


def held(port: int, cookies: list[str], look, **options):
    """What ``look`` sees while a socket is open for each of these visitors."""

    async def hold():
        async with contextlib.AsyncExitStack() as stack:
            for cookie in cookies:
                headers = {"Cookie": f"resq_server={cookie}"}
                address = f"ws://127.0.0.1:{port}/_stcore/stream"
                await stack.enter_async_context(
                    websockets.connect(address, additional_headers=headers, **options)
                )
            return look()

    with ThreadPoolExecutor(1) as thread:  # this thread may hold a browser's event loop
        return thread.submit(asyncio.run, hold()).result()


def taken(ports: list[int]) -> list[int]:
    """How many connections each of these ports holds."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    open_ones = [int(entry[1].split(":")[1], 16) for entry in lines if entry[3] == "01"]
    return [open_ones.count(port) for port in ports]


@needs_nginx
def test_a_visitor_stays_with_one_server_and_a_class_is_spread_over_both(two):
    process, port = two
    ports = list(servers(process).values())
    assert len(ports) == 2
    look = partial(taken, ports)
    one = held(port, ["one"] * 6, look, origin=f"http://127.0.0.1:{port}")
    assert sorted(one) == [0, 6]
    assert held(port, ["one"] * 6, look) == one
    many = held(port, [f"visitor{number}" for number in range(20)], look)
    assert sum(many) == 20
    assert min(many) >= 3
    with pytest.raises(websockets.InvalidStatus):
        held(port, ["one"], look, origin="http://elsewhere.example")


@needs_nginx
def test_a_killed_server_is_started_again_and_nobody_is_turned_away(two):
    process, port = two
    (victim, its_port), (other, others_port) = servers(process).items()
    os.kill(victim, signal.SIGKILL)
    visitors = [f"visitor{number}" for number in range(8)]
    # The other takes those of the killed one too.
    assert held(port, visitors, partial(taken, [others_port])) == [8]
    for visitor in visitors:
        assert asked(port, "/_stcore/health", Cookie=f"resq_server={visitor}").status == 200
    until(lambda: len(servers(process)) == 2)
    assert set(servers(process)) > {other}
    assert victim not in servers(process)
    assert its_port in servers(process).values()
    until(lambda: fleet.healthy(its_port))


@needs_nginx
def test_the_token_that_one_server_gave_another_one_takes(two):
    """The token of a page's uploads, got from one server and sent to the other."""
    process, _ = two
    first, second = servers(process).values()
    token = asked(first, "/_stcore/health").headers["Set-Cookie"].partition(";")[0]
    line = http.client.HTTPConnection("127.0.0.1", second, timeout=60)
    headers = {"Cookie": token, "X-Xsrftoken": token.partition("=")[2]}
    line.request("PUT", "/_stcore/upload_file/none/none", body=b"x", headers=headers)
    signed = line.getresponse().status
    line.close()
    line.request("PUT", "/_stcore/upload_file/none/none", body=b"x")
    assert line.getresponse().status == 403  # no token at all
    assert signed != 403
