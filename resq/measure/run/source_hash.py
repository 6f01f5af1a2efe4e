"""Which code a row was measured with: a hash over the sources that decide its numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from resq.measure.specs import plugged
from resq.measure.specs.cells import Cell

# What decides the numbers: a row carries a hash of these sources, which are all that ``sweep`` imports, and
# what those import, but for IDLE.
SOURCES = (
    "core/types.py",
    "core/encoding.py",
    "core/guards.py",
    "core/seeds.py",
    "checkpoints/packed.py",
    "data",
    "networks",
    "memory",
    "attacks",
    "checkpoints/__init__.py",
    "deployed",
    "platform/devices.py",
    "platform/torchvision_compat.py",
    "platform/vnni.py",
    "measure/engine/activation_faults.py",
    "measure/engine/bf16_networks.py",
    "measure/run/deployed/aimed.py",
    "measure/engine/predictions.py",
    "measure/engine/faulty_network.py",
    "measure/specs/cells.py",
    "measure/run/deployed/file_answers.py",
    "measure/run/deployed/file_classes.py",
    "measure/run/deployed/rows.py",
    "measure/engine/weight_buffer.py",
    "measure/engine/fold_batchnorm.py",
    "measure/run/attacked_batches.py",
    "measure/run/cell_images.py",
    "measure/run/joint_attack.py",
    "measure/specs/sdc_rates.py",
    "measure/specs/sweep_spec.py",
    "measure/run/sweep.py",
)
# Beside them, and without a say in a number.
IDLE = (
    "__init__.py",  # the version
    "checkpoints/fetch.py",  # where a file comes from, whose hash is checked
    "core/commands.py",  # how a command is written
    "core/validation.py",  # refuses what is of another type
    "data/pictures.py",  # of a plugin's own; a row has the hash of the images
    "measure/__init__.py",
    "measure/engine/__init__.py",
    "measure/run/__init__.py",
    "measure/run/deployed/__init__.py",
    "measure/specs/__init__.py",
    "core/__init__.py",
    "core/errors.py",
    "core/files.py",  # how a file is written
    "core/paths.py",  # where it lies
    "platform/__init__.py",
    "measure/run/source_hash.py",  # says which code it was
    "measure/specs/plugged.py",  # says it of what is not the project's own, as do the next
    "plugins/__init__.py",
    "plugins/sources.py",
    "networks/identity/__init__.py",
    "networks/identity/code_text.py",
    "networks/identity/fingerprint.py",
    "core/registries.py",
    "measure/run/machine.py",  # tells what computed
    "platform/malloc.py",  # where memory comes from
    "measure/specs/version.py",  # a row says it
    "networks/imagenet.py",  # a start for training
    "deployed/quantizers.py",  # what a word stands for, for people
    "deployed/twin/check.py",  # how far a twin is from its file
    "deployed/twin/taps.py",
    "memory/number_formats.py",  # one value in several formats, for people
    "attacks/bit_search.py",  # a search whose result is no row
)


@cache
def code_hash() -> str:
    """16 hex digits over the sources that decide the numbers."""
    digest = hashlib.sha256()
    for file in sources():
        digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def code_of(cells: Iterable[Cell]) -> str:
    """16 hex digits over these sources and those of what the cells name that is not the project's own."""
    return _with(plugged.digest(cells))


def code_of_training(network: str, dataset: str, stages: Iterable[str] = ()) -> str:
    """As ``code_of``, of a network's training on a data set, by these stages."""
    return _with(plugged.of_training(network, dataset, stages))


def _with(foreign: str) -> str:
    return hashlib.sha256(f"{code_hash()} {foreign}".encode()).hexdigest()[:16] if foreign else code_hash()


ROOT = Path(__file__).resolve().parents[2]


def sources() -> list[Path]:
    """The files that decide the numbers: those of SOURCES without IDLE."""
    files = [f for name in SOURCES for f in (sorted((ROOT / name).rglob("*.py")) or [ROOT / name])]
    return [file for file in files if file.relative_to(ROOT).as_posix() not in IDLE]
