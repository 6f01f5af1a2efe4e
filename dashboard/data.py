"""The only file that caches. Keys are names, hashes and small frozen values, never arrays or networks.

What `cache_resource` hands out is shared by all visitors: nothing here or in the pages writes into it.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard import film as films
from dashboard import hardening, heat, lab, lessons, live, pick, theme
from resq import checkpoints
from resq import data as images
from resq.claims import board as leaderboard
from resq.claims import book, rerun, verdict
from resq.claims import card as own_cards
from resq.claims import cells as cells_of
from resq.claims.cells import Cell
from resq.core import Encoding, QuantizedModel
from resq.measure import flow, layers, stats, table, tradeoff
from resq.measure.spec import SweepSpec

SHOWN = 16  # test images a visitor can choose from


@dataclass(frozen=True, eq=False)
class Stored:
    """A network and the words its weights are read from; shared, so never written."""

    network: Any
    model: QuantizedModel
    checkpoint: checkpoints.Checkpoint


@dataclass(frozen=True, eq=False)
class Pictures:
    """The first test images of a data set; ``thumbnails`` are PNG data addresses."""

    pixels: np.ndarray
    y: np.ndarray
    classes: tuple[str, ...]
    thumbnails: tuple[str, ...]


@st.cache_data(show_spinner=False, ttl=10, max_entries=1)
def names() -> list[str]:
    """All checkpoints on this machine: the one that everybody can look at first, bases before variants."""
    return sorted(
        checkpoints.names(),
        key=lambda name: (not name.startswith("signs/"), not name.endswith("/base"), name),
    )


def networks() -> list[str]:
    """Networks that weights can be of.

    Raises:
        ImportError: no torch.
    """
    from resq.networks import NETWORKS

    return list(NETWORKS)


def datasets() -> list[str]:
    """Data sets that a network can know the classes of."""
    return list(images.DATASETS)


def card(name: str) -> dict[str, Any]:
    """The card of a checkpoint: no torch."""
    return checkpoints.card(name)


def stored(net: str, enc: str) -> Stored:
    """A checkpoint in an encoding.

    Raises:
        ValueError, ImportError: the sentence says what is wrong.
    """
    return _stored(net, str(card(net)["sha256"]), enc)


@st.cache_resource(show_spinner="Loading the network…", max_entries=8)
def _stored(net: str, sha256: str, enc: str) -> Stored:
    from resq.measure import bench

    checkpoint = checkpoints.load(net)
    model = checkpoint.quantized(Encoding.parse(enc))
    return Stored(bench.network_of(checkpoint, model), model, checkpoint)


@st.cache_resource(show_spinner="Reading the images…", max_entries=8)
def pictures(name: str) -> Pictures:
    """The images that a visitor can choose from.

    Raises:
        FileNotFoundError: they are not on this machine; the sentence says what to do.
    """
    classes = images.source(name).classes
    if name == "signs":  # rendering sixteen takes no time, rendering the whole split half a minute
        pixels, y = images.signs.render("test", SHOWN)
    else:
        first = images.load(name, "test").first(SHOWN)
        pixels, y = first.pixels.copy(), first.y.copy()
    return Pictures(pixels, y, classes, tuple(_png(p) for p in pixels))


def thumbnail(pixels: np.ndarray) -> str:
    """A picture (3, H, W) uint8 as a PNG data address."""
    return _png(pixels)


def _png(pixels: np.ndarray, side: int = 96) -> str:
    from PIL import Image

    file = io.BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    picture.resize((side, side), Image.Resampling.NEAREST).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


@dataclass(frozen=True, eq=False)
class Outcome:
    """What the Bit lab shows for one state; ``before`` and ``after`` are None without images."""

    reading: lab.Reading
    n_flips: int
    edges: np.ndarray
    counts: np.ndarray
    faulty: np.ndarray | None
    before: np.ndarray | None
    after: np.ndarray | None


@st.cache_resource(show_spinner=False, max_entries=512)
def _clean(net: str, sha256: str, enc: str, img: int) -> np.ndarray:
    return _answer(stored(net, enc), lab.Lab(net, enc, "", 0, img), None)


@st.cache_resource(show_spinner=False, max_entries=256)
def _histogram(net: str, sha256: str, enc: str, layer: str) -> tuple[np.ndarray, np.ndarray]:
    from resq.memory import quant

    weight = quant.dequantize(stored(net, enc).model.weights[layer])
    at = lab.edges(weight)
    return at, lab.counts(weight, at)


def outcome(state: lab.Lab, seen: bool, own: np.ndarray | None = None) -> Outcome:
    """Everything the Bit lab shows.

    Args:
        seen: whether the images are on this machine.
        own: a visitor's picture (3, H, W) uint8, shown in place of the chosen one; never cached.
    """
    from resq.memory import quant

    both, sha256 = stored(state.net, state.enc), str(card(state.net)["sha256"])
    bits = lab.flips(both.model, state)
    faulty = quant.flip(both.model, bits)
    at, counts = _histogram(state.net, sha256, state.enc, state.layer)
    spread = lab.counts(quant.dequantize(faulty.weights[state.layer]), at) if state.share else None
    if own is not None:
        before: np.ndarray | None = _answer(both, state, None, own)
    else:
        before = _clean(state.net, sha256, state.enc, state.img) if seen else None
    after = _answer(both, state, bits, own) if before is not None and len(bits) else before
    reading = lab.reading(both.model, faulty, state.layer, state.w)
    return Outcome(reading, len(bits), at, counts, spread, before, after)


@dataclass(frozen=True, eq=False)
class Attacked:
    """A picture and what an attack made of it, (3, H, W) in 0..1; the answers as of ``lab.four``."""

    before: np.ndarray
    after: np.ndarray
    answers: np.ndarray


def attacked(state: lab.Lab, own: np.ndarray | None = None) -> Attacked:
    """The chosen picture attacked, read by the network as stored and with the flips."""
    both, sha256 = stored(state.net, state.enc), str(card(state.net)["sha256"])
    bits, x = lab.flips(both.model, state), picture(both, state.img, own)
    if own is None and (state.mode == "transfer" or not len(bits)):  # flips change nothing of it
        seen = lab.Lab(state.net, state.enc, "", 0, state.img, eps=state.eps, attack=state.attack,
                       seed=state.seed)  # fmt: skip
        after = _moved(seen, sha256)
    else:
        after = lab.moved(both.network, both.model, bits, x, state)
    answers = lab.four(both.network, both.model, bits, x, after)
    return Attacked(x[0].numpy(), after[0].numpy(), answers)


@st.cache_resource(show_spinner="Attacking…", max_entries=256)
def _moved(state: lab.Lab, sha256: str) -> Any:
    from resq.core import BitFlips

    both, none = stored(state.net, state.enc), BitFlips(np.empty(0, dtype=np.int64), np.empty(0))
    return lab.moved(both.network, both.model, none, picture(both, state.img), state)


def _answer(both: Stored, state: lab.Lab, bits: Any, own: np.ndarray | None = None) -> np.ndarray:
    from resq.core import BitFlips

    none = BitFlips(np.empty(0, dtype=np.int64), np.empty(0))
    x = picture(both, state.img, own)
    return lab.answer(both.network, both.model, none if bits is None else bits, x)


def picture(both: Stored, img: int, own: np.ndarray | None = None) -> Any:
    """One image (1, 3, H, W) in [0, 1] as the network reads it: a test image, or a visitor's own."""
    import torch

    pixels = pictures(both.checkpoint.data).pixels[img : img + 1] if own is None else own[None]
    return torch.from_numpy(np.ascontiguousarray(pixels)).float() / 255


