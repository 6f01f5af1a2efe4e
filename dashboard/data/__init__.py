"""The only package that caches. Keys are names, hashes and small frozen values, never arrays or networks.

What `cache_resource` hands out is shared by all visitors: nothing here or in the pages writes into it.
"""

from dashboard.data.answers import Attacked, Outcome, attacked, outcome, picture
from dashboard.data.files import flags, flipped, inspected
from dashboard.data.hardenings import effort, presets
from dashboard.data.measured import (
    Known,
    curves,
    known,
    measured_most,
    measurements,
    once,
    outdated,
    revealed,
    rows,
    stored_cells,
    study,
    usual,
)
from dashboard.data.nets import (
    Stored,
    card,
    datasets,
    megabytes,
    names,
    networks,
    opened_in,
    stored,
    unshipped,
    words_of,
)
from dashboard.data.photos import SHOWN, Pictures, about, chance, classes, pictures, present, thumbnail
from dashboard.data.planes import cell, copies, film, flows, heatmap, protected
from dashboard.data.replays import board, reruns, verdicts
from dashboard.data.surfaces import areas, cells, joint_command

__all__ = [
    "SHOWN",
    "Attacked",
    "Known",
    "Outcome",
    "Pictures",
    "Stored",
    "about",
    "areas",
    "attacked",
    "board",
    "card",
    "cell",
    "cells",
    "chance",
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
    "known",
    "measured_most",
    "measurements",
    "megabytes",
    "names",
    "networks",
    "once",
    "opened_in",
    "outcome",
    "outdated",
    "picture",
    "pictures",
    "present",
    "presets",
    "protected",
    "reruns",
    "revealed",
    "rows",
    "stored",
    "stored_cells",
    "study",
    "thumbnail",
    "unshipped",
    "usual",
    "verdicts",
    "words_of",
]
