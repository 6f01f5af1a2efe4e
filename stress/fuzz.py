"""Ten thousand hostile inputs to everything that reads what a stranger may bring.

Each target is given one input and may answer with a result or with one of the errors that become a sentence.
Any other error is a crash; anything that ``guard`` notes is an escape.
"""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stress import guard, hostile

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


def _torch(folder: Path, raw: bytes) -> object:
    from resq import foreign
    from resq.foreign import files

    file = folder / "upload.pth"
    file.write_bytes(raw)
    with contextlib.suppress(ValueError):
        foreign.bring(file, "resnet20", 16)
    return files.listing(file)


def _safetensors(folder: Path, raw: bytes) -> object:
    from resq.foreign import files

    file = folder / "upload.safetensors"
    file.write_bytes(raw)
    return [tensor.read(file) for tensor in files.listing(file).tensors.values()]


def _checkpoint(folder: Path, pair: tuple[bytes, Any]) -> object:
    import hashlib

    from resq import checkpoints
    from resq.core import Encoding
    from resq.measure import bench

    raw, fields = pair
    file = folder / "own.safetensors"
    file.write_bytes(raw)
    if isinstance(fields, dict):  # the sum is right: what comes after it is to be reached
        fields = {"network": "resnet20", "data": "signs", "weights": ["a"], **fields}
        fields |= {"sha256": hashlib.sha256(raw).hexdigest()}
    text = json.dumps(fields).encode("utf-8", "surrogatepass")
    (folder / "own.json").write_bytes(text)
    loaded = checkpoints.load(str(file))
    return bench.network_of(loaded, loaded.quantized(Encoding.parse("int8")))


def _picture(folder: Path, raw: bytes) -> object:
    from resq.data import folders, pictures

    file = folder / "upload.png"
    file.write_bytes(raw)
    with contextlib.suppress(ValueError):
        pictures._pixels(file)
    return folders._pixels(raw, 0)


def _sweeps(folder: Path, raw: bytes) -> object:
    from resq.measure import spec

    (folder / "own.toml").write_bytes(raw)
    return [one.argv() for one in spec.read(folder / "own.toml")]


def _recipe(folder: Path, raw: bytes) -> object:
    from resq.learn import recipe

    (folder / "own.toml").write_bytes(raw)
    return recipe.read(folder / "own.toml").hash


def _rows(folder: Path, raw: bytes) -> object:
    from resq.measure import table

    (folder / "own.parquet").write_bytes(raw)
    return table.read(folder / "own.parquet")


def _name(folder: Path, name: str) -> object:
    import numpy as np

    from resq import checkpoints
    from resq.core import Encoding

    with contextlib.suppress(ValueError):
        checkpoints.save(name, {"a": np.zeros(1, np.float32)}, (), {}, folder / "weights")
    with contextlib.suppress(ValueError):
        Encoding.parse(name)
    return checkpoints.find(name)


def _words(folder: Path, words: list[str]) -> object:
    from resq import cli

    quiet = io.StringIO()
    with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        cli.parser().parse_args(words)
        return cli.main(["show", *words[1:2]])


def _line(folder: Path, line: str) -> object:
    from resq import jobs

    job = jobs.Job.__new__(jobs.Job)
    job.rows, job.total = [], 0
    job._take(line)
    return job.rows


def _link(folder: Path, text: str) -> object:
    from dashboard import bitcontrols, show, state

    given = {"task": text, "hide": text, "present": text}
    around = [state.shell(page, given) for page in state.GROUPS]
    return bitcontrols.parse_bits(text), show.plain(text), [state.query("start", {}, a) for a in around]


def _page(folder: Path, link: tuple[str, dict[str, str]]) -> object:
    from streamlit.testing.v1 import AppTest

    page, query = link
    app = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=300)
    for name, value in query.items():
        app.query_params[name] = value
    if page != "start":
        app.switch_page(f"views/{page}.py")
    app.run()
    if app.exception:
        raise AssertionError(f"the page shows {app.exception[0].message}")
    return app


def _links() -> st.SearchStrategy[Any]:
    from dashboard import state

    value = st.one_of(
        hostile.TEXT,
        st.integers(-2, 10_000).map(str),
        st.sampled_from(("int8", "fp32", "conv1", "signs/resnet20/base")),
    )

    def of(page: str) -> st.SearchStrategy[Any]:
        names = st.sampled_from([*state.PARAMS[page], *state.SHELL, "nonsense"])
        return st.tuples(st.just(page), st.dictionaries(names, value, max_size=6))

    return st.sampled_from(sorted(state.PARAMS)).flatmap(of)


def _sound_rows() -> bytes:
    return next(iter(sorted((ROOT / "assets/results").glob("*faults.parquet")))).read_bytes()


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
SOUND = 'checkpoint = "signs/resnet20/base"\nencoding = ["int8", "int4"]\nbers = [0.0, 1e-3]\nmaps = 3\n'

TARGETS: dict[str, Target] = {
    "torch files": Target(hostile.torch_like, _torch, 16),
    "safetensors": Target(lambda _: hostile.safetensors(), _safetensors, 12),
    "checkpoints": Target(lambda _: st.tuples(hostile.checkpoints(), hostile.cards()), _checkpoint, 10),
    "pictures": Target(lambda _: hostile.pictures(), _picture, 16),
    "sweeps": Target(lambda _: hostile.toml(SWEEP, SOUND), _sweeps, 10),
    "recipes": Target(lambda _: hostile.toml(RECIPE, 'data = "signs"\nnetwork = "resnet20"\n'), _recipe, 8),
    "rows": Target(lambda _: hostile.spoilt(st.just(_sound_rows())), _rows, 4),
    "names": Target(lambda _: hostile.NAME, _name, 8),
    "command lines": Target(lambda _: _argv(), _words, 6, also=(*SENTENCES, SystemExit)),
    "lines of a job": Target(lambda _: st.one_of(hostile.JSON.map(json.dumps), hostile.TEXT), _line, 4),
    "links": Target(lambda _: hostile.TEXT, _link, 5),
    # Streamlit keeps what its pages cache as pickles of its own, in memory.
    "pages": Target(lambda _: _links(), _page, 1, trusted="pickle.find_class"),
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
        with guard.watched(folder, Path(tempfile.gettempdir())) as seen:
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
