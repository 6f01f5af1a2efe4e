"""Deployed files for tests: shipped networks as torch exports and onnxruntime quantizes them."""

import warnings
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from resq import checkpoints, data
from resq.core import Encoding
from resq.data import folders
from resq.measure.engine.faulty_network import network_of

QUANTIZED = {
    "qdq-tensor": {"quant_format": QuantFormat.QDQ, "per_channel": False},
    "qdq-channel": {"quant_format": QuantFormat.QDQ, "per_channel": True},
    "qoperator": {"quant_format": QuantFormat.QOperator, "activation_type": QuantType.QUInt8},
    "int4": {"quant_format": QuantFormat.QDQ, "weight_type": QuantType.QInt4},
}
CARRIERS = ("float", *QUANTIZED)


def shared(name: str) -> Path | None:
    """A file of deployed/ beside the real images, None where it is not on this machine."""
    return next((f / "deployed" / name for f in folders.folders() if (f / "deployed" / name).is_file()), None)


class Images(CalibrationDataReader):
    """Sixteen images of a data set, one after the other."""

    def __init__(self, name: str) -> None:
        pixels = data.load(name, "test").first(16).pixels
        self._rest: Iterator[np.ndarray] = iter(pixels.astype(np.float32)[:, None] / 255)

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next input, None at the end."""
        image = next(self._rest, None)
        return None if image is None else {"images": image}


def made(
    folder: Path, name: str = "signs/resnet20/base", carriers: Sequence[str] = CARRIERS
) -> dict[str, Path]:
    """A shipped network in float and in every form of ``carriers``, each exported once in a run of tests."""
    files = {carrier: folder / f"{carrier}.onnx" for carrier in dict.fromkeys(("float", *carriers))}
    for carrier, file in files.items():
        file.write_bytes(_float(name) if carrier == "float" else _quantized(name, carrier))
    return files


@cache
def _float(name: str) -> bytes:
    """What torch's exporter makes of a shipped network."""
    checkpoint = checkpoints.load(name)
    network = network_of(checkpoint, checkpoint.quantized(Encoding.parse("fp32"))).eval()
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file, free = Path(folder) / "float.onnx", {"images": {0: "n"}, "logits": {0: "n"}}
        torch.onnx.export(
            network, torch.zeros(2, 3, 32, 32), file, dynamo=False, opset_version=21,
            input_names=["images"], output_names=["logits"], dynamic_axes=free,
        )  # fmt: skip
        return _checked(file)


@cache
def _quantized(name: str, carrier: str) -> bytes:
    """What onnxruntime's quantizer makes of that."""
    chosen = {"weight_type": QuantType.QInt8, "activation_type": QuantType.QInt8, **QUANTIZED[carrier]}
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source, file = Path(folder) / "float.onnx", Path(folder) / "quantized.onnx"
        source.write_bytes(_float(name))
        quantize_static(source, file, Images(name.split("/")[0]), **chosen)
        return _checked(file)


def _checked(file: Path) -> bytes:
    onnx.checker.check_model(onnx.load(file))
    return file.read_bytes()
