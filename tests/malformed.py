"""Files that are no checkpoints, or only pretend to be: what ``test_foreign`` and ``test_malformed`` try."""

import io
import json
import os
import pickle
import subprocess
import tarfile
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save


class Marks:
    """A pickle of it runs a command where it is loaded."""

    def __init__(self, call, *arguments) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self):
        return self.call, self.arguments


def malicious(marker: Path) -> dict[str, bytes]:
    """Files that would create ``marker``, or take memory, if anything in them were executed."""
    code = f"open({str(marker)!r}, 'w').close()"
    objects = {
        "system": Marks(os.system, f"touch {marker}"),
        "exec": Marks(exec, code),
        "eval": Marks(eval, code),
        "popen": Marks(subprocess.Popen, ["touch", str(marker)]),
        "inside": {"state_dict": {"conv1.weight": Marks(exec, code)}},
        "network": torch.nn.Linear(2, 2),
        "objects": {"a": np.array([object()])},
    }
    found = {}
    for name, value in objects.items():
        for form in ("zip", "legacy"):
            held = io.BytesIO()
            torch.save(value, held, _use_new_zipfile_serialization=form == "zip")
            found[f"{name} {form}"] = held.getvalue()
        for protocol in (2, 4) if name in ("system", "exec") else ():
            found[f"{name} bare {protocol}"] = pickle.dumps(value, protocol)
    return found


def _zipped(pickled: bytes, **more: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("x/data.pkl", pickled)
        for name, raw in more.items():
            archive.writestr(f"x/data/{name.strip('_')}", raw)
    return held.getvalue()


def _tensor(shape: bytes, strides: bytes, numel: bytes = b"K\4", offset: bytes = b"K\0") -> bytes:
    """A zip with {"w": a tensor over the storage 0 of four floats}, sizes as pickle opcodes."""
    storage = b"(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" + b"0X\3\0\0\0cpu" + numel + b"tQ"
    call = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + offset + shape + strides + b"\x89}tR"
    return _zipped(b"\x80\2}X\1\0\0\0w" + call + b"s.", _0=bytes(16))


def _header(text: str | bytes, length: int | None = None, data: bytes = b"") -> bytes:
    raw = text.encode() if isinstance(text, str) else text
    return (len(raw) if length is None else length).to_bytes(8, "little") + raw + data


def _entry(**changes) -> bytes:
    return _header(
        json.dumps({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16], **changes}}), None, bytes(16)
    )


def _bomb(compression: int) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", compression) as archive:
        for i in range(3):
            archive.writestr(f"x/data/{i}", bytes(2**24))
        archive.writestr("x/data.pkl", pickle.dumps({}, 2))
    return held.getvalue()


def _tar() -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("storages"), io.BytesIO())
    return held.getvalue()


