"""Sends what a page says at once: small packets that wait for an acknowledgement cost each act 40 ms.

asyncio switches that wait off (``TCP_NODELAY``) for sockets that name TCP as their protocol. Streamlit opens
its own with the protocol left open, which is TCP all the same, and asyncio leaves those as they are.
"""

from __future__ import annotations

import socket
from asyncio import base_events


def install() -> None:
    """From now on, for all connections of this process; doing it again changes nothing."""
    base_events._set_nodelay = set_nodelay  # type: ignore[attr-defined]


def set_nodelay(sock: socket.socket) -> None:
    """Switches the wait off for a TCP socket; others are left as they are."""
    if sock.family in (socket.AF_INET, socket.AF_INET6) and sock.type == socket.SOCK_STREAM:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
