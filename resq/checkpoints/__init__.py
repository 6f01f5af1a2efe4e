"""Checkpoints: float weights in a safetensors file, a JSON card beside it that says how they came to be.

A checkpoint is named ``data/network/variant`` and lies at that path below ``work/weights`` (the user's own)
or ``assets/weights`` (shipped), or is given as a path to the file. Weights are kept in float16, or as
integer codes (``resq.checkpoints.packed``), all else in float32; the card holds the file's SHA-256, which is
checked whenever the file is loaded.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load as read_tensors
from safetensors.numpy import save as write_tensors

from resq.checkpoints import packed
from resq.core import Encoding, QuantizedModel, QuantizedTensor, commands, files
from resq.core.encoding import IMPORTED
from resq.core.errors import ResqError
from resq.core.paths import ASSETS, work
from resq.data import normal, source
from resq.memory import own, quant

SHIPPED = ASSETS / "weights"
CARDS = ASSETS / "cards"  # of networks whose weights would make the project too large
VERIFY = "python -m resq verify names every shipped file that differs"
LARGEST = 512 * 2**20  # bytes; the largest network here has 60 MB, so a larger file is a mistake


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Float weights and where they come from.

    Attributes:
        state: the network's parameters and buffers by name, float32 (integers as they are).
        weights: names of the tensors that are stored as words: those of convolutions and linear layers.
        hash: first 16 hex digits of the file's SHA-256.
        imported: the words of weights that were imported as codes.
        finished: the words of weights that lie in the file as the codes that the network is meant for.
        make: parameters and buffers -> the network, of one that is not in NETWORKS: see ``hold``.
    """

    name: str
    network: str
    data: str
    state: Mapping[str, np.ndarray]
    weights: tuple[str, ...]
    card: Mapping[str, Any]
    hash: str
    imported: Mapping[str, QuantizedTensor] = field(default_factory=dict)
    finished: Mapping[str, QuantizedTensor] = field(default_factory=dict)
    make: Callable[[Mapping[str, np.ndarray]], Any] | None = None

    @property
    def normal(self) -> normal.Normal:
        """What its network does to pixels in [0, 1] first: its card's own mean and deviation, or its data's.

        Raises:
            ValueError: the card's are none, or there is no such data set.
        """
        own = normal.of_card(self.card)
        if own is not None:
            return own
        usual = source(self.data)
        return normal.Normal(usual.mean, usual.std)

    def quantized(self, encoding: Encoding) -> QuantizedModel:
        """The weights as stored words.

        Raises:
            ValueError: the words that they were imported in are asked for, and there are none.
        """
        return quant.quantize_model(self.state, self.weights, encoding, self._word)

    def _word(self, name: str, encoding: Encoding) -> QuantizedTensor:
        """A weight as stored words, those that it already lies in where they are asked for."""
        if encoding.code == IMPORTED:
            return own.imported(
                self.state[name], self.imported.get(name), encoding, own.bits_of(self.imported)
            )
        there, plain = self.finished.get(name), encoding.once
        if there is not None and there.encoding == plain and own.stands(there, self.state[name]):
            return own.as_stored(there, encoding)
        return quant.quantize(self.state[name], encoding)


# Networks that have no file: those that a notebook handed over, by a name that says what they hold.
_HELD: OrderedDict[str, Checkpoint] = OrderedDict()
MOST_HELD = 4


def hold(checkpoint: Checkpoint) -> str:
    """Makes a network without a file known to this process by its name; the last few are kept."""
    _HELD[checkpoint.name] = checkpoint
    _HELD.move_to_end(checkpoint.name)
    while len(_HELD) > MOST_HELD:
        _HELD.popitem(last=False)
    return checkpoint.name


def held(name: str) -> bool:
    """Whether a name is that of a network without a file."""
    return name in _HELD


def folders() -> tuple[Path, Path]:
    """Where named checkpoints are looked for, first match wins."""
    return work() / "weights", SHIPPED


def names() -> list[str]:
    """All checkpoints on this machine, sorted."""
    cards = [p.relative_to(f).as_posix() for f in folders() for p in f.glob("*/*/*.json")]
    return sorted({name.removesuffix(".json") for name in cards})


