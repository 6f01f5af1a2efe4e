"""Weights that an ONNX file keeps in a file beside it; and the process in which a graph is run."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from resq.cli import import_weights as command
from resq.importers import import_weights
from resq.importers.onnx import onnx_check, onnx_file
from tests.onnx_files import body, exported

onnx = pytest.importorskip("onnx")


@pytest.fixture(scope="module")
def parts(tmp_path_factory) -> Path:
    """A folder with net.onnx, as torch's newer exporter writes it: its weights lie in net.onnx.data."""
    folder = tmp_path_factory.mktemp("parts")
    whole = exported(body("resnet20", 16), folder / "whole.onnx", opset_version=17)
    model = onnx.load(whole)
    onnx.save(
        model,
        folder / "net.onnx",
        save_as_external_data=True,
        location="net.onnx.data",
        size_threshold=100,
        convert_attribute=True,
    )
    return folder


def copied(parts: Path, to: Path, change=lambda tensor: None, data: bytes | None = None) -> Path:
    """Both files again, every tensor that lies beside changed."""
    model = onnx.load(parts / "net.onnx", load_external_data=False)
    for tensor in model.graph.initializer:
        if tensor.external_data:
            change(tensor)
    (to / "net.onnx").write_bytes(model.SerializeToString())
    (to / "net.onnx.data").write_bytes((parts / "net.onnx.data").read_bytes() if data is None else data)
    return to / "net.onnx"


def test_weights_beside_the_file_are_those_of_one_file(parts):
    there, whole = (import_weights(parts / name, "resnet20", 16) for name in ("net.onnx", "whole.onnx"))
    assert all(np.array_equal(there.state[name], value) for name, value in whole.state.items())
    assert [path.name for path in onnx_file.beside(parts / "net.onnx")] == ["net.onnx.data"]


def test_what_torchs_newer_exporter_writes_by_default_comes_in(tmp_path):
    pytest.importorskip("onnxscript")
    file = exported(body("resnet20"), tmp_path / "x.onnx", dynamo=True)
    assert (tmp_path / "x.onnx.data").is_file()
    weight = import_weights(file, "resnet20", 10).state["linear.weight"]
    assert np.allclose(weight, body("resnet20").linear.weight.detach().numpy())


def test_the_card_names_both_files_by_hash(parts):
    (beside,) = command._source(parts / "net.onnx")["beside"]
    raw = (parts / "net.onnx.data").read_bytes()
    assert beside == {
        "file": "net.onnx.data",
        "bytes": len(raw),
        "sha256": hashlib.sha256(raw).hexdigest(),
    }
    assert "beside" not in command._source(parts / "whole.onnx")


def _entry(key: str, value: str):
    def change(tensor) -> None:
        kept = {entry.key: entry.value for entry in tensor.external_data} | {key: value}
        del tensor.external_data[:]
        for name, text in kept.items():
            tensor.external_data.add(key=name, value=text)

    return change


def _longer(tensor) -> None:
    tensor.dims[0] += 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_entry("location", "../net.onnx.data"), r"in '\.\./net\.onnx\.data'; expected the plain name"),
        (_entry("location", "/etc/passwd"), r"in '/etc/passwd'; expected the plain name of a file beside it"),
        (_entry("location", ".."), r"in '\.\.'; expected the plain name"),
        (_entry("location", "a\\b"), r"expected the plain name"),
        (
            _entry("location", "gone.bin"),
            r"in another file, 'gone\.bin', which is not beside it; save the mo",
        ),
        (_entry("offset", "99999999"), r"from 99999999 of 'net\.onnx\.data', which has \d+: these two files"),
        (_entry("offset", "-1"), r"these two files do not belong together"),
        (_entry("length", "3"), r"bytes, as 3 bytes from \d+ of"),
        (_longer, r"these two files do not belong together"),
    ],
)
def test_a_name_that_leads_elsewhere_or_sizes_that_differ_are_refused(parts, tmp_path, change, said):
    with pytest.raises(ValueError, match=said):
        import_weights(copied(parts, tmp_path, change), "resnet20", 16)


def test_a_shorter_file_and_a_link_out_of_the_folder_are_refused(parts, tmp_path):
    with pytest.raises(ValueError, match="these two files do not belong together"):
        import_weights(copied(parts, tmp_path, data=b"short"), "resnet20", 16)
    (tmp_path / "net.onnx.data").unlink()
    (tmp_path / "net.onnx.data").symlink_to(parts / "net.onnx.data")
    with pytest.raises(ValueError, match="a link that leads out of its folder"):
        import_weights(tmp_path / "net.onnx", "resnet20", 16)


def grown(count: int) -> onnx.ModelProto:
    """A graph that gives ``count`` numbers for an image."""
    helper = onnx.helper
    sizes = onnx.numpy_helper.from_array(np.array([1, count]), "sizes")
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["m"], keepdims=0),
        helper.make_node("Expand", ["m", "sizes"], ["y"]),
    ]
    images = helper.make_tensor_value_info("x", 1, ["n", 3, 32, 32])
    graph = helper.make_graph(nodes, "g", [images], [helper.make_tensor_value_info("y", 1, None)], [sizes])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize("count", [2**31, 2**26], ids=["memory", "file"])
def test_a_graph_that_takes_endless_memory_or_disk_is_stopped(count):
    """2 ** 31 floats take 8 GB, of which 6 may be had; 2 ** 26 make a file of 256 MB, of which 64 may be."""
    x = np.zeros((1, 3, 32, 32), np.float32)
    assert onnx_check.answers(grown(count), x).logits is None
    assert onnx_check.answers(grown(2**10), x).logits.shape == (1, 2**10)


def test_every_image_is_answered_though_they_are_given_in_parts(parts):
    x = torch.rand(230, 3, 32, 32, generator=torch.Generator().manual_seed(0)).numpy()
    model = onnx_file.loaded(parts / "whole.onnx")
    one, parted = (onnx_check.answers(model, part, own=True).logits for part in (x[200:], x))
    assert parted.shape == (230, 16)
    assert np.allclose(parted[200:], one, atol=1e-4)
