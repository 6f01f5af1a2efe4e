"""MatMulNBits, the codes of 4 or 8 bits that onnxruntime packs in blocks, comes in with its own words."""

from pathlib import Path

import numpy as np
import pytest
from onnxruntime.quantization import QuantFormat
from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer

from resq.importers import import_weights
from tests.onnx_files import RAW, body, exported

onnx = pytest.importorskip("onnx")
numpy_helper = onnx.numpy_helper


def with_a_product(file: Path) -> None:
    """The last layer as MatMul and Add, the form that the quantizer takes."""
    model = onnx.load(file)
    gemm = next(node for node in model.graph.node if node.op_type == "Gemm")
    weight = next(tensor for tensor in model.graph.initializer if tensor.name == gemm.input[1])
    turned = np.ascontiguousarray(numpy_helper.to_array(weight).T)
    weight.CopyFrom(numpy_helper.from_array(turned, weight.name))
    made = [
        onnx.helper.make_node("MatMul", [gemm.input[0], weight.name], ["product"], "product"),
        onnx.helper.make_node("Add", ["product", gemm.input[2]], [gemm.output[0]], "shifted"),
    ]
    model.graph.node.remove(gemm)
    model.graph.node.extend(made)
    onnx.save(model, file)


def packed(folder: Path, bits: int, symmetric: bool, form: QuantFormat, **options) -> Path:
    """A file as onnxruntime's quantizer of weights writes it."""
    source = exported(body("resnet20"), folder / f"float-{form.name}.onnx", opset_version=21, **RAW)
    with_a_product(source)
    config = DefaultWeightOnlyQuantConfig(
        block_size=16, is_symmetric=symmetric, quant_format=form, op_types_to_quantize=("MatMul",), bits=bits,
        **options,
    )  # fmt: skip
    made = MatMulNBitsQuantizer(onnx.load(source), algo_config=config)
    made.process()
    file = folder / f"{form.name}.onnx"
    made.model.save_model_to_file(str(file))
    return file


def own_words(file: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes, and the scale and the zero point of each block, of the last layer."""
    brought = import_weights(file, "resnet20", 10)
    assert any(line.startswith("run by") for line in brought.how)
    stored = brought.codes["linear.weight"]
    return stored.words, stored.scale, stored.zero


@pytest.mark.parametrize("symmetric", [True, False])
def test_packed_codes_are_those_of_the_same_file_with_dequantizers(tmp_path, symmetric):
    one = own_words(packed(tmp_path, 4, symmetric, QuantFormat.QOperator))
    other = own_words(packed(tmp_path, 4, symmetric, QuantFormat.QDQ))
    assert one[0].shape == (10, 64)
    assert np.array_equal(one[1], other[1])
    if symmetric:  # there they are int4 without a zero point, here uint4 whose 8 stands for 0
        assert np.array_equal(one[0], other[0] ^ 8)
        assert (one[2] == 8).all()
        assert not other[2].any()
    else:
        assert np.array_equal(one[0], other[0])
        assert np.array_equal(one[2], other[2])


def test_codes_of_a_byte_are_the_files(tmp_path):
    file = packed(tmp_path, 8, False, QuantFormat.QOperator)
    tensors = {t.name: numpy_helper.to_array(t) for t in onnx.load(file).graph.initializer}
    codes = next(a for name, a in tensors.items() if name.endswith("_Q8"))
    assert np.array_equal(own_words(file)[0], codes.reshape(10, 64))


def test_activations_that_the_product_rounds_are_told_as_left_out(tmp_path):
    file = packed(tmp_path, 4, True, QuantFormat.QOperator, accuracy_level=4)
    brought = import_weights(file, "resnet20", 10)
    assert any("quantization of them (MatMulNBits) is left out" in line for line in brought.how)


@pytest.mark.parametrize(("bits", "index"), [(2, False), (4, True)])
def test_other_forms_are_refused_with_what_to_write_instead(tmp_path, bits, index):
    file = packed(tmp_path, 4, True, QuantFormat.QOperator)
    model = onnx.load(file)
    node = next(node for node in model.graph.node if node.op_type == "MatMulNBits")
    next(a for a in node.attribute if a.name == "bits").i = bits
    if index:
        order = numpy_helper.from_array((np.arange(64) // 16).astype(np.int32), "index")
        model.graph.initializer.append(order)
        node.input.extend(["", order.name][len(node.input) - 3 :])
    onnx.save(model, file)
    with pytest.raises(ValueError, match=r"codes (of 2 bits|in an order .*), which are not read.*QDQ"):
        import_weights(file, "resnet20", 10)
