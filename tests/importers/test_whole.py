"""Files that quantize activations: imported only if their weights alone are right on as many images."""

from pathlib import Path

import numpy as np
import pytest
import torch

from dashboard.model.own import uploads
from resq import checkpoints, data, networks
from resq.core.errors import ResqError
from resq.importers import draft, import_weights, owncodes, whole
from resq.importers.formats import carriers, files
from resq.importers.onnx import onnx_check, onnx_file
from tests import onnx_files
from tests.importers.test_carriers import quanto
from tests.onnx_files import exported, quantized

pytest.importorskip("onnx")
NAME, N = "signs/resnet20/base", 60
ROW = "signs/resnet20/x"


@pytest.fixture(scope="module")
def images():
    return data.load("signs", "test").first(N)


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """A trained network, quantized by onnxruntime and calibrated on images that it is not made for."""
    pytest.importorskip("onnxruntime")
    folder, there = tmp_path_factory.mktemp("whole"), checkpoints.load(NAME)
    body = networks.restore("resnet20", there.state, mean=(0, 0, 0), std=(1, 1, 1), classes=16).body
    source = exported(body.eval(), folder / "float.onnx", opset_version=17)
    return quantized(source, folder / "codes.onnx", spread=0.2)


@pytest.fixture(scope="module")
def brought(file):
    return import_weights(file, "resnet20", 16)


def own_accuracy(file: Path, images) -> float:
    """As a user of onnxruntime finds it."""
    normal = checkpoints.load(NAME).normal
    x = (images.pixels / 255 - np.reshape(normal.mean, (3, 1, 1))) / np.reshape(normal.std, (3, 1, 1))
    session = onnx_files.session(file)
    logits = session.run(None, {"x": x.astype(np.float32)})[0]
    return float((logits.argmax(1) == images.y).mean())


def compared(file, brought, images, allowed):
    with draft.draft(ROW, brought, {}) as kept:
        return whole.compared(file, brought, checkpoints.load(str(kept)), images, allowed)


def test_a_file_that_is_right_less_often_than_its_weights_is_refused_with_both(file, brought, images):
    own = own_accuracy(file, images)
    assert own < 0.9
    with pytest.raises(ResqError, match="--float-activations imports its weights alone") as refusal:
        compared(file, brought, images, False)
    said = str(refusal.value)
    assert f"the file itself is right on {100 * own:.2f} % of {N} test images (onnxruntime)" in said
    assert "quantizes its activations too (DequantizeLinear, QuantizeLinear)" in said
    assert "python -m resq evaluate codes.onnx --data signs --mean=" in said


def test_its_weights_alone_are_taken_where_that_is_asked_and_both_are_said(file, brought, images):
    found = compared(file, brought, images, True)["file"]
    assert found["accuracy"] == own_accuracy(file, images)
    assert (found["here"] > 0.9, found["n"]) == (True, N)
    assert (
        f"activations in codes, is right on {100 * found['accuracy']:.2f} %"
        in whole.sentence({"file": found})[0]
    )


@pytest.mark.parametrize("dynamic", [True, False])
def test_a_file_whose_answers_hang_on_the_batch_is_run_one_image_at_a_time(file, images, dynamic):
    tool = pytest.importorskip("onnxruntime.quantization")
    source = file.with_name("float.onnx")
    if dynamic:
        tool.quantize_dynamic(str(source), str(file.with_name("dynamic.onnx")))
        source = file.with_name("dynamic.onnx")
    x = (images.pixels.astype(np.float32) / 255 - 0.5) / 0.25
    theirs = onnx_check.answers(onnx_file.loaded(source), x, own=True)
    assert theirs.runtime == "onnxruntime" + ", one image at a time" * dynamic
    session = onnx_files.session(source)
    alone = np.concatenate([session.run(None, {"x": one[None]})[0] for one in x])
    together = session.run(None, {"x": x})[0]
    assert np.abs(theirs.logits - alone).max() < 1e-4
    assert (np.abs(together - alone).max() > 1e-2) == dynamic