@st.cache_resource(show_spinner=False)
def measurements() -> live.Measurements:
    """The measurements of this server, the same for all visitors."""
    return live.Measurements()


def rows() -> pd.DataFrame:
    """The measured rows that are shipped; empty where there are none."""
    return table.shipped()


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of some sweeps along one axis; shared, so never written.

    Attributes:
        missing: the sweeps without a row.
        key: what decides all of it, for ``drawn``.
    """

    rows: pd.DataFrame
    curves: pd.DataFrame
    missing: list[SweepSpec]
    key: tuple[Any, ...]


def known(
    specs: Sequence[SweepSpec], axis: str, fresh: Sequence[dict[str, Any]] = (), running: bool = False
) -> Known:
    """Rows and curves of these sweeps, those measured here (``fresh``) as of ``pick.together``."""
    seen = tuple((row["key"], row["correct"]) for row in fresh)
    return _known((axis, running, seen, *(spec.hash for spec in specs)), _stamp(), tuple(specs), fresh)


@st.cache_resource(show_spinner=False, max_entries=64)
def _known(
    key: tuple[Any, ...],
    stamp: tuple[Any, ...],
    _specs: Sequence[SweepSpec],
    _fresh: Sequence[dict[str, Any]],
) -> Known:
    found, missing = pick.together(rows(), table.frame(_fresh), _specs, key[0], key[1])
    return Known(found, curves(found, key[0]), missing, key)


def stored_cells(specs: Sequence[SweepSpec]) -> list[Cell]:
    """The stored cells of these sweeps, as their curves show them."""
    return _stored_cells(tuple(spec.hash for spec in specs), _stamp(), tuple(specs))


@st.cache_resource(show_spinner=False, max_entries=32)
def _stored_cells(hashes: tuple[str, ...], stamp: tuple[Any, ...], _specs: Sequence[SweepSpec]) -> list[Cell]:
    return cells_of.cells(pd.concat([known(_specs, axis).rows for axis in ("ber", "eps")], ignore_index=True))


def drawn(draw: Callable[..., go.Figure], key: tuple[Any, ...], *args: Any) -> go.Figure:
    """``draw(*args)``, made once for all who ask with this key; shared, so never written.

    Args:
        key: small values that, with the files that rows are read from, decide ``args``.
    """
    return _drawn(f"{draw.__module__}.{draw.__qualname__}", key, _stamp(), draw, args)


@st.cache_resource(show_spinner=False, max_entries=256)
def _drawn(
    name: str, key: tuple[Any, ...], stamp: tuple[Any, ...], _draw: Callable[..., go.Figure], _args: Any
) -> go.Figure:
    return _draw(*_args)


def curves(frame: pd.DataFrame, axis: str) -> pd.DataFrame:
    """Rows as curves with intervals; a series measured twice is that on the most images."""
    return stats.foremost(stats.curve(frame, axis))


def revealed(text: str) -> str:
    """A text with its places filled from stored rows."""
    return _revealed(text, _stamp())


@st.cache_data(show_spinner=False, max_entries=64)
def _revealed(text: str, stamp: tuple[Any, ...]) -> str:
    return lessons.reveal(text, rows())


def outdated(frame: pd.DataFrame) -> list[str]:
    """Checkpoints of these rows whose weights on this machine are not those that were measured."""
    pairs = frame[["checkpoint", "weights"]].drop_duplicates().to_numpy().tolist()
    here = set(names())
    return sorted({name for name, weights in pairs if name in here and card(name)["sha256"][:16] != weights})


def chance(names: list[str]) -> dict[str, float]:
    """Accuracy of guessing, by data set."""
    return {name: 1 / len(images.DATASETS[name].classes) for name in names if name in images.DATASETS}


def present(name: str) -> bool:
    """Whether the images of a data set are on this machine."""
    return name in images.DATASETS and images.present(name)


def classes(name: str) -> tuple[str, ...]:
    """Names of a data set's classes."""
    return images.source(name).classes


