"""Ten thousand hostile inputs to everything that reads what a stranger may bring.

Each target is given one input and may answer with a result or with one of the errors that become a sentence.
Any other error is a crash; anything that ``audit_hook`` notes is an escape.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stress import hostile
from stress.harness import audit_hook, readers

SENTENCES = (ValueError, FileNotFoundError)
ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Findings:
    """What the inputs of one target did."""

    inputs: int = 0
    refused: int = 0
    crashes: list[str] = field(default_factory=list)
    escapes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Target:
    """What reads input.

    Attributes:
        inputs: what is drawn for it, given the file a canary would make.
        read: takes the folder it may write in, and one input.
        share: of all inputs, in parts of 100.
        also: the errors that it may answer with.
        trusted: what it may do beside: notes of the guard that begin so are no escapes.
    """

    inputs: Callable[[str], st.SearchStrategy[Any]]
    read: Callable[[Path, Any], object]
    share: int
    also: tuple[type[BaseException], ...] = SENTENCES
    trusted: str = "nothing"


def _links() -> st.SearchStrategy[Any]:
    from dashboard.model import url_schema

    value = st.one_of(
        hostile.TEXT,
        st.integers(-2, 10_000).map(str),
        st.sampled_from(("int8", "fp32", "conv1", "signs/resnet20/base")),
    )

    def of(page: str) -> st.SearchStrategy[Any]:
        names = st.sampled_from([*url_schema.PARAMS[page], *url_schema.SHELL, "nonsense"])
        return st.tuples(st.just(page), st.dictionaries(names, value, max_size=6))

    return st.sampled_from(sorted(url_schema.PARAMS)).flatmap(of)


def _argv() -> st.SearchStrategy[list[str]]:
    from resq.cli import COMMANDS

    flags = "--ber --eps --n --maps --bits --encoding --seed --json --data --plugin --network --name".split()
    word = st.one_of(st.sampled_from(flags), hostile.NAME, st.integers().map(str))
    start = st.sampled_from([*COMMANDS, "nonsense"])
    return st.tuples(start, st.lists(word, max_size=6)).map(lambda pair: [pair[0], *pair[1]])


SWEEP = tuple(
    "checkpoint data encoding fault layers planes bers maps attack eps steps restarts n seed".split()
)
RECIPE = tuple("data network variant optimizer epochs batch lr warmup size seed start cutout".split())
CAMPAIGN = tuple(
    "checkpoints data encodings faults layers planes bers maps attacks eps steps modes seeds n top".split()
)
PRESET = 'about = "a"\nimages = 5\n[[stage]]\nname = "bit_error"\nrate = 0.02\n[[stage]]\nname = "quantize"\n'
LISTED = tuple("base preset images seed options checkpoint variant stages".split())
LIST = (
    'base = "signs/resnet20/base"\n[options.bit_error]\nepochs = 2\n'
    '[[checkpoint]]\nvariant = "own"\nstages = ["bit_error"]\n'
)
SOUND = 'checkpoint = "signs/resnet20/base"\nencoding = ["int8", "int4"]\nbers = [0.0, 1e-3]\nmaps = 3\n'

TARGETS: dict[str, Target] = {
    "torch files": Target(hostile.torch_like, readers.torch_file, 12),
    "safetensors": Target(lambda _: hostile.safetensors(), readers.safetensors_file, 10),
    "checkpoints": Target(
        lambda _: st.tuples(hostile.checkpoints(), hostile.cards()), readers.checkpoint_files, 9
    ),
    "pictures": Target(lambda _: hostile.pictures(), readers.picture_file, 10),
    "uploaded pictures": Target(lambda _: hostile.pictures(), readers.uploaded_picture, 8),
    "sweeps": Target(lambda _: hostile.toml(SWEEP, SOUND), readers.sweeps_file, 7),
    "campaigns": Target(
        lambda _: hostile.toml(
            CAMPAIGN, SOUND.replace("checkpoint ", "checkpoints ").replace("encoding ", "encodings ")
        ),
        readers.campaign_file,
        6,
    ),
    "recipes": Target(
        lambda _: hostile.toml(RECIPE, 'data = "signs"\nnetwork = "resnet20"\n'), readers.recipe_file, 5
    ),
    "presets": Target(lambda _: hostile.toml(("about", "images", "stage"), PRESET), readers.preset_file, 5),
    "hardened lists": Target(lambda _: hostile.toml(LISTED, LIST), readers.hardened_list, 5),
    "rows": Target(lambda _: hostile.spoilt(st.just(readers.sound_rows())), readers.rows, 3),
    "cards of others": Target(
        lambda _: st.tuples(hostile.cards(), hostile.spoilt(st.just(readers.sound_rows()))),
        readers.card_file,
        3,
    ),
    "names": Target(lambda _: hostile.NAME, readers.name, 5),
    "plugin names": Target(lambda _: hostile.NAME, readers.plugin_name, 3),
    "command lines": Target(lambda _: _argv(), readers.command_line, 3, also=(*SENTENCES, SystemExit)),
    "lines of a job": Target(
        lambda _: st.one_of(hostile.JSON.map(json.dumps), hostile.TEXT), readers.job_line, 2
    ),
    "links": Target(lambda _: hostile.TEXT, readers.link, 3),
    # Streamlit keeps what its pages cache as pickles of its own, in memory.
    "pages": Target(lambda _: _links(), readers.page, 1, trusted="pickle.find_class"),
}


def fuzz(target: Target, inputs: int, folder: Path) -> Findings:
    """Gives the target so many inputs; the same ones at every run."""
    found, made = Findings(), folder / "canary"

    @settings(max_examples=inputs, deadline=None, database=None, derandomize=True,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(target.inputs(str(made)))
    def one(value: Any) -> None:
        found.inputs += 1
        if found.inputs == 1:  # what it imports is no escape
            with contextlib.suppress(Exception, *target.also):
                target.read(folder, value)
        with audit_hook.watched(folder, Path(tempfile.gettempdir())) as seen:
            try:
                target.read(folder, value)
            except target.also:
                found.refused += 1
            except Exception as error:
                where = traceback.extract_tb(error.__traceback__)[-1]
                kind = (
                    f"{type(error).__name__}: {str(error)[:120]} ({Path(where.filename).name}:{where.lineno})"
                )
                found.crashes.append(f"{kind} for {str(value)[:200]!r}")
        found.escapes += [note for note in seen if not note.startswith(target.trusted)]
        if made.exists():
            found.escapes.append(f"code was run by {str(value)[:200]!r}")
            made.unlink()

    one()
    return found


def run(folder: Path, inputs: int = 10_000) -> dict[str, Any]:
    """All targets; the figures and the first findings of each."""
    result: dict[str, Any] = {"inputs": 0, "crashes": 0, "escapes": 0}
    examples: list[str] = []
    for name, target in TARGETS.items():
        own = folder / name.replace(" ", "-")
        own.mkdir(parents=True, exist_ok=True)
        found = fuzz(target, -(-inputs * target.share // 100), own)
        result[name] = f"{found.inputs} inputs, {found.refused} refused in a sentence"
        result["inputs"] += found.inputs
        result["crashes"] += len(found.crashes)
        result["escapes"] += len(found.escapes)
        examples += [f"{name}: {text}" for text in [*found.escapes[:3], *_kinds(found.crashes)[:6]]]
    return {**result, "examples": examples}


def _kinds(crashes: list[str]) -> list[str]:
    """One example of each class and place."""
    return list({crash.split(":")[0] + crash.split(") for ")[0][-30:]: crash for crash in crashes}.values())
