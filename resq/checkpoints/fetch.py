"""Weights that an installed package has only the cards of: fetched once, from where its releases lie."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request

import resq
from resq.core.errors import NotFoundError, ResqError

ENV = "RESQ_RELEASES"
# Where the files of releases lie, such as https://HOST/PROJECT/releases/download: set when one is published.
ADDRESS = ""
LARGEST = 64 * 2**20  # bytes; the largest that is shipped has 28 MB
PATIENCE = 30  # seconds without an answer


def address(name: str) -> str:
    """Where a checkpoint's weights lie: below the release of this version, or "" where no address is known.

    >>> os.environ["RESQ_RELEASES"] = "https://example.org/download/"
    >>> address("cifar10/vgg16/base").removeprefix("https://example.org/download/v" + resq.__version__)
    '/cifar10-vgg16-base.safetensors'
    >>> del os.environ["RESQ_RELEASES"]
    """
    base = (os.environ.get(ENV) or ADDRESS).rstrip("/")
    return f"{base}/v{resq.__version__}/{name.replace('/', '-')}.safetensors" if base else ""


def weights(name: str, sha256: str) -> bytes:
    """The weights' file of a checkpoint, checked against its card.

    Raises:
        FileNotFoundError: no address is known, or it does not answer; the sentence says what has them.
        ValueError: what answered is another file.
    """
    where = address(name)
    if not where:
        raise NotFoundError(
            f"the weights of {name} are not in the installed package, and ${ENV} names no address of "
            "releases; a clone of the project has them all"
        )
    if not where.startswith(("https://", "http://localhost", "http://127.0.0.1")):
        raise ResqError(f"weights are fetched over https, got {where}")
    try:
        with urllib.request.urlopen(where, timeout=PATIENCE) as answer:
            raw: bytes = answer.read(LARGEST + 1)
    except (urllib.error.URLError, OSError) as error:
        raise NotFoundError(
            f"the weights of {name} could not be fetched from {where} ({getattr(error, 'reason', error)}); "
            "a clone of the project has them all"
        ) from None
    digest = hashlib.sha256(raw).hexdigest()
    if digest != sha256:
        raise ResqError(
            f"{where} gave a file of SHA-256 {digest[:16]}…, the card of {name} says {sha256[:16]}…: not kept"
        )
    return raw