GIANT = b"\x8a\6" + (2**40).to_bytes(6, "little")
DAMAGED = {
    "empty.pt": b"",
    "empty.safetensors": b"",
    "text.pt": b"these are no weights\n" * 50,
    "text.safetensors": b"these are no weights\n" * 50,
    "page.pth": b"<!DOCTYPE html><html>404</html>",
    "noise.bin": bytes(range(256)) * 20,
    "protocol only.pt": b"\x80\2",
    "tar.pt": _tar(),
    "npy.pt": b"\x93NUMPY\1\0v\0{'descr': '|O'}",
    "png.pt": b"\x89PNG\r\n\x1a\n" + bytes(99),
    "header 2**63.safetensors": _header("{}", 2**63),
    "header 2**40.safetensors": _header("{}", 2**40),
    "header past end.safetensors": _header("{}", 3),
    "header deep.safetensors": _header("[" * 100_000),
    "header list.safetensors": _header("[]"),
    "header no json.safetensors": _header("{'a': 1}"),
    "header bytes.safetensors": _header(b"\xff\xfe\xff"),
    "header number.safetensors": _header('{"w": ' + "9" * 9999 + "}"),
    "header nothing.safetensors": _header("{}"),
    "entry null.safetensors": _header('{"w": null}'),
    "entry dtype.safetensors": _entry(dtype="F31"),
    "entry shape.safetensors": _entry(shape=[5]),
    "entry giant.safetensors": _entry(shape=[2**40]),
    "entry negative.safetensors": _entry(shape=[-4]),
    "entry bool.safetensors": _entry(shape=[True, 4]),
    "entry offsets.safetensors": _entry(data_offsets=[16, 0]),
    "entry beyond.safetensors": _entry(data_offsets=[16, 32]),
    "entry three.safetensors": _entry(data_offsets=[0, 8, 16]),
    "bomb.pt": _bomb(zipfile.ZIP_DEFLATED),
    "bomb bz2.pt": _bomb(zipfile.ZIP_BZIP2),
    "no pickle.pt": _zipped(b"").replace(b"data.pkl", b"dota.pkl"),
    "zip list.pt": _zipped(pickle.dumps([1, 2], 2)),
    "zip none.pt": _zipped(pickle.dumps(None, 2)),
    "zip empty dict.pt": _zipped(pickle.dumps({}, 2)),
    "zip numbers.pt": _zipped(pickle.dumps({"state_dict": {"conv1.weight": 3}}, 2)),
    "zip empty pickle.pt": _zipped(b""),
    "zip pop.pt": _zipped(b"\x80\x020000."),
    "zip mark.pt": _zipped(b"\x80\x02ttt."),
    "zip memo.pt": _zipped(b"\x80\x02}r\xff\xff\xff\x7fh\1."),
    "zip get.pt": _zipped(b"\x80\x02j\xff\xff\xff\x7f."),
    "zip extension.pt": _zipped(b"\x80\x02\x82\1."),
    "zip instance.pt": _zipped(b"(ios\nsystem\n."),
    "zip long.pt": _zipped(b"\x80\x02\x8b\xff\xff\xff\x7f."),
    "zip bytes.pt": _zipped(b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f."),
    "zip steps.pt": _zipped(b"\x80\x02" + b"N0" * 60_000 + b"N."),
    "zip deep key.pt": _zipped(b"\x80\x02})" + b"\x85" * 90_000 + b"Ns."),
    "zip deep list.pt": _zipped(b"\x80\x02" + b"]" * 45_000 + b"a" * 44_999 + b"."),
    "giant stride 0.pt": _tensor(GIANT + b"\x85", b"K\0\x85"),
    "giant stride 1.pt": _tensor(GIANT + b"\x85", b"K\1\x85"),
    "giant storage.pt": _tensor(GIANT + b"\x85", b"K\1\x85", GIANT),
    "giant offset.pt": _tensor(b"K\4\x85", b"K\1\x85", b"K\4", GIANT),
    "expanded.pt": _tensor(b"K\5\x85", b"K\0\x85"),
    "negative stride.pt": _tensor(b"K\4\x85", b"J\xff\xff\xff\xff\x85"),
    "negative size.pt": _tensor(b"J\xff\xff\xff\xff\x85", b"K\1\x85"),
    "float size.pt": _tensor(b"G" + bytes(8) + b"\x85", b"K\1\x85"),
    "unequal strides.pt": _tensor(b"K\4\x85", b")"),
    "fitting nothing.pt": _tensor(b"K\4\x85", b"K\1\x85"),
}  # fmt: skip


def unfit(state: dict[str, torch.Tensor]) -> Iterator[tuple[str, bytes]]:
    """Whole files whose tensors do not fit the network: a name, a shape, a kind or a number is wrong."""
    for name in ("conv1.weight", "layer2.1.bn1.running_var", "linear.weight", "linear.bias"):
        right = state[name]
        wrong = {
            "missing": None,
            "longer": torch.cat([right, right]),
            "flat": right.reshape(-1)[None],
            "nan": torch.full_like(right, torch.nan),
            "infinite": torch.full_like(right, -torch.inf),
            "whole": torch.ones_like(right, dtype=torch.int64),
        }
        for how, value in wrong.items():
            tensors = {k: v.clone() for k, v in state.items() if k != name}
            if value is not None:
                tensors[name] = value.contiguous()
            yield f"{how} {name}.safetensors", save(tensors)


def cut(state: dict[str, torch.Tensor]) -> Iterator[tuple[str, bytes]]:
    """A good file of each format, cut off."""
    whole = {"safetensors": save({k: v.clone() for k, v in state.items()})}
    for form in ("zip", "legacy"):
        held = io.BytesIO()
        torch.save(OrderedDict(state), held, _use_new_zipfile_serialization=form == "zip")
        whole[f"{form}.pt"] = held.getvalue()
    for form, raw in whole.items():
        for share in (0.001, 0.3, 0.999):
            yield f"cut {share}.{form}", raw[: int(len(raw) * share)]


def everything(state: dict[str, torch.Tensor], marker: Path) -> dict[str, bytes]:
    """All of them by file name; those that hold code would create ``marker``."""
    evil = {f"{name}.pt": raw for name, raw in malicious(marker).items()}
    graphs = [b"", b"text", b"\x08\x07\x3a\xff\xff\xff\x7f", bytes(99)]
    onnx = {f"{i}.onnx": raw for i, raw in enumerate(graphs)}
    return {**DAMAGED, **evil, **onnx, **dict(unfit(state)), **dict(cut(state))}
