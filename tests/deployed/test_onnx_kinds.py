"""A bias stays a bias and a scale a scale, however onnxruntime's tools write the layer."""

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from torch import nn

from resq.deployed.network import Network, read
from resq.deployed.pixels import Asked
from tests import onnx_files


class Layers(nn.Module):
    """A convolution, a product and its bias, what is left of a norm, a dense layer."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.fc = nn.Conv2d(3, 4, 3, stride=4), nn.Linear(24, 16)
        self.free, self.bias, self.gain, self.shift = (
            nn.Parameter(torch.randn(*shape)) for shape in ((256, 24), (24,), (24,), (24,))
        )

    def forward(self, x):
        """Images -> answers."""
        x = self.conv(x).relu().flatten(1) @ self.free + self.bias
        return self.fc(x * self.gain + self.shift)


class Noise(CalibrationDataReader):
    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.left = iter([{"x": rng.random((1, 3, 32, 32), np.float32)} for _ in range(4)])

    def get_next(self):
        return next(self.left, None)


def static(source, to, **options):
    quantize_static(source, to, Noise(), activation_type=QuantType.QUInt8, **options)


WAYS = {
    "dynamic-uint8": lambda f, t: quantize_dynamic(f, t, weight_type=QuantType.QUInt8),
    "dynamic-channels": lambda f, t: quantize_dynamic(f, t, weight_type=QuantType.QInt8, per_channel=True),
    "qdq": lambda f, t: static(f, t),
    "qdq-channels": lambda f, t: static(f, t, per_channel=True),
    "qoperator": lambda f, t: static(f, t, quant_format=QuantFormat.QOperator),
}


@pytest.fixture(params=WAYS)
def files(request, tmp_path):
    source = onnx_files.exported(Layers().eval(), tmp_path / "float.onnx", opset_version=17)
    WAYS[request.param](source, tmp_path / "quantized.onnx")
    return source, tmp_path / "quantized.onnx"


def test_every_kind_has_as_many_words_in_integers_as_in_floats(files):
    counts = [{kind: sum(s.count for s in read(file)[1].stored if s.kind == kind)
               for kind in ("weights", "biases", "norms")} for file in files]  # fmt: skip
    assert counts[0] == {"weights": 108 + 256 * 24 + 24 * 16, "biases": 4 + 24 + 16, "norms": 48}
    assert counts[1] == counts[0]
    with Network(files[1], "biases", Asked((0.0, 1.0))) as network:
        assert sorted(stored.count for stored in network.stored) == [4, 16, 24]


def test_what_only_multiplies_a_product_of_integers_is_a_scale(files):
    graph = onnx.load(files[1]).graph
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    scales = {name for name, value in held.items() if name.endswith("_scale") and value.dtype == np.float32}
    assert len(scales) >= 3
    kinds = {stored.name: stored.kind for stored in read(files[1])[1].stored}
    assert {kinds[name] for name in scales if name in kinds} == {"scales"}
