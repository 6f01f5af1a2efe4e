"""A deployed file on the pages that also show checkpoints: Bit lab, Layers, moving pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from streamlit.delta_generator import DeltaGenerator

from dashboard import cached
from dashboard.components import filebring, filelayers, page_frame, render
from dashboard.format import filewords
from dashboard.forms import bitlab, fileflip
from dashboard.model import filejobs
from dashboard.model.own import ownfiles


def names() -> list[str]:
    """The files that are kept here."""
    return ownfiles.names()


def network_and_encoding(
    known: list[str], first: DeltaGenerator, second: DeltaGenerator, of_file: Callable[[str], None]
) -> tuple[str, str] | None:
    """The chosen checkpoint and its encoding; None where a file is chosen, which ``of_file`` then shows.

    Args:
        known: the checkpoints; the files that are kept here stand behind them.
        first, second: where the two lists are drawn.
    """
    files = names()
    render.unknown_names("net", [*known, *files])
    with first, page_frame.group("network"):
        net = bitlab.network([*known, *files])
    if net in files:
        of_file(net)
        return None
    with second, page_frame.group("encoding"):
        return net, bitlab.encoding(net)


def layers(name: str) -> None:
    """Its tensors x bits, measured on its runtime, and the words that harm most."""
    chosen = _chosen(name)
    if chosen is None:
        return
    images, inputs, about = chosen
    rows = cached.measurements().rows([filejobs.FileCheck(name, images, inputs)])
    filelayers.section(name, images, inputs, about, dict(rows[0]["check"]) if rows else None)


def bits(name: str) -> None:
    """One of its words, and its runtime's answer before and after bits of it flip."""
    chosen = _chosen(name)
    if chosen is not None:
        fileflip.section(name, *chosen)


def _chosen(name: str) -> tuple[str, str, Mapping[str, Any]] | None:
    """(images, what is said of its input, what it stores); None, with a sentence, where they do not fit."""
    ownfiles.touch(name)
    inputs = filebring.inputs()
    about = cached.inspected(name, inputs)
    images = filebring.images(about["output"]["classes"])
    if not images:
        return None
    if not filewords.known(about):
        render.error_box(render.plain(filewords.unsaid(about)))
        return None
    if message := filewords.misfit(about, images, filebring.classes_of(images, about["output"]["classes"])):
        render.error_box(message)
        return None
    return images, inputs, about