def about(name: str) -> str:
    """One sentence on a data set, saying whether its images are photographs."""
    return images.DATASETS[name].about if name in images.DATASETS else f"data set {name}"


def usual(net: str) -> list[str]:
    """The encodings that pages show at first: those with stored rows, at most four; else int8."""
    stored_ones = set(rows().query("checkpoint == @net and axis == 'ber'")["encoding"])
    return [enc for enc in lab.ENCODINGS if enc in stored_ones][:4] or ["int8"]


def heatmap(net: str, enc: str, running: live.Measurement | None = None) -> heat.Heatmap:
    """What is known of the layers and bits of a network: rows measured here before those that are stored."""
    fresh = tuple(running.rows) if running is not None else ()
    stamp = tuple((p.name, p.stat().st_mtime_ns) for p in sorted(table.SHIPPED.glob(f"*{layers.ENDING}")))
    return _heatmap(net, enc, (running.id if running else "", len(fresh)), stamp, fresh)


@st.cache_resource(show_spinner=False, max_entries=32)
def _heatmap(
    net: str, enc: str, job: tuple[str, int], stamp: tuple[tuple[str, int], ...], _fresh: tuple[dict, ...]
) -> heat.Heatmap:
    rows = heat.of(layers.shipped(), net, enc)
    own = heat.of(layers.frame(_fresh), net, enc) if _fresh else rows.iloc[:0]
    kept = rows[~rows["kind"].isin(set(own["kind"]))]
    if own.empty:
        return heat.heatmap(rows)
    return heat.heatmap(pd.concat([own, kept], ignore_index=True), tuple(dict.fromkeys(own["kind"])))


