"""What the programme needs on another machine, in folders of a limited size: images, networks, itself.

``python -m benchmarks.gpu.pack OUT --mib 60`` writes OUT/1 with the programme, pyautoattack, the first test
images and as many training images as fit, then OUT/2 ... with the rest and the shipped ResNet18s as codes.
This is the one file here that needs ``resq`` and the data set's parquet files.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import save_file

from benchmarks.gpu.words import SCALE, SHAPE, ZERO
from resq import checkpoints
from resq.core import Encoding, QuantizedTensor

HERE = Path(__file__).parent
SHIPPED = {"base": "int8", "fault": "int4-tmr2", "plus": "int4-tmr2"}
TESTS = 1000
MIB = 2**20


def pack(train: Path, test: Path, out: Path, mib: float, shipped: dict[str, str] = SHIPPED) -> list[Path]:
    """The folders, each of at most ``mib`` MiB.

    Raises:
        ValueError: a folder has no room for images beside what it must hold.
    """
    first = out / "1"
    first.mkdir(parents=True)
    _programme(first)
    _write(_table(test).slice(0, TESTS), first / "test.parquet")
    images, done, folders = _table(train), 0, [first]
    while done < len(images):
        if done:
            folders.append(out / str(len(folders) + 1))
            folders[-1].mkdir()
        if len(folders) == 2:
            for variant, encoding in shipped.items():
                network(f"cifar10/resnet18/{variant}", encoding, folders[-1] / f"{variant}.safetensors")
        room = mib * MIB - _size(folders[-1]) - MIB / 4  # a quarter for parquet's own pages
        n = _fitting(images.slice(done), room)
        if not n:
            raise ValueError(f"{mib:g} MiB have no room for images beside {_size(folders[-1]) / MIB:.1f} MiB")
        _write(images.slice(done, n), folders[-1] / f"train-{len(folders)}.parquet")
        done += n
    return folders


def _programme(folder: Path) -> None:
    """The programme's own files, and pyautoattack's without its examples, importable from ``folder``."""
    for file in [*HERE.glob("*.py"), *HERE.glob("*.sh")]:
        _copy(file, folder / "benchmarks" / "gpu" / file.name)
    found = importlib.util.find_spec("pyautoattack")
    if found is None or found.origin is None:
        raise ValueError("pyautoattack is not installed: pip install pyautoattack==0.2.0")
    for file in Path(found.origin).parent.glob("*.py"):
        _copy(file, folder / "pyautoattack" / file.name)


def _copy(file: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, to)


def network(name: str, encoding: str, file: Path) -> None:
    """Writes a checkpoint's stored words, without copies: ``words.load`` gives what they are read as."""
    kind, checkpoint = Encoding.parse(encoding), checkpoints.load(name)
    stored = checkpoint.quantized(kind)
    found: dict[str, np.ndarray] = {}
    for key, value in checkpoint.state.items():
        weight = stored.weights.get(key)
        found |= {key: value} if weight is None else _codes(key, weight, kind.bits)
    # safetensors 0.8 writes an array's memory as it lies, and a file's tensors lie row by row.
    save_file({key: np.asarray(value, order="C") for key, value in found.items()}, file)


def _codes(name: str, weight: QuantizedTensor, bits: int) -> dict[str, np.ndarray]:
    shape = weight.words.shape
    rows = (weight.words & (2**bits - 1)).astype(np.uint8).reshape(shape[0], -1)
    beside = {name + SCALE: weight.scale, name + ZERO: weight.zero}
    if bits == 8:
        return {name: rows.reshape(shape), **beside}
    even = np.pad(rows, ((0, 0), (0, rows.shape[1] % 2)))
    return {name: even[:, ::2] | even[:, 1::2] << 4, **beside, name + SHAPE: np.array(shape, np.int64)}


def _table(file: Path) -> pa.Table:
    return pq.read_table(file, columns=["img", "label"])


def _write(table: pa.Table, file: Path) -> None:
    pq.write_table(table, file, compression="none", use_dictionary=False)


def _fitting(table: pa.Table, room: float) -> int:
    """How many of the first rows have encoded pictures of at most ``room`` bytes in all."""
    sizes = np.cumsum([len(raw) + 16 for raw in table["img"].to_pylist()])
    return int(np.searchsorted(sizes, room, side="right"))


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def main() -> None:
    """The command."""
    ask = argparse.ArgumentParser(prog="python -m benchmarks.gpu.pack", description=__doc__.splitlines()[0])
    ask.add_argument("out", type=Path)
    ask.add_argument("--data", type=Path, required=True, help="folder with train.parquet and test.parquet")
    ask.add_argument("--mib", type=float, default=60, help="the most that one folder may have")
    given = ask.parse_args()
    for folder in pack(given.data / "train.parquet", given.data / "test.parquet", given.out, given.mib):
        print(f"{folder}: {_size(folder) / MIB:.1f} MiB")


if __name__ == "__main__":
    main()
