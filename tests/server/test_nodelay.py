"""Connections of a socket whose protocol was left open send small packets at once."""

import asyncio
import socket
from asyncio import base_events
from concurrent.futures import ThreadPoolExecutor

from dashboard.server import nodelay


async def accepted():
    """TCP_NODELAY of a connection that a server takes through a socket as Streamlit opens it."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.bind(("127.0.0.1", 0))
    seen = asyncio.get_running_loop().create_future()

    async def taken(reader, writer):
        sock = writer.get_extra_info("socket")
        seen.set_result(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async with await asyncio.start_server(taken, sock=listening):
        _, writer = await asyncio.open_connection(*listening.getsockname())
        try:
            return await asyncio.wait_for(seen, 20)
        finally:
            writer.close()


def run(main):
    """The answer of a loop on a thread of its own: this one may have a browser's loop at work."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, main()).result()


def test_a_connection_sends_at_once(monkeypatch):
    monkeypatch.setattr(base_events, "_set_nodelay", base_events._set_nodelay)
    nodelay.install()
    assert run(accepted) != 0


def test_sockets_that_are_not_tcp_are_left_as_they_are():
    one, other = socket.socketpair()
    with one, other:
        nodelay.set_nodelay(one)  # a Unix socket knows no such option
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        nodelay.set_nodelay(datagrams)
