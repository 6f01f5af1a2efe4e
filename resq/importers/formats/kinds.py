"""Files of other tools, told apart by their first bytes, their parts or their ending: a sentence for each.

Source of the marks: FlatBuffers file identifiers (bytes 4 to 8) of TFLite and ExecuTorch, the zip layouts
that torch.jit.save and torch.export.save write (torch 2.13), HDF5's and GGUF's own specifications.
"""

from __future__ import annotations

DEPLOYED = "measure it as it is deployed: python -m resq inspect FILE"
STATE = "save the weights instead: torch.save(model.state_dict(), file)"

# (first byte of the mark, the mark): what the file is, and what to do.
MARKS = {
    (4, b"TFL3"): f"is a TFLite model, whose weights belong to its own graph; {DEPLOYED}",
    (4, b"ET12"): f"is an ExecuTorch program, whose weights belong to its own graph; {DEPLOYED}",
    (0, b"\x89HDF"): "is an HDF5 file, as Keras writes it; Keras layers are no torch modules: export the "
                     "model to ONNX (python -m tf2onnx.convert) and import the .onnx file",
    (0, b"GGUF"): "is a GGUF file of a language model; expected weights of an image classifier",
    (0, b"\x93NUMPY"): "is one numpy array without a name; save all tensors by name: "
                       "safetensors.numpy.save_file(dict, file)",
    (0, b"\x1f\x8b"): "is a gzip archive; unpack it first (gunzip FILE)",
    (0, b"7z\xbc\xaf\x27\x1c"): "is a 7-Zip archive; unpack it first",
    (0, b"RKNN"): "is an RKNN model, compiled for one chip; import the model that it was compiled from",
    (0, b"<?xml"): "is an XML file; of an OpenVINO model, import the model it was converted from",
}  # fmt: skip
ENDINGS = {
    ".onnx": "",  # read elsewhere
    ".tflite": MARKS[4, b"TFL3"],
    ".pte": MARKS[4, b"ET12"],
    ".engine": "is a TensorRT engine, compiled for one GPU; import the ONNX file it was built from",
    ".plan": "is a TensorRT engine, compiled for one GPU; import the ONNX file it was built from",
    ".mlmodel": f"is a Core ML model; import the torch model it was converted from: {STATE}",
    ".pb": "is a TensorFlow graph; export the model to ONNX (python -m tf2onnx.convert) and import that",
    ".index": "is the index of a TensorFlow checkpoint; export the model to ONNX and import that",
    ".msgpack": "is a Flax checkpoint; save its parameters by torch's names in a .safetensors file",
}
EXPORTED = ("archive_format", "archive_version", "models/model.json", "serialized_exported_program.json")


def named(name: str, head: bytes) -> str:
    r"""What a file is that holds no torch weights, and what to do; empty where nothing is known of it.

    >>> named("net.bin", b"\x1c\0\0\0TFL3")[:17]
    'is a TFLite model'
    """
    for (at, mark), sentence in MARKS.items():
        if head[at : at + len(mark)] == mark:
            return sentence
    ending = "." + name.rpartition(".")[2].lower()
    known = ENDINGS.get(ending, "")
    return known if not head.startswith((b"PK", b"\x80")) else ""


def zipped(names: list[str]) -> str:
    """The same for a zip, by the names of its parts."""
    inner = {name.split("/", 1)[-1] for name in names} | set(names)
    if any(name.startswith(("code/", "constants.pkl")) for name in inner):
        return (
            "is a TorchScript program (torch.jit.save), which holds code beside its weights; save them "
            "alone: torch.save(torch.jit.load(file).state_dict(), other_file)"
        )
    if any(name in EXPORTED for name in inner):
        return (
            f"is a program of torch.export (.pt2), whose weights belong to its own graph; {DEPLOYED}, or "
            "save the weights alone: torch.save(torch.export.load(file).state_dict, other_file)"
        )
    if any(name.endswith("model.weights.h5") for name in inner):
        return MARKS[0, b"\x89HDF"].replace("an HDF5 file, as Keras writes it", "a Keras file")
    if names and all(name.endswith(".npy") for name in names):
        return "is a numpy archive; save its arrays by name: safetensors.numpy.save_file(dict, file)"
    return ""
