"""The answer as files: the words as bytes, where each layer lies in them, and the decoder in C."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from resq.checkpoints import Checkpoint
from resq.core import Encoding, QuantizedModel, files
from resq.core.errors import ResqError
from resq.deployed import guarded
from resq.deployed.guarded import GuardedFile
from resq.deployed.network import Network
from resq.measure.specs.sweep_spec import AS_STORED
from resq.memory import quant
from resq.protect import decoder

BYTES = 256


def write(folder: Path, checkpoint: Checkpoint, encoding: Encoding) -> QuantizedModel:
    """Writes words.bin, layout.json, scales.npz and, where it reads these words, decoder.c."""
    model = checkpoint.quantized(encoding)
    written(folder, checkpoint.name, checkpoint.hash, model, str(encoding))
    return model


def write_file(folder: Path, network: Network, encoding: str) -> None:
    """The same of a deployed file, with each tensor's place in it; "as stored" is its own code."""
    own = str(guarded.own_code(network.stored, network.file.name))
    memory = GuardedFile(network, Encoding.parse(own if encoding == AS_STORED else encoding))
    places = {s.name: (s.at, t) for s, t in zip(network.stored, memory.tables, strict=True)}
    written(folder, network.name, network.hash, memory.model, encoding, places)


def written(
    folder: Path, name: str, digest: str, model: QuantizedModel, encoding: str,
    places: Mapping[str, tuple[int, np.ndarray]] | None = None,
) -> None:  # fmt: skip
    """The same of words that are there already.

    Args:
        name, digest: of the network.
        places: of a deployed file, the byte at which each layer's decoded words go, and the byte of the file
            for each stored word, uint8 (2 ** word_bits,).
    """
    parts, layers, at = [], [], 0
    for layer, q in model.weights.items():
        words, checks = decoder.packed(q)
        place = {} if places is None else _place(q.encoding, *places[layer])
        layers.append(_layer(layer, q, at, len(words), len(checks)) | place)
        parts += [words, checks]
        at += len(words) + len(checks)
    files.write_bytes(folder / "words.bin", np.concatenate(parts).tobytes())
    about = {
        "checkpoint": name,
        "weights": digest,
        "encoding": encoding,
        "layers": layers,
    }
    files.write_bytes(folder / "layout.json", (json.dumps(about, indent=1) + "\n").encode())
    scales = {
        f"{layer}|{kind}": getattr(q, kind)
        for layer, q in model.weights.items()
        for kind in ("scale", "zero")
    }
    files.write_with(folder / "scales.npz", lambda path: _save(path, scales))
    if all(decoder.able(q.encoding.bare) for q in model.weights.values()):
        shutil.copyfile(decoder.SOURCE, folder / "decoder.c")


def _save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    with path.open("wb") as file:  # savez adds an ending to a name
        np.savez(file, allow_pickle=False, **arrays)


def _layer(name: str, q: Any, at: int, words: int, checks: int) -> dict[str, Any]:
    """Where a layer lies, in bytes from the start, and what the decoder is called with."""
    e = q.encoding
    return {
        "name": name, "shape": list(q.words.shape), "encoding": str(e.bare),
        "words_at": at, "words_bytes": words,
        "checks_at": at + words, "checks_bytes": checks, "bits": e.bits, "tmr": e.tmr, "copies": e.copies,
        "guard": decoder.NUMBERS.get(e.guard, -1), "group": decoder.RADAR.get(e.guard, 0),
        "sign": int(e.code == "symmetric"), "code": e.code,
        "zero_words": [int(z) for z in _zeros(q)],
    }  # fmt: skip


def _place(encoding: Encoding, at: int, table: np.ndarray) -> dict[str, Any]:
    """Where a deployed file holds the words, and the byte of each code where it is not the code itself."""
    voted = table.take(quant.protected(np.arange(2**encoding.bits, dtype=np.uint16), encoding))
    same = np.array_equal(voted, np.arange(BYTES))
    return {"file_at": at} | ({} if same else {"file_bytes": [int(b) for b in voted]})


def _zeros(q: Any) -> np.ndarray:
    zeros = quant.zeros(q)
    return zeros if len(zeros) == 1 else zeros[:: q.words.size // len(q.scale)]


def read(folder: Path) -> dict[str, np.ndarray]:
    """The weights that the written files stand for, read by the decoder in C, float32 in their shapes."""
    about = json.loads((folder / "layout.json").read_text(encoding="utf-8"))
    memory = np.frombuffer((folder / "words.bin").read_bytes(), np.uint8)
    tensors = {}
    with np.load(folder / "scales.npz") as scales:
        for layer in about["layers"]:
            e, codes = Encoding.parse(layer["encoding"]), _codes(layer, memory)
            scale, zero = scales[f"{layer['name']}|scale"], scales[f"{layer['name']}|zero"]
            rows = quant.codes(e.once).take(codes).reshape(len(scale), -1)
            tensors[layer["name"]] = ((rows - zero[:, None]) * scale[:, None]).reshape(layer["shape"])
    return tensors


def patched(folder: Path, file: bytes) -> bytes:
    """A deployed file with the words of its weights as the decoder in C reads them from the written files.

    Raises:
        ValueError: words that the file does not store as bytes at one place.
    """
    about = json.loads((folder / "layout.json").read_text(encoding="utf-8"))
    memory, patched_file = np.frombuffer((folder / "words.bin").read_bytes(), np.uint8), bytearray(file)
    for layer in about["layers"]:
        if (at := layer.get("file_at", -1)) < 0:
            raise ResqError(f"{layer['name']} has no place in the file that its words could be read into")
        codes = _codes(layer, memory)
        if "file_bytes" in layer:
            codes = np.array(layer["file_bytes"], np.uint8).take(codes)
        patched_file[at : at + len(codes)] = codes.tobytes()
    return bytes(patched_file)


def _codes(layer: Mapping[str, Any], memory: np.ndarray) -> np.ndarray:
    words = memory[layer["words_at"] : layer["words_at"] + layer["words_bytes"]]
    checks = memory[layer["checks_at"] : layer["checks_at"] + layer["checks_bytes"]]
    zero, n = np.array(layer["zero_words"], np.uint8), int(np.prod(layer["shape"]))
    return decoder.read(words, checks, n, Encoding.parse(layer["encoding"]), zero)
