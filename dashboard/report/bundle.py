"""Interactive figures in files that need no network: plotly.js travels packed, a third of its size.

The browser unpacks it itself (``DecompressionStream``, in all since 2023) and draws then.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from functools import cache

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from dashboard.charts import theme

# Once per file; figures wait for it.
UNPACK = """
window.plotlyReady = (async () => {
  const text = atob(document.getElementById('plotly-packed').textContent);
  const packed = Uint8Array.from(text, c => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  const script = document.createElement('script');
  script.textContent = await new Response(stream).text();
  document.head.append(script);
})();
"""
DRAW = "plotlyReady.then(() => Plotly.newPlot({}, {}))"


@cache
def script() -> str:
    """plotly.js, packed, and what unpacks it: once per file, before the figures."""
    packed = base64.b64encode(gzip.compress(get_plotlyjs().encode(), 9, mtime=0)).decode()
    return f"<script type='text/plain' id='plotly-packed'>{packed}</script><script>{UNPACK}</script>"


def division(drawn: go.Figure) -> str:
    """One figure, for a file that holds ``script()`` once."""
    name = f"figure-{hashlib.sha256(drawn.to_json().encode()).hexdigest()[:12]}"
    figure = {**json.loads(drawn.to_json()), "config": {**theme.SAVED, "responsive": True}}
    script_data = json.dumps(figure, separators=(",", ":")).replace("<", "\\u003c")
    return f'<div id="{name}"></div><script>{DRAW.format(json.dumps(name), script_data)}</script>'


def page(drawn: go.Figure, title: str = "RESQ Lab") -> str:
    """One figure as a file of its own."""
    return (
        f"<!doctype html><html lang=en><head><meta charset=utf-8><title>{title}</title>{script()}</head>"
        f"<body>{division(drawn)}</body></html>"
    )
