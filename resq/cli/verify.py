"""Checks every shipped checkpoint, result, claim and spec against its committed hash; names what differs."""

from __future__ import annotations

import argparse

from resq.claims import manifest
from resq.cli import options
from resq.core.errors import ResqError


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("--write", action="store_true", help="make the manifest of what lies there now")


def run(arguments: argparse.Namespace) -> None:
    """Compares and prints.

    Raises:
        ValueError: something differs; the sentence names it.
    """
    if arguments.write:
        manifest.write()
    hashes = manifest.hashes()
    differs = manifest.differences(manifest.read(), hashes)
    if arguments.json:
        print(options.dump({"files": len(hashes), "matches": not differs, "differs": differs}))
    if differs:
        more = f" (and {len(differs) - 5} more)" if len(differs) > 5 else ""
        raise ResqError(f"{'; '.join(differs[:5])}{more}")
    if not arguments.json:
        print(f"{len(hashes)} files, each the one of assets/{manifest.NAME}")
