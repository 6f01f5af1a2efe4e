"""Where papers can be read: addresses of arXiv numbers, and the papers of network architectures."""

from __future__ import annotations

import re

ARXIV = "https://arxiv.org/abs/"
NETWORKS = {
    "resnet18": "1512.03385", "resnet20": "1512.03385", "resnet44": "1512.03385", "resnet18_gn": "1512.03385",
    "vgg11": "1409.1556", "vgg16": "1409.1556", "efficientnet_b0": "1905.11946", "swin_t": "2103.14030",
}  # fmt: skip


def linked(text: str) -> str:
    """Markdown text in which every arXiv number leads to its paper.

    >>> linked("a text (arXiv 2603.15413)")
    'a text ([arXiv 2603.15413](https://arxiv.org/abs/2603.15413))'
    """
    return re.sub(r"arXiv[ :](\d{4}\.\d{4,5})", lambda match: f"[arXiv {match[1]}]({ARXIV}{match[1]})", text)


def of_network(name: str) -> str | None:
    """The address of the paper that a network's architecture is from; None where none is known.

    >>> of_network("swin_t"), of_network("mine")
    ('https://arxiv.org/abs/2103.14030', None)
    """
    return f"{ARXIV}{NETWORKS[name]}" if name in NETWORKS else None