@st.cache_resource(show_spinner=False, max_entries=512)
def _cell(net: str, sha256: str, enc: str, layer: str, bit: int) -> heat.Cell:
    return heat.cell(words_of(net, enc).weights[layer], bit)


def cell(net: str, enc: str, layer: str, bit: int) -> heat.Cell:
    """One bit plane of one layer in detail."""
    return _cell(net, str(card(net)["sha256"]), enc, layer, bit)


def film(net: str, enc: str, layer: str, fault: str, seed: int) -> films.Film:
    """The bits of one layer as they flip while the rate grows."""
    return _film(net, str(card(net)["sha256"]), enc, layer, fault, seed)


@st.cache_resource(show_spinner="Drawing the fault map…", max_entries=64)
def _film(net: str, sha256: str, enc: str, layer: str, fault: str, seed: int) -> films.Film:
    return films.film(words_of(net, enc), layer, fault, seed)


def words_of(net: str, enc: str) -> QuantizedModel:
    """The stored words alone: no torch."""
    return _words_of(net, str(card(net)["sha256"]), enc)


@st.cache_resource(show_spinner="Loading the weights…", max_entries=8)
def _words_of(net: str, sha256: str, enc: str) -> QuantizedModel:
    return checkpoints.load(net).quantized(Encoding.parse(enc))


def measured_most(net: str = "") -> list[str]:
    """Networks with stored rows, or encodings of one: under both threats first, then by their number."""
    return _measured_most(net, _stamp())


@st.cache_data(show_spinner=False, max_entries=64)
def _measured_most(net: str, stamp: tuple[Any, ...]) -> list[str]:
    frame, column = rows(), "encoding" if net else "checkpoint"
    frame = frame[frame["checkpoint"] == net] if net else frame
    each = frame.assign(joint=frame["axis"] == "joint", eps=frame["axis"] == "eps", all=1).groupby(column)
    order = each[["joint", "eps", "all"]].sum()
    return order.sort_values(["joint", "eps", "all"], ascending=False, kind="stable").index.tolist()


def cells(net: str, enc: str, mode: str) -> pd.DataFrame:
    """The surface of a network as stored: random faults in all layers, PGD, seed 0."""
    return _cells(net, enc, mode, _stamp())


@st.cache_data(show_spinner=False, max_entries=64)
def _cells(net: str, enc: str, mode: str, stamp: tuple[Any, ...]) -> pd.DataFrame:
    found = rows().query("checkpoint == @net and encoding == @enc and region == 'all' and seed == 0")
    return tradeoff.cells(_random_and_pgd(found), mode)


