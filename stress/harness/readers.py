"""What a stranger may bring, read as the project reads it: each takes a folder to write in, and one input."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

ROOT = Path(__file__).resolve().parents[2]


def sound_rows() -> bytes:
    """A shipped table of one checkpoint's rows."""
    return min((ROOT / "assets/results").glob("signs*faults.parquet")).read_bytes()


@cache
def _about() -> dict[str, str]:
    """What a card says of them."""
    first = pd.read_parquet(io.BytesIO(sound_rows())).iloc[0]
    return {name: str(first[name]) for name in ("checkpoint", "encoding", "weights")}


def torch_file(folder: Path, raw: bytes) -> object:
    """A torch file, brought in and listed."""
    from resq import importers
    from resq.importers.formats import files

    file = folder / "upload.pth"
    file.write_bytes(raw)
    with contextlib.suppress(ValueError):
        importers.import_weights(file, "resnet20", 16)
    return files.listing(file)


def safetensors_file(folder: Path, raw: bytes) -> object:
    """A safetensors file, every tensor of it."""
    from resq.importers.formats import files

    file = folder / "upload.safetensors"
    file.write_bytes(raw)
    return [tensor.read(file) for tensor in files.listing(file).tensors.values()]


def checkpoint_files(folder: Path, pair: tuple[bytes, Any]) -> object:
    """A checkpoint and its card, as far as the network."""
    from resq import checkpoints
    from resq.core import Encoding
    from resq.measure.engine import faulty_network

    raw, fields = pair
    file = folder / "own.safetensors"
    file.write_bytes(raw)
    if fields is None:
        fields = checkpoints.card("signs/resnet20/base")
    if isinstance(fields, dict):  # the sum is right: what comes after it is to be reached
        fields = {"network": "resnet20", "data": "signs", "weights": ["a"], **fields}
        fields |= {"sha256": hashlib.sha256(raw).hexdigest()}
    text = json.dumps(fields).encode("utf-8", "surrogatepass")
    (folder / "own.json").write_bytes(text)
    loaded = checkpoints.load(str(file))
    return faulty_network.network_of(loaded, loaded.quantized(Encoding.parse("int8")))


def picture_file(folder: Path, raw: bytes) -> object:
    """A picture of a folder, and of a parquet file."""
    from resq.data import pictures, shards

    file = folder / "upload.png"
    file.write_bytes(raw)
    with contextlib.suppress(ValueError):
        pictures._pixels(file)
    return shards._pixels(raw, 0)


def sweeps_file(folder: Path, raw: bytes) -> object:
    """A TOML file of sweeps."""
    from resq.measure.specs import sweep_spec

    (folder / "own.toml").write_bytes(raw)
    return [one.argv() for one in sweep_spec.read(folder / "own.toml")]


def recipe_file(folder: Path, raw: bytes) -> object:
    """A TOML recipe."""
    from resq.training import recipe

    (folder / "own.toml").write_bytes(raw)
    return recipe.read(folder / "own.toml").hash


def campaign_file(folder: Path, raw: bytes) -> object:
    """A TOML campaign, written and read again."""
    from resq.measure.specs import campaign

    (folder / "own.toml").write_bytes(raw)
    found = campaign.read(folder / "own.toml")
    return campaign.parse(found.toml()).hash == found.hash


def preset_file(folder: Path, raw: bytes) -> object:
    """A TOML preset, as far as its plan."""
    from resq.training import presets

    (folder / "own.toml").write_bytes(raw)
    return presets.plan("signs/resnet20/base", str(folder / "own.toml")).hash


def hardened_list(folder: Path, raw: bytes) -> object:
    """A TOML list of checkpoints to make."""
    from resq.training import hardening_list

    (folder / "own.toml").write_bytes(raw)
    return [plan.hash for plan in hardening_list.read(folder / "own.toml")]


def plugin_name(folder: Path, name: str) -> object:
    """A name given as ``--plugin``: none of them is one."""
    from resq import plugins

    (folder / "notes.txt").write_text("raise SystemExit")
    with contextlib.suppress(ValueError):
        plugins.load([str(folder / "notes.txt")])
    plugins.load([name])
    raise AssertionError(f"a plugin was found at {name!r}")


def uploaded_picture(folder: Path, raw: bytes) -> object:
    """A visitor's own picture."""
    from dashboard.model.own import uploads

    return uploads.picture(raw)[0].shape


def card_file(folder: Path, pair: tuple[Any, bytes]) -> object:
    """Another's card with its rows."""
    from resq.claims import card

    fields, raw = pair
    if fields is None:
        fields = _about()
    if isinstance(fields, dict):  # known and with the right sum: what comes after is to be reached
        fields = fields | {"card": card.PROTOCOL, "sha256": hashlib.sha256(raw).hexdigest()}
    (folder / "own.json").write_bytes(json.dumps(fields).encode("utf-8", "surrogatepass"))
    (folder / "own.parquet").write_bytes(raw)
    return card.read(folder / "own.json")


def rows(folder: Path, raw: bytes) -> object:
    """A parquet file of rows."""
    from resq.measure.store import table

    (folder / "own.parquet").write_bytes(raw)
    return table.read(folder / "own.parquet")


def name(folder: Path, name: str) -> object:
    """A checkpoint's name, saved, parsed and looked for."""
    import numpy as np

    from resq import checkpoints
    from resq.core import Encoding

    with contextlib.suppress(ValueError):
        checkpoints.save(name, {"a": np.zeros(1, np.float32)}, (), {}, folder / "weights")
    with contextlib.suppress(ValueError):
        Encoding.parse(name)
    return checkpoints.find(name)


def command_line(folder: Path, words: list[str]) -> object:
    """The words of a command line."""
    from resq import cli

    quiet = io.StringIO()
    with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        cli.parser().parse_args(words)
        return cli.main(["show", *words[1:2]])


def job_line(folder: Path, line: str) -> object:
    """A line that a job prints."""
    from resq import jobs

    job = jobs.Job.__new__(jobs.Job)
    job.rows, job.total = [], 0
    job._take(line)
    return job.rows


def link(folder: Path, text: str) -> object:
    """A text in every place that a link has for one."""
    from dashboard.components import render
    from dashboard.forms import bitlab
    from dashboard.model import url_schema

    given = {"task": text, "hide": text, "present": text}
    around = [url_schema.shell(page, given) for page in url_schema.GROUPS]
    return bitlab.parse_bits(text), render.plain(text), [url_schema.query("start", {}, a) for a in around]


def page(folder: Path, link: tuple[str, dict[str, str]]) -> object:
    """A page with a link."""
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
