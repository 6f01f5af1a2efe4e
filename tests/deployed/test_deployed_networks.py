"""Networks of every architecture as others quantize them: the runtime's own answers and words.

onnxruntime, PT2E, and ai-edge-quantizer after litert-torch where RESQ_LITERT_PYTHON names a Python that has
them. The small network is always tried; the others take minutes and run where RESQ_LONG is set. A plain
script stands beside: it knows the runtimes and nothing of this project but the images.
"""

import logging
import os
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from resq import checkpoints, data
from resq.core import Encoding, seeds
from resq.deployed import canary, words
from resq.deployed.network import Network
from resq.deployed.pixels import Asked
from resq.measure.engine.faulty_network import network_of
from resq.memory import faults
from resq.networks.small_conv import SmallConv2d
from tests import deployed_files, litert_files, onnx_files, pt2_files

LONG = {
    "cifar10/resnet18/base": 300,
    "cifar10/vgg16/base": 200,
    "cifar10/efficientnet_b0/base": 200,
    "cifar10/swin_t/base": 200,
}
CARRIERS = ("qdq-tensor", "qdq-channel", "qoperator")
PROGRAMS = ("pt2", "pt2e")
WANTED = {"signs/resnet20/base": 300, **LONG} if os.environ.get("RESQ_LONG") else {"signs/resnet20/base": 100}


@pytest.fixture(scope="module", params=WANTED)
def files(request, tmp_path_factory):
    name = request.param
    if not data.present(name.split("/")[0]):
        pytest.skip(f"the images of {name} are not on this machine (set RESQ_DATA)")
    folder = tmp_path_factory.mktemp(name.replace("/", "-"))
    there = deployed_files.made(folder, name, CARRIERS)
    if litert_files.CARRIERS:
        there |= litert_files.made(folder, name)
    return name, there, folder


def made(files, carrier):
    """The file of a network in one form; programs of torch are written when they are asked for."""
    name, there, folder = files
    if carrier not in PROGRAMS:
        return there[carrier]
    some = data.load(name.split("/")[0], "test").first(16)
    images = torch.from_numpy(some.pixels.astype(np.float32) / 255)
    write = pt2_files.exported if carrier == "pt2" else pt2_files.pt2e
    checkpoint = checkpoints.load(name)
    network = network_of(checkpoint, checkpoint.quantized(Encoding.parse("fp32")))
    return write(network, folder / f"{carrier}.pt2", images)


@pytest.mark.timeout(3600)  # a canary opens a large file hundreds of times
@pytest.mark.parametrize("carrier", ["float", *CARRIERS, *PROGRAMS, *litert_files.CARRIERS])
def test_answers_and_words_are_the_files_own_and_flips_leave_nothing_behind(files, carrier):
    name = files[0]
    if carrier == "pt2e":
        pytest.importorskip("torchao", reason="torchao, which quantizes by PT2E, is not installed")
    found = agreement(made(files, carrier), name.split("/")[0], WANTED[name])
    logging.getLogger(__name__).warning("%s %s %s", name, carrier, found)


def agreement(file: Path, name: str, n: int) -> dict[str, object]:
    """What was seen of a file; every law of a deployed file is asserted on the way."""
    some, began = data.load(name, "test").first(n), time.perf_counter()
    own, before = script(file, some.pixels), file.read_bytes()
    x = np.ascontiguousarray(some.pixels).view()
    x.setflags(write=False)
    with Network(file, "weights", Asked((0.0, 1.0)), threads=1) as network:
        settled = canary.settle(network, x)
        found, digest = network.logits(x), network.digest()
        assert (found.argmax(1) == own.argmax(1)).all()
        tensors = same_words(file, before)
        where = faults.FAULTS["random"](faults.region(network), 1e-2, rng=seeds.rng(0, "map"))
        with network.flipped(where):
            assert network.digest() != digest
            struck = network.logits(x)
        assert network.digest() == digest
        assert network.logits(x).tobytes() == found.tobytes()
        assert network.layout.n_bits == sum(s.count * s.width for s in network.stored)
    assert file.read_bytes() == before
    return {
        "clean": int((found.argmax(1) == some.y).sum()), "own": int((own.argmax(1) == some.y).sum()), "n": n,
        "equal logits": float((found == own).mean()), "tensors": tensors, "weights": len(network.stored),
        "bits": network.layout.n_bits, "flips": len(where),
        "with flips": int((struck.argmax(1) == some.y).sum()),
        "way": settled.way, "batch": settled.batch, "threads": settled.threads, "unread": settled.unread,
        "seconds": round(time.perf_counter() - began),
    }  # fmt: skip


