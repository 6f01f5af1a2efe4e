"""The configuration of nginx in front of several servers: each visitor stays with the one of its cookie.

Who sends no cookie stays with the server of its network address. A request that a dead server does not take
goes to the next one; the browser then draws its page anew from its address.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence

COOKIE = "resq_server"
PLACES = ("/usr/sbin", "/usr/local/sbin")  # where packages put it, which is on no ordinary user's path
MISSING = (
    "nginx is not on this machine, so one server is started and not {n}. Debian and Ubuntu: apt-get install "
    "nginx-light; docs/servers.md has what Caddy and Traefik want in its place."
)

CONFIGURATION = """\
worker_processes 1;
pid nginx.pid;
error_log stderr error;
daemon off;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  server_tokens off;
  client_body_temp_path body; proxy_temp_path proxy;
  fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  map $http_upgrade $upgrade {{ default upgrade; "" ""; }}
  map $cookie_{cookie} $visitor {{ default $cookie_{cookie}; "" $remote_addr; }}
  map $cookie_{cookie} $new_cookie {{
    default "";
    "" "{cookie}=$request_id; Path=/; HttpOnly; SameSite=Lax";
  }}
  upstream lab {{
    hash $visitor consistent;
{servers}
  }}
  server {{
    listen {address}:{port};
    client_max_body_size 0; # the servers have a limit of their own, and a sentence for it
    location / {{
      proxy_pass http://lab;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $upgrade;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
      proxy_read_timeout 1d;
      proxy_send_timeout 1d;
      proxy_connect_timeout 5s;
      add_header Set-Cookie $new_cookie always;
    }}
  }}
}}
"""


def binary() -> str:
    """Where nginx is; "" where it is not."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *PLACES])
    return shutil.which("nginx", path=path) or ""


def configuration(address: str, port: int, ports: Sequence[int]) -> str:
    """The whole file.

    Args:
        address, port: where visitors come; ports: those of the servers, on this machine.

    >>> "server 127.0.0.1:8612 max_fails=1" in configuration("127.0.0.1", 8501, [8611, 8612])
    True
    """
    servers = "\n".join(f"    server 127.0.0.1:{each} max_fails=1 fail_timeout=3s;" for each in ports)
    listen = f"[{address}]" if ":" in address and not address.startswith("[") else address
    return CONFIGURATION.format(cookie=COOKIE, servers=servers, address=listen, port=port)