def unshipped() -> dict[str, dict[str, Any]]:
    """Cards of networks that were trained and tested for this project and whose weights are not here."""
    files = {p.relative_to(CARDS).as_posix().removesuffix(".json"): p for p in CARDS.glob("*/*/*.json")}
    return {name: json.loads(files[name].read_text()) for name in sorted(set(files) - set(names()))}


def making(card: Mapping[str, Any]) -> str:
    """The command that makes the weights of a network which is not shipped, from its card.

    >>> making({"name": "gtsrb/vgg16/base", "recipe": {}})
    'python -m resq train --all --only gtsrb/vgg16/base'
    >>> making({"name": "cifar10/vgg16/plain", "recipe": {}})
    'python -m resq train cifar10/vgg16/plain'
    >>> making({"name": "cifar10/swin_t/fault", "data": "cifar10", "network": "swin_t", "stages": [{}]})
    'python -m resq harden assets/specs/hardened/cifar10-swin_t.toml'
    >>> about = {"name": "cifar10/resnet18/attack-nfgsm", "data": "cifar10", "network": "resnet18"}
    >>> making({**about, "stages": [{}]})
    'python -m resq harden assets/specs/hardened/cifar10-resnet18-attack-nfgsm.toml'
    """
    name = card["name"]
    if "stages" not in card:
        table = ["--all", "--only"] if name.endswith("/base") else []  # which lists bases alone
        return commands.line(["train", *table, name])
    own = f"{name.replace('/', '-')}.toml"  # of a variant with a list of its own
    there = (ASSETS / "specs" / "hardened" / own).is_file()
    shared = f"{card['data']}-{card['network']}.toml"
    return commands.line(["harden", f"assets/specs/hardened/{own if there else shared}"])


def _file(folder: Path, name: str) -> Path:
    """The weights' file; a variant may hold dots (p0.01), so nothing is taken for a suffix."""
    return folder / f"{name}.safetensors"


def _card(file: Path) -> Path:
    return file.with_name(file.name.removesuffix(".safetensors") + ".json")


