"""Deployed files that are timed: 77,000 and 11 million weights, in ONNX with int8 words and as TFLite."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.subjects import plain
from resq.data import folders

SMALL, LARGE = "77,000 weights", "11 million weights"
LITERT_LARGE = "RESQ_BENCH_TFLITE"  # a .tflite file of that size, as tests/litert_files.py makes one


class Block(nn.Module):
    """Two convolutions and a way past them."""

    def __init__(self, taken: int, given: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(taken, given, 3, stride, 1)
        self.second = nn.Conv2d(given, given, 3, 1, 1)
        self.past = nn.Conv2d(taken, given, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Images -> images of half the size where the stride is 2."""
        return (self.second(self.first(x).relu()) + self.past(x)).relu()


def resnet8() -> nn.Module:
    """The layers of MLPerf Tiny's ResNet-8, 77,360 weights of chance."""
    torch.manual_seed(0)
    blocks = Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 1, 1), nn.ReLU(), *blocks, nn.AvgPool2d(8), nn.Flatten(), nn.Linear(64, 10)
    ).eval()  # fmt: skip


@cache
def onnx_file(size: str) -> Path:
    """A QDQ file with int8 weights, one scale for a tensor, for any number of images."""
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    class Noise(CalibrationDataReader):
        """Sixteen images of noise."""

        def __init__(self) -> None:
            rng = np.random.default_rng(0)
            self._rest: Iterator[np.ndarray] = iter(rng.random((16, 1, 3, 32, 32), dtype=np.float32))

        def get_next(self) -> dict[str, np.ndarray] | None:
            image = next(self._rest, None)
            return None if image is None else {"images": image}

    folder = Path(mkdtemp(prefix="resq-bench-"))
    network = resnet8() if size == SMALL else plain()
    logging.getLogger().setLevel(logging.ERROR)  # advice on preparing a file, for every file
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, (torch.zeros(2, 3, 32, 32),), folder / "float.onnx", dynamo=False, opset_version=21,
            input_names=["images"], output_names=["logits"],
            dynamic_axes={"images": {0: "n"}, "logits": {0: "n"}},
        )  # fmt: skip
        kinds = {"weight_type": QuantType.QInt8, "activation_type": QuantType.QUInt8}
        quantize_static(folder / "float.onnx", folder / "qdq.onnx", Noise(), **kinds)
    return folder / "qdq.onnx"


def tflite_file(size: str) -> Path | None:
    """A full-integer file, None where it is not on this machine."""
    if size == LARGE:
        return Path(os.environ[LITERT_LARGE]) if os.environ.get(LITERT_LARGE) else None
    return next((p for f in folders.folders() if (p := f / "deployed" / "ic01_int8.tflite").is_file()), None)
