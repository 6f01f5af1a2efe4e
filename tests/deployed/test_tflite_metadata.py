"""What a TFLite file says of its pixels and classes in its metadata: used, said, never trusted blindly."""

import io
import zipfile
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from resq.cli import twin
from resq.core import Dataset
from resq.core.errors import ResqError
from resq.deployed.network import Network
from resq.deployed.pixels import Asked
from resq.measure.run.deployed import attacked_file, file_flip, rows
from resq.measure.specs.sweep_spec import SweepSpec
from stress import tiny

LABELS = ("ant", "bee", "cat", "dog", "eel")
X = np.random.default_rng(0).integers(0, 256, (6, 1, 12, 10), dtype=np.uint8)


def table(b, **fields):
    """A table with these fields: f3=offset, f0_u=1 for a byte in the table."""
    b.StartObject(8)
    for name, value in fields.items():
        if name.endswith("_u"):
            b.PrependUint8Slot(int(name[1:-2]), value, 0)
        else:
            b.PrependUOffsetTRelativeSlot(int(name[1:]), value, 0)
    return b.EndObject()


def listed(b, values, floats=False):
    b.StartVector(4, len(values), 4)
    for value in reversed(values):
        b.PrependFloat32(value) if floats else b.PrependUOffsetTRelative(value)
    return b.EndVector()


def metadata(mean=(), std=(), labels="", kind=b"M001") -> bytes:
    """A metadata buffer, as the tools of TensorFlow Lite Support write it."""
    b = flatbuffers.Builder(512)
    taken, given = {}, {}
    if mean or std:
        options = table(b, f0=listed(b, mean, True), f1=listed(b, std, True))
        taken["f4"] = listed(b, [table(b, f0_u=1, f1=options)])
    if labels:
        given["f6"] = listed(b, [table(b, f0=b.CreateString(labels), f2_u=2)])
    ends = [listed(b, [table(b, **fields)]) for fields in (taken, given)]
    graphs = listed(b, [table(b, f2=ends[0], f3=ends[1])])
    b.Finish(table(b, f3=graphs), kind)
    return bytes(b.Output())


def written(
    folder: Path, held: bytes, names: str | None = None, scale: float = 1.0, zero: int = -128
) -> Path:
    """A small int8 file with such metadata, and an archive of names behind it."""
    file = tiny.tflite_file(folder / "tiny.tflite")
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(file.read_bytes(), 0))
    q = model.subgraphs[0].tensors[0].quantization
    q.scale, q.zeroPoint = [scale], [zero]
    entry, buffer = schema.MetadataT(), schema.BufferT()
    buffer.data = np.frombuffer(held, np.uint8)
    model.buffers.append(buffer)
    entry.name, entry.buffer = "TFLITE_METADATA", len(model.buffers) - 1
    model.metadata = [entry]
    b = flatbuffers.Builder(4096)
    b.Finish(model.Pack(b), b"TFL3")
    behind = io.BytesIO()
    if names is not None:
        with zipfile.ZipFile(behind, "w") as archive:
            archive.writestr("labels.txt", names)
    file.write_bytes(bytes(b.Output()) + behind.getvalue())
    return file


def test_mean_and_deviation_are_used_and_said(tmp_path):
    file = written(tmp_path, metadata((127.5,), (127.5,)), scale=1 / 128, zero=0)
    with Network(file) as network, Network(file, asked=Asked((-1.0, 1.0))) as asked:
        assert str(network.pixels).endswith("pixels 0..255, less 127.5, by 127.5 (the file's metadata)")
        expected = (X.astype(np.float32) - 127.5) / 127.5
        assert np.array_equal(network.pixels.values(X), expected.transpose(0, 2, 3, 1))
        assert np.array_equal(network.logits(X), asked.logits(X))


def test_what_is_asked_comes_before_what_the_metadata_say(tmp_path):
    file = written(tmp_path, metadata((127.5,), (127.5,)), scale=1 / 128, zero=0)
    with Network(file, asked=Asked(mean=(0.25,), std=(0.5,))) as network:
        assert str(network.pixels).endswith("pixels 0..1, less 0.25, by 0.5 (as asked)")


