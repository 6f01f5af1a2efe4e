"""What a quantized input says of its pixels, and where a symmetric quantizer does not say it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from torch import nn

from resq import data
from resq.core.errors import ResqError
from resq.deployed import pixels
from resq.deployed.network import Network, read
from resq.deployed.words import RefusedError, Tensor
from tests import onnx_files, pt2_files
from tests.deployed.test_tflite_metadata import metadata, written

SYMMETRIC = {"ActivationSymmetric": True}
REFUSAL = (
    r"spans -1(\.\d+)? to \S+ about the middle code, which says the largest magnitude alone\); say --range"
)
INT8 = (1, 3, 32, 32)


class Images(CalibrationDataReader):
    """Sixteen signs, black at ``low`` and white at 1."""

    def __init__(self, low: float) -> None:
        shown = data.load("signs", "test").first(16).pixels.astype(np.float32) / 255
        self.left = iter([{"x": image[None]} for image in low + (1 - low) * shown])

    def get_next(self):
        return next(self.left, None)


def onnx_file(folder: Path, low: float, codes: QuantType, **options) -> Path:
    torch.manual_seed(0)
    source = onnx_files.exported(pt2_files.Small().eval(), folder / "float.onnx")
    chosen = {"activation_type": codes, "weight_type": QuantType.QInt8, **options}
    quantize_static(source, folder / "quantized.onnx", Images(low), **chosen)
    return folder / "quantized.onnx"


@pytest.mark.parametrize("form", QuantFormat)
@pytest.mark.parametrize("codes", [QuantType.QInt8, QuantType.QUInt8])
@pytest.mark.parametrize("low", [0.0, -1.0])
def test_a_symmetric_quantizer_of_onnxruntime_leaves_the_range_to_be_said(tmp_path, low, codes, form):
    file = onnx_file(tmp_path, low, codes, quant_format=form, extra_options=SYMMETRIC)
    with Network(file) as network, pytest.raises(ResqError, match=REFUSAL):
        _ = network.pixels


@pytest.mark.parametrize("form", QuantFormat)
@pytest.mark.parametrize("codes", [QuantType.QInt8, QuantType.QUInt8])
@pytest.mark.parametrize("low", [0.0, -1.0])
def test_an_affine_quantizer_of_onnxruntime_says_both_ends(tmp_path, low, codes, form):
    file = onnx_file(tmp_path, low, codes, quant_format=form)
    taken = read(file)[1].input
    assert taken.symmetric is False
    with Network(file) as network:
        assert (network.pixels.low, network.pixels.high) == (low, 1)


@pytest.mark.parametrize(
    ("codes", "scale", "zero", "symmetric"),
    [
        ("int16", 1 / 32767, 0, None),
        ("int16", 1 / 32767, 0, True),
        ("int8", 1 / 127, 0, None),
        ("int8", 1 / 127, 0, False),
        ("int8", 1 / 127.5, 0, True),  # as torch's symmetric observers have it
        ("uint8", 2 / 255, 128, None),
    ],
)
def test_the_largest_magnitude_alone_is_no_range(codes, scale, zero, symmetric):
    taken = Tensor("x", codes, INT8, scale, zero, symmetric=symmetric)
    with pytest.raises(RefusedError, match=REFUSAL):
        pixels.settled(taken, pixels.Asked())


@pytest.mark.parametrize(
    ("codes", "scale", "zero", "symmetric", "expected"),
    [
        ("int8", 2 / 255, 0, None, (-1, 1)),
        ("int8", 2 / 255, -1, None, (-1, 1)),
        ("int8", 1 / 128, 0, False, (-1, 1)),
        ("uint8", 1 / 128, 128, False, (-1, 1)),  # MobileNet as TensorFlow gave it away
        ("uint8", 2 / 255, 127, None, (-1, 1)),
        ("int16", 2 / 65535, 0, False, (-1, 1)),  # affine, as onnxruntime has it too
        ("int8", 1 / 255, -128, True, (0, 1)),
        ("uint8", 1 / 255, 0, None, (0, 1)),
        ("uint8", 1.0, 0, None, (0, 255)),
        ("int8", 1.0, 0, True, (-128, 127)),
        ("int8", 0.0, 0, None, (-128, 127)),
    ],
)
def test_what_an_affine_quantizer_says_is_taken(codes, scale, zero, symmetric, expected):
    settled = pixels.settled(Tensor("x", codes, INT8, scale, zero, symmetric=symmetric), pixels.Asked())
    assert (settled.low, settled.high, settled.source) == (*expected, "the file")


def test_what_else_a_tflite_file_computes_tells_its_quantizers_apart(tmp_path):
    file = written(tmp_path, metadata(), scale=2 / 255, zero=0)
    assert read(file)[1].input.symmetric is False
    with Network(file) as network:
        assert (network.pixels.low, network.pixels.high) == (-1, 1)


def test_metadata_are_held_to_the_magnitude_of_a_symmetric_input_and_not_to_its_ends(tmp_path):
    file = written(tmp_path, metadata((0.0,), (255.0,)), scale=1 / 127, zero=0)
    with Network(file) as network:
        assert str(network.pixels).endswith("pixels 0..255, less 0, by 255 (the file's metadata)")
    file = written(tmp_path, metadata((0.0,), (1.0,)), scale=1 / 127, zero=0)
    with Network(file) as network, pytest.raises(ResqError, match="says two things of its pixels"):
        _ = network.pixels


class Rounded(nn.Module):
    """Input and output of a convolution rounded to uint8 about these zero points."""

    def __init__(self, *zeros: int) -> None:
        super().__init__()
        self.zeros, self.conv, self.fc = zeros, nn.Conv2d(3, 4, 3), nn.Linear(4, 5)

    def forward(self, x):
        """Images -> answers."""
        x = self.conv(self.rounded(x, self.zeros[0])).relu()
        return self.fc(self.rounded(x, self.zeros[1]).mean((2, 3)))

    @staticmethod
    def rounded(x, zero):
        """A value as uint8 of the scale 2/255 keeps it."""
        ops = torch.ops.quantized_decomposed
        codes = 2 / 255, zero, 0, 255, torch.uint8
        return ops.dequantize_per_tensor(ops.quantize_per_tensor(x, *codes), *codes)


@pytest.mark.parametrize(("zeros", "symmetric"), [((128, 0), False), ((128, 128), True)])
def test_what_else_a_program_of_torch_rounds_tells_its_quantizers_apart(tmp_path, zeros, symmetric):
    import torchao.quantization.pt2e.quantize_pt2e  # noqa: F401  # it registers the operators

    file = pt2_files.exported(Rounded(*zeros), tmp_path / "rounded.pt2", torch.rand(2, 3, 32, 32))
    assert read(file)[1].input.symmetric is symmetric
    with Network(file) as network:
        if symmetric:
            with pytest.raises(ResqError, match=REFUSAL):
                _ = network.pixels
        else:
            assert (network.pixels.low, network.pixels.high) == (-1, 1)