def test_a_tenth_of_a_point_is_the_border(file, brought, images, monkeypatch):
    """One image of 1,000 more or less is within it, two are not."""
    for wrong, allowed in ((1, True), (2, False)):
        apart = {"accuracy": 0.9 - wrong / 1000, "here": 0.9, "n": 1000, "runtime": "it"}
        monkeypatch.setattr(whole, "_file", lambda *_, apart=apart: apart)
        if allowed:
            assert compared(file, brought, images, False) == {"file": apart}
        else:
            with pytest.raises(
                ResqError, match=r"right on 89\.80 % of 1000 test images \(it\).* on 90\.00 %"
            ):
                compared(file, brought, images, False)


def test_the_upload_box_refuses_it_too_and_names_its_own_option(file, tmp_path, monkeypatch):
    monkeypatch.setenv("RESQ_WORK", str(tmp_path))
    monkeypatch.setattr(uploads, "FIRST", N)
    monkeypatch.setattr(uploads, "FEW", N)
    raw = file.read_bytes()
    with pytest.raises(
        ResqError, match=r"^mine\.onnx quantizes its activations too .* the box 'Weights alone'"
    ):
        uploads.checkpoint(raw, "mine.onnx", "resnet20", "signs")
    assert not list(tmp_path.rglob("*.safetensors"))
    told: list[str] = []
    name = uploads.checkpoint(raw, "mine.onnx", "resnet20", "signs", uploads.Reading(alone=True), told)
    assert checkpoints.card(name)["file"]["n"] == N
    assert any(said.startswith("the file itself, activations in codes, is right on") for said in told)


def test_the_upload_box_says_which_usual_normalisation_is_right_more_often(tmp_path, monkeypatch):
    monkeypatch.setenv("RESQ_WORK", str(tmp_path))
    monkeypatch.setattr(uploads, "FEW", N)
    there, told = checkpoints.load(NAME), []
    torch.save({k: torch.tensor(v) for k, v in there.state.items()}, tmp_path / "x.pt")
    raw = (tmp_path / "x.pt").read_bytes()
    uploads.checkpoint(raw, "x.pt", "resnet20", "signs", uploads.Reading("bytes"), told)
    assert any(s.startswith(f"of the first {N} test images ") and " % with “Mean” " in s for s in told), told


def state():
    return {k: torch.tensor(v) for k, v in checkpoints.load(NAME).state.items()}


@pytest.mark.parametrize("shape", [(), (1, 1)])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16, torch.float16, torch.float8_e4m3fn])
@pytest.mark.parametrize("scale", [1.0, 0.02])
def test_a_state_dict_with_scales_of_activations_is_refused_since_nothing_here_runs_it(
    tmp_path, images, scale, kind, shape
):
    """quanto writes such scales always; where it quantized no activations all of them are 1."""
    step = torch.full(shape, scale).to(kind)
    tensors = {k: step if "put_scale" in k else v for k, v in quanto(state()).items()}
    torch.save(tensors, tmp_path / "x.pt")
    brought = import_weights(tmp_path / "x.pt", "resnet20", 16)
    if scale == 1:
        assert compared(tmp_path / "x.pt", brought, images, False) == {}
        assert any("every scale 1: none are quantized" in said for said in brought.how)
        return
    assert brought.quantized[0].startswith("40 scales of activations such as ")
    with pytest.raises(
        ResqError, match=r"x\.pt quantizes its activations too .* accuracy is not known .*--float"
    ):
        compared(tmp_path / "x.pt", brought, images, False)
    assert "measured" in compared(tmp_path / "x.pt", brought, images, True)["file"]


def test_dynamic_activations_of_torchao_count_too():
    listed = files.Listing({}, "torch", True, about={"fc.weight": '{"act_quant_kwargs": {"bits": 8}}'})
    assert carriers.quantized(listed, Path("x.pt")) == ("8-bit activations of fc.weight",)


def test_codes_of_16_bits_are_said_to_be_read_as_floats(file):
    tool = pytest.importorskip("onnxruntime.quantization")
    wide = quantized(
        file.with_name("float.onnx"), file.with_name("wide.onnx"), weight_type=tool.QuantType.QInt16
    )
    found = import_weights(wide, "resnet20", 16)
    assert not found.codes
    assert owncodes.unkept(dict.fromkeys(found.weights, 16))[0] in found.how
    assert any(
        "20 more came as" in said or "19 more came as integer codes of 16 bits" in said for said in found.how
    )