@pytest.mark.parametrize(("held", "sentence"), [
    (metadata((127.5,), (0.0,)), "gives the deviation 0, which is none of pixels"),
    (metadata((float("nan"),), (1.0,)), "gives the mean nan, which is none of pixels"),
    (metadata((1.0, 2.0), (1.0,)), "gives 2 numbers as the mean; expected one, or one per channel"),
    (metadata((0.0,), (1.0,), kind=b"M999"), "has metadata of the kind b'M999'"),
    (metadata((0.0,), (1.0,))[:24], "damaged"),
    (b"", "has metadata of the kind b''"),
    (metadata((127.5,), (127.5,)), "says two things of its pixels: its metadata make them -1 to 1"),
    (metadata((1.0, 2.0, 3.0), (128.0,), ), "says two things"),
])  # fmt: skip
def test_wrong_metadata_are_a_sentence_and_the_file_is_run_once_somebody_says_better(
    tmp_path, held, sentence
):
    file = written(tmp_path, held)
    with Network(file) as network, pytest.raises(ResqError) as refused:
        network.logits(X)
    assert sentence in str(refused.value)
    assert str(refused.value).count("say --range") == 1
    with Network(file, asked=Asked((0.0, 255.0))) as network:
        assert np.isfinite(network.logits(X)).all()


def test_every_cut_and_every_changed_byte_of_metadata_is_read_or_refused(tmp_path):
    whole, chance = metadata((127.5,), (127.5,), "labels.txt"), np.random.default_rng(0)
    damaged = [whole[:n] for n in range(0, len(whole), 7)]
    for _ in range(150):
        raw = bytearray(whole)
        raw[chance.integers(len(raw))] = chance.integers(256)
        damaged.append(bytes(raw))
    seen, sentences = set(), []
    for held in damaged:
        file = written(tmp_path, held, "\n".join(LABELS), scale=1 / 128, zero=0)
        network = Network(file)
        try:
            seen.add(network.pixels.source)
        except ResqError as error:
            seen.add("refused")
            sentences.append(str(error))
    assert {"refused", "the file's metadata"} <= seen
    assert all(sentence.startswith("tiny.tflite ") for sentence in sentences)


def test_the_names_of_classes_are_read_from_the_archive_behind_the_file(tmp_path):
    file = written(tmp_path, metadata(labels="labels.txt"), "\n".join(LABELS) + "\n")
    with Network(file) as network:
        assert network.parsed.labels == LABELS
        assert network.parsed.notes == ()
        assert network.pixels.source == "the file"


@pytest.mark.parametrize(("names", "sentence"), [
    (None, "holds no 'labels.txt' that can be read"), ("ant\nbee", "names 2 classes and has 5 outputs"),
    ("a" * (2**20 + 1), "1048577 bytes of names"),
])  # fmt: skip
def test_wrong_names_are_a_note_and_harm_nothing(tmp_path, names, sentence):
    with Network(written(tmp_path, metadata(labels="labels.txt"), names)) as network:
        assert network.parsed.labels == ()
        assert sentence in network.parsed.notes[0]
        assert np.isfinite(network.logits(X)).all()


def opened(file):
    rows.opened(rows.Cell(str(file), "mine", "as stored", targets="weights", inputs="")).close()


def estimated(file):
    list(attacked_file.estimates(SweepSpec(str(file), data="mine", n=4)))


def flipped(file):
    file_flip.run(file_flip.FileFlip(str(file), "mine"))


def compared(file):
    with Network(file) as network:
        twin.compared(network, "mine", 4)


BY_LABELS = [opened, estimated, flipped, compared]  # what takes images and judges answers by their labels


@pytest.mark.parametrize("judged", BY_LABELS)
def test_images_whose_classes_come_in_another_order_are_refused(tmp_path, monkeypatch, judged):
    file = written(tmp_path, metadata(labels="labels.txt"), "\n".join(LABELS))
    classes = ("Bee", "Ant", "Cat", "Dog", "Eel")
    whole = Dataset("mine", "test", X, np.arange(6) % 5, classes)
    monkeypatch.setattr(rows.data, "load", lambda *_: whole)
    with pytest.raises(ResqError, match=r"in another order.*say --classes Ant,Bee,Cat,Dog,Eel$"):
        judged(file)


@pytest.mark.parametrize("judged", BY_LABELS)
@pytest.mark.parametrize("count", [4, 6])
def test_images_of_another_number_of_classes_are_refused(tmp_path, monkeypatch, judged, count):
    file = written(tmp_path, metadata())
    whole = Dataset(
        "mine", "test", X, np.arange(6) % count, ("ant", "bee", "cat", "dog", "eel", "fly")[:count]
    )
    monkeypatch.setattr(rows.data, "load", lambda *_: whole)
    with pytest.raises(ResqError, match=f"tells 5 classes apart; mine has {count}$"):
        judged(file)


@pytest.mark.parametrize("judged", BY_LABELS)
def test_numbered_labels_may_show_fewer_classes_than_the_file_knows(tmp_path, monkeypatch, judged):
    file = written(tmp_path, metadata(), scale=1 / 255)
    whole = Dataset("mine", "test", X, np.arange(6) % 4, tuple("0123"))
    monkeypatch.setattr(rows.data, "load", lambda *_: whole)
    judged(file)