def script(file: Path, pixels: np.ndarray) -> np.ndarray:
    """The answers as a person's script has them: one session, one image after the other."""
    images = [(i / np.float32(255))[None] for i in pixels]
    if file.suffix == ".pt2":
        module = torch.export.load(file).module()
        with torch.inference_mode():
            return np.concatenate([module(torch.from_numpy(i)).numpy() for i in images])
    if file.suffix == ".tflite":
        return tflite_script(file, images)
    session = onnx_files.session(file)
    return np.concatenate([session.run(None, {"images": i})[0] for i in images])


def tflite_script(file: Path, images: list[np.ndarray]) -> np.ndarray:
    """As ``script``; an int8 input takes a pixel by its own scale and zero point."""
    from ai_edge_litert.interpreter import Interpreter

    made = Interpreter(str(file), num_threads=1)
    made.allocate_tensors()
    taken, given = made.get_input_details()[0], made.get_output_details()[0]
    (scale, zero), (unit, origin) = taken["quantization"], given["quantization"]
    found = []
    for image in images:
        codes = np.clip(np.rint(image / np.float32(scale)) + zero, -128, 127) if scale else image
        made.set_tensor(taken["index"], codes.astype(taken["dtype"]))
        made.invoke()
        answer = made.get_tensor(given["index"]).astype(np.float32)
        found.append((answer - origin) * np.float32(unit) if unit else answer)
    return np.concatenate(found)


def same_tflite_words(file: Path, raw: bytes) -> int:
    """As ``same_words``, by the classes that LiteRT's own schema generates."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(raw, 0)
    own = {}
    for tensor in model.subgraphs[0].tensors:
        if tensor.type == schema.TensorType.BOOL:  # a byte that is neither 0 nor 1 means nothing: no words
            continue
        buffer = model.buffers[tensor.buffer]
        if buffer.size:  # behind the flatbuffer, where ai-edge-quantizer puts the weights
            own[tensor.name.decode()] = raw[buffer.offset : buffer.offset + buffer.size]
        elif buffer.data is not None:
            own[tensor.name.decode()] = bytes(buffer.data)
    with Network(file, "all", Asked((0.0, 1.0))) as network:
        tensors = [s for s in network.stored if s.kind not in ("scales", "other") or s.name in own]
        for stored in tensors:  # scales and zero points stand beside the tensors, not among them
            assert raw[stored.at : stored.at + stored.n_bytes] == own[stored.name], stored.name
        assert {s.name for s in tensors} == set(own)
        return len(tensors)


def same_words(file: Path, raw: bytes) -> int:
    """How many constant tensors the file has, read byte for byte as the package that wrote it does."""
    if file.suffix == ".tflite":
        return same_tflite_words(file, raw)
    if file.suffix == ".pt2":
        program = torch.export.load(file)
        own = {**program.state_dict, **program.constants}
        with Network(file, "all", Asked((0.0, 1.0))) as network:
            for stored in network.stored:
                expected = own[stored.name].detach().contiguous().numpy().tobytes()
                assert raw[stored.at : stored.at + stored.n_bytes] == expected, stored.name
            return len(network.stored)
    initialisers = {i.name: i for i in onnx.load(file).graph.initializer}
    with Network(file, "all", Asked((0.0, 1.0))) as network:
        memory = np.frombuffer(network.parsed.memory, np.uint8)
        seen = [s for s in network.stored if s.name in initialisers]
        for stored in seen:
            tensor = initialisers[stored.name]
            expected = np.asarray(numpy_helper.to_array(tensor)).astype(np.float64)
            np.testing.assert_array_equal(words.numbers(memory, stored), expected, stored.name)
            if stored.at >= 0 and tensor.raw_data:
                assert raw[stored.at : stored.at + stored.n_bytes] == tensor.raw_data
        read = {i for node in onnx.load(file).graph.node for i in node.input} & set(initialisers)
        missed = {i for i in read - {s.name for s in seen} if np.prod(initialisers[i].dims, dtype=int)}
        assert not missed, f"not read: {missed}"
    return len(seen)


def test_a_small_convolution_is_exported_for_any_number_of_images(tmp_path):
    layer, x = SmallConv2d(4, 6, 3, padding=1).eval(), torch.randn(5, 4, 2, 2)
    torch.onnx.export(
        layer, x[:2], tmp_path / "small.onnx", dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "n"}}
    )
    found = onnx_files.session(tmp_path / "small.onnx").run(None, {"x": x.numpy()})[0]
    np.testing.assert_allclose(found, layer(x).detach().numpy(), atol=1e-5)