def _random_and_pgd(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of random faults, of PGD, of both or of neither; where no bit flips, the fault model is "none"."""
    return frame[frame["fault"].isin(["none", "random"]) & frame["attack"].isin(["none", "pgd"])]


def areas(net: str) -> pd.DataFrame:
    """Both resistances of every variant of a network that has them, and the memory that its weights take."""
    found = _areas(net.rsplit("/", 1)[0] + "/", _stamp())
    sizes = [megabytes(*pair) for pair in found[["checkpoint", "encoding"]].to_numpy().tolist()]
    return found.assign(megabytes=sizes)


@st.cache_data(show_spinner=False, max_entries=16)
def _areas(row: str, stamp: tuple[Any, ...]) -> pd.DataFrame:
    frame = rows()
    return tradeoff.areas(_random_and_pgd(frame[frame["checkpoint"].str.startswith(row)]))


def megabytes(net: str, enc: str) -> float:
    """Memory of a checkpoint's stored weights; NaN where it is not on this machine."""
    if net not in names():
        return float("nan")
    return _weights(net, str(card(net)["sha256"])) * Encoding.parse(enc).stored / 8e6


@st.cache_data(show_spinner=False, max_entries=256)
def _weights(net: str, sha256: str) -> int:
    return checkpoints.n_weights(net)


def joint_command(net: str, enc: str, at: tuple[float, float] | None, mode: str) -> str:
    """The command that measures one cell, or the usual surface."""
    bers, budgets = ("0,1e-4,1e-3,1e-2,5e-2", "0,2,4,8") if at is None else (f"{at[0]:g}", f"{at[1]:g}")
    return f"python -m resq surface {net} --encoding {enc} --ber {bers} --eps {budgets} --mode {mode}"


@st.cache_resource(show_spinner=False)
def presets() -> dict[str, tuple[str, dict[str, dict[str, Any]]]]:
    """Presets of hardening: what each is about, and its stages with all options."""
    from resq.learn import presets as known
    from resq.learn.stages import STAGES

    return {
        name: (preset.about, {s: {**STAGES[s].defaults, **own} for s, own in preset.stages})
        for name, preset in known.PRESETS.items()
    }


def effort(spec: hardening.HardenSpec) -> str:
    """How long a run will take, from how long its base took, in a sentence."""
    about, epochs = card(spec.base), spec.total
    history, n = about.get("history") or [], about.get("train", {}).get("n", 0)
    if not history or not n or "seconds" not in history[-1]:
        return f"{epochs} epochs. How long they take is not known: the base's card says no times."
    per_image = float(np.median([row["seconds"] for row in history])) / n
    wait = theme.duration(hardening.seconds(spec, per_image, n))
    return f"{epochs} epochs, about **{wait}** of training on a machine like the one that trained the base."


def verdicts() -> list[verdict.Verdict]:
    """Every quoted claim with its verdict from the stored rows.

    Raises:
        ValueError: a file of claims that cannot be used.
    """
    return _verdicts(_stamp())


@st.cache_resource(show_spinner=False, max_entries=2)
def _verdicts(stamp: tuple[Any, ...]) -> list[verdict.Verdict]:
    claims = book.load()
    return verdict.judge_all(claims.values(), rows(), claims)


def board() -> pd.DataFrame:
    """The leaderboard of shipped rows, of re-runs on this machine and of cards of others."""
    try:
        again = tuple(rerun.runs())
    except ValueError:  # a store that cannot be read: the claim's own part of the page says so
        again = ()
    return _board((*_stamp(), tuple(run.at for run in again)), again)


@st.cache_data(show_spinner=False, max_entries=2)
def _board(stamp: tuple[Any, ...], _again: tuple[rerun.Run, ...]) -> pd.DataFrame:
    own = pd.concat([rows(), own_cards.rows("own")], ignore_index=True)
    return leaderboard.board(own, _again, own_cards.rows("others"))


def _stamp() -> tuple[Any, ...]:
    """What claims and verdicts follow from: names and times of the files they are read from."""
    folders = (
        table.SHIPPED,
        book.CLAIMS,
        own_cards.folder("own"),
        own_cards.folder("others"),
    )
    files = [p for folder in folders for p in sorted(folder.glob("*.*"))]
    return tuple((str(p), p.stat().st_mtime_ns) for p in files)


def flows(net: str, enc: str, fault: str, ber: float) -> list[dict[str, Any]]:
    """Shipped answers with and without flips at one rate, one row per fault map."""
    stamp = tuple((p.name, p.stat().st_mtime_ns) for p in sorted(table.SHIPPED.glob(f"*{flow.ENDING}")))
    wanted = (net, enc, fault, ber)
    return [r for r in _flows(stamp) if (r["checkpoint"], r["encoding"], r["fault"], r["ber"]) == wanted]


@st.cache_resource(show_spinner=False, max_entries=2)
def _flows(stamp: tuple[tuple[str, int], ...]) -> list[dict[str, Any]]:
    return flow.shipped()


def reruns(claim: str) -> list[rerun.Run]:
    """A claim's cell measured again on this machine, the latest first."""
    return rerun.runs(claim)


def study(net: str) -> dict[str, Any] | None:
    """The shipped summary of ``python -m resq asymmetry`` on this network, or None."""
    file = table.SHIPPED / f"{net.rpartition('/')[0].replace('/', '-')}-asymmetry.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
