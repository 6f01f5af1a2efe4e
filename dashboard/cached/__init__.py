"""The only package that caches. Keys are names, hashes and small frozen values, never arrays or networks.

What `cache_resource` hands out is shared by all visitors: nothing here or in the pages writes into it.
"""

from dashboard.cached.bitlab import Attacked, Outcome, attacked, outcome, picture
from dashboard.cached.checkpoint_models import (
    LoadedNetwork,
    card,
    datasets,
    load_network,
    megabytes,
    names,
    networks,
    opened_in,
    unshipped,
    words_of,
)
from dashboard.cached.claims import board, reruns, verdicts
from dashboard.cached.files import flags, flipped, inspected
from dashboard.cached.hardening import effort, presets
from dashboard.cached.images import (
    SHOWN,
    Pictures,
    about,
    chance_level,
    classes,
    pictures,
    present,
    thumbnail,
)
from dashboard.cached.layers import cell, copies, film, flows, heatmap, protected
from dashboard.cached.measured_rows import (
    StoredCurves,
    cached_figure,
    curves,
    measured_most,
    measurements,
    outdated,
    revealed,
    rows,
    stored_cells,
    stored_curves,
    study,
    usual,
)
from dashboard.cached.speed import price
from dashboard.cached.tradeoff import areas, cells, joint_command, surface_commands, surface_rows

__all__ = [
    "SHOWN",
    "Attacked",
    "LoadedNetwork",
    "Outcome",
    "Pictures",
    "StoredCurves",
    "about",
    "areas",
    "attacked",
    "board",
    "cached_figure",
    "card",
    "cell",
    "cells",
    "chance_level",
    "classes",
    "copies",
    "curves",
    "datasets",
    "effort",
    "film",
    "flags",
    "flipped",
    "flows",
    "heatmap",
    "inspected",
    "joint_command",
    "load_network",
    "measured_most",
    "measurements",
    "megabytes",
    "names",
    "networks",
    "opened_in",
    "outcome",
    "outdated",
    "picture",
    "pictures",
    "present",
    "presets",
    "price",
    "protected",
    "reruns",
    "revealed",
    "rows",
    "stored_cells",
    "stored_curves",
    "study",
    "surface_commands",
    "surface_rows",
    "thumbnail",
    "unshipped",
    "usual",
    "verdicts",
    "words_of",
]