def _there(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError:  # a name longer than any file's, a folder that may not be read
        return False


def _is_name(name: str) -> bool:
    parts = name.split("/")
    return len(parts) == 3 and all(p.strip(".") for p in parts) and "\\" not in name


def find(name: str) -> Path:
    """The safetensors file of a checkpoint given by name or by path.

    Raises:
        ValueError: there is none; the sentence lists what there is.
    """
    if name.endswith(".safetensors"):
        file = Path(name)
        if not _there(file):
            raise ResqError(f"no checkpoint file at {name}")
        return file
    if _is_name(name):
        for folder in folders():
            if _there(_file(folder, name)):
                return _file(folder, name)
        if (fetched := _elsewhere(name)) is not None:
            return fetched
    if name in (absent := unshipped()):
        raise ResqError(f"the weights of {name} are not shipped; this makes them: {making(absent[name])}")
    raise ResqError(
        f"no checkpoint {name!r}; expected data/network/variant or a .safetensors file; known: "
        + (", ".join(names()) or "none")
    )


def _elsewhere(name: str) -> Path | None:
    """The weights of a card that an installed package brought without them, fetched once; None: no such card.

    Raises:
        FileNotFoundError: they cannot be had now.
    """
    card_file = _card(_file(SHIPPED, name))
    if not _there(card_file):
        return None
    from resq.checkpoints import fetch  # the network's modules, which hardly anybody needs

    fields = json.loads(card_file.read_text(encoding="utf-8"))
    file = _file(work() / "weights", name)
    file.parent.mkdir(parents=True, exist_ok=True)
    files.write_together({file: fetch.weights(name, fields["sha256"]), _card(file): card_file.read_bytes()})
    return file


def _card_of(name: str) -> Path:
    """The card of a checkpoint, whether its weights are here or not.

    Raises:
        ValueError: there is neither.
    """
    if _is_name(name):
        for folder in folders():
            if _there(_file(folder, name)) or _there(_card(_file(folder, name))):
                return _card(_file(folder, name))
    return _card(find(name))


def card(name: str) -> dict[str, Any]:
    """The card of a checkpoint, without reading its weights.

    Raises:
        ValueError: no such checkpoint, or a card that is missing or unreadable.
    """
    if name in _HELD:
        return dict(_HELD[name].card)
    file = _card_of(name)
    try:
        fields = json.loads(file.read_text())
    except FileNotFoundError:
        raise ResqError(
            f"{file.name} is missing beside {name}: it says which network the weights are of"
        ) from None
    except (ValueError, RecursionError, OSError) as error:
        raise ResqError(f"{file.name} is not a JSON card: {error}; {VERIFY}") from None
    if not isinstance(fields, dict):
        raise ResqError(f"{file.name} is not a JSON card: it holds a {type(fields).__name__}, no object")
    lacking = [key for key in ("network", "data", "sha256", "weights") if key not in fields]
    if lacking:
        raise ResqError(f"{file.name} lacks {', '.join(lacking)}")
    for key in ("network", "data", "sha256"):
        if not isinstance(fields[key], str):
            raise ResqError(f"{file.name} has {fields[key]!r:.60} for {key}; expected text")
    if not isinstance(fields["weights"], list) or not all(isinstance(w, str) for w in fields["weights"]):
        raise ResqError(f"{file.name} has {fields['weights']!r:.60} for weights; expected a list of names")
    return fields


def default_encoding(which: str | Mapping[str, Any]) -> str:
    """The encoding that a checkpoint is meant for: the one its card names, else int8.

    A hardened network's card names the words that it was hardened in, an imported one's the words that its
    file holds.

    Args:
        which: a checkpoint's name or path, or its card.

    Raises:
        ValueError: no such checkpoint, or a card that names no encoding there is.

    >>> default_encoding({"encoding": "int4-tmr2"}), default_encoding({})
    ('int4-tmr2', 'int8')
    """
    fields = card(which) if isinstance(which, str) else which
    named = fields.get("encoding") or "int8"
    if not isinstance(named, str):
        raise ResqError(f"the card has {named!r:.60} for encoding; expected a name such as int8")
    return str(Encoding.parse(named))


def sizes(name: str) -> tuple[int, ...]:
    """How many weights each layer of a checkpoint stores as words; only the file's header is read.

    Raises:
        ValueError: no such checkpoint, or a file that is no safetensors.
    """
    if name in _HELD:
        return tuple(_HELD[name].state[weight].size for weight in _HELD[name].weights)
    file = find(name)
    try:
        with safe_open(file, framework="numpy") as tensors:
            shapes = [_shape(tensors, weight) for weight in card(name)["weights"]]
    except SafetensorError as error:
        raise ResqError(f"{file.name} is not a safetensors file: {error}") from None
    return tuple(math.prod(shape) for shape in shapes)


def _shape(tensors: Any, weight: str) -> Sequence[int]:
    """The shape of a weight in an open file, however it is kept there."""
    if weight + packed.SHAPE in tensors.keys():  # noqa: SIM118 (an open file knows no ``in``)
        return tuple(int(size) for size in tensors.get_tensor(weight + packed.SHAPE))
    return tuple(tensors.get_slice(weight).get_shape())


def load(name: str) -> Checkpoint:
    """A checkpoint by name or path, its file checked against its card.

    Raises:
        ValueError: no such checkpoint; a file that is no safetensors, or not the one its card describes.
    """
    if name in _HELD:
        return _HELD[name]
    file, fields = find(name), card(name)
    size = file.stat().st_size
    if size > LARGEST:
        raise ResqError(f"{file.name} has {size} bytes; a checkpoint has at most {LARGEST}")
    raw = file.read_bytes()
    digest = hashlib.sha256(raw).hexdigest()
    if digest != fields["sha256"]:
        fields = _finished(file, digest) or card(name)  # or it was saved anew while it was read
    if digest != fields["sha256"]:
        raise ResqError(
            f"{file.name} has SHA-256 {digest[:16]}…, its card says {str(fields['sha256'])[:16]}…: "
            "the file is not the one that was measured"
        )
    try:
        tensors = read_tensors(raw)
    except (SafetensorError, KeyError, ValueError) as error:  # KeyError: numbers that numpy does not know
        raise ResqError(f"{file.name} is not a safetensors file that can be read: {error}") from None
    if not normal.agree(raw, fields):
        raise ResqError(
            f"{file.name} and its card name different means and deviations: the card is not the one that "
            "was written with it"
        )
    odd = [k for k, v in tensors.items() if v.dtype.kind not in "fiub"]
    if odd:
        raise ResqError(f"{file.name} holds {odd[0][:80]!r} of {tensors[odd[0]].dtype}; expected numbers")
    del raw
    for key in [k for k, v in tensors.items() if v.dtype == np.float16]:
        tensors[key] = tensors[key].astype(np.float32)  # one after the other: never the file twice
    state = tensors
    try:
        imported, finished, state = packed.imported(state), packed.finished(state), packed.unpack(state)
    except ValueError as error:
        raise ResqError(f"{file.name}: {error}") from None
    missing = [w for w in fields["weights"] if w not in state]
    if missing:
        raise ResqError(f"{file.name} lacks the weight {missing[0]}")
    return Checkpoint(
        name, fields["network"], fields["data"], state, tuple(fields["weights"]), fields, digest[:16],
        imported, finished,
    )  # fmt: skip


def save(
    name: str,
    state: Mapping[str, np.ndarray],
    weights: tuple[str, ...],
    about: Mapping[str, Any],
    folder: Path | None = None,
    bits: int = 0,
    imported: Mapping[str, QuantizedTensor] | None = None,
) -> Path:
    """Writes a checkpoint and its card; returns the weights' file.

    Args:
        state: parameters and buffers; ``weights`` among them are kept as float16.
        about: what the card says beyond network, data and hash: recipe, seed, accuracy, time; its
            ``normal`` goes into the file too, so that its hash covers all that decides the numbers.
        bits: 8 or 4: keep the weights as codes of so many bits instead; they are rounded once more.
        imported: weights to be kept as the codes that they came as; nothing of them is rounded.

    Raises:
        ValueError: the name is not data/network/variant.
    """
    if not _is_name(name):
        raise ResqError(f"a checkpoint is named data/network/variant, got {name!r}")
    file = _file(folder or work() / "weights", name)
    data, network, _ = name.split("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    came = imported or {}
    entries = {
        k: packed.pack_codes(k, came[k])
        if k in came
        else packed.pack(k, v, bits)
        if bits and k in weights
        else {k: _array_to_write(v, k in weights)}
        for k, v in state.items()
    }
    raw = _bytes({k: v for tensors in entries.values() for k, v in tensors.items()}, normal.to_header(about))
    fields = {
        "name": name,
        "data": data,
        "network": network,
        **about,
        "sha256": hashlib.sha256(raw).hexdigest(),
        "weights": list(weights),
    }
    files.write_together({file: raw, _card(file): (json.dumps(fields, indent=1) + "\n").encode()})
    return file


def _array_to_write(value: np.ndarray, weight: bool) -> np.ndarray:
    return value.astype(np.float16 if weight else np.float32 if value.dtype.kind == "f" else value.dtype)


def _bytes(tensors: Mapping[str, np.ndarray], header: dict[str, str] | None) -> bytes:
    """The file's bytes, every tensor row by row whatever its order in memory.

    safetensors 0.8 writes an array's memory as it lies: a transposed one would come back scrambled.
    """
    # order: ascontiguousarray would give scalars an axis
    return write_tensors({name: np.asarray(value, order="C") for name, value in tensors.items()}, header)


def _finished(file: Path, digest: str) -> dict[str, Any] | None:
    """The card of a save that was killed after the weights took their place, put into its own.

    Args:
        digest: the SHA-256 of the weights' file.
    """
    try:
        fields = json.loads(files.part(_card(file)).read_text())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(fields, dict) or fields.get("sha256") != digest:
        return None
    files.part(_card(file)).replace(_card(file))
    return card(str(file))
