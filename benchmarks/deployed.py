"""A fault map of a deployed file against its runtime's own fastest inference, and against a usual script.

The runtime's best batch and number of threads are looked for first. The script is what people write: read the
file, flip bits of its weights, write it, open it anew, and run all images in one batch. Memory is the peak of
the process that runs the file, beside that of a process which runs it without faults.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks import deployed_files
from benchmarks.deployed_files import LARGE, LITERT_LARGE, SMALL
from benchmarks.timing import Figure, figure, least_in_turn, seconds
from resq.core import seeds
from resq.deployed import canary
from resq.deployed import network as network_module
from resq.deployed.network import Network, _threads
from resq.deployed.pixels import Asked, settled
from resq.memory import faults

AT_MOST, FASTER, BER = 1.05, 2.0, 1e-3
TURNS = {SMALL: 9, LARGE: 4}  # a map of the large ones takes a second
BATCHES = (1, 10, 50, 100, 250, 1000)
Run = Callable[[], object]
FILES: dict[str, Callable[[str], Path | None]] = {
    "onnxruntime": deployed_files.onnx_file,
    "LiteRT": deployed_files.tflite_file,
}


def maps(quick: bool) -> dict[str, Figure]:
    """What a map costs, for both runtimes and both sizes."""
    found: dict[str, Figure] = {}
    n = 50 if quick else 1000
    for runtime, size in product(FILES, (SMALL, LARGE)):
        file = FILES[runtime](size)
        if file is None:
            why = f"no such file here; {LITERT_LARGE} names one"
            found[f"{runtime}, {size}: a map"] = figure(None, AT_MOST, "x", note=why)
        else:
            found |= _compared(f"{runtime}, {size}", file, n, 2 if quick else TURNS[size])
    return found


def _compared(name: str, file: Path, n: int, turns: int) -> dict[str, Figure]:
    x = np.random.default_rng(0).integers(0, 256, (n, 3, 32, 32), dtype=np.uint8)
    x.setflags(write=False)
    with Network(file, asked=_asked(file)) as network:
        canary.settle(network, x)
        where = faults.FAULTS["random"](faults.region(network), BER, rng=seeds.rng(0, "map"))
        own, best = fastest(file, _inputs(file, x))

        def ours() -> None:
            with network.flipped(where):
                network.logits(x)

        peer = (_onnx_script if file.suffix == ".onnx" else _tflite_script)(
            file, _inputs(file, x), len(where)
        )
        taken = least_in_turn({"own": own, "ours": ours, "script": peer}, turns)
        batch, peak = network.batch, _peak(network)
        about = f"{network.way}, batches of {network.batch}, {network.threads} threads"
        weights = sum(s.n_bytes for s in network.stored) / 2**20
    alone = _alone(file, n, batch)
    note = (
        f"{n} images, {len(where)} flips: a map {taken['ours']:.3f} s ({about}), the runtime alone "
        f"{taken['own']:.3f} s ({best}), the script {taken['script']:.3f} s, the least of {turns} each"
    )
    limit = taken["script"] / taken["own"]
    most = f"{note}; at the runtime's own pace it would be {limit:.2f} x, the limit of whoever adds nothing"
    more = (peak - alone) / weights
    said = f"{peak:.0f} MiB with images and inputs, the runtime alone {alone:.0f}, the weights {weights:.1f}"
    return {
        f"{name}: a map": figure(taken["ours"] / taken["own"], AT_MOST, "x the runtime's", note=note),
        f"{name}: times faster than the script": figure(
            taken["script"] / taken["ours"], FASTER, "x", more=True, note=most if limit < FASTER else note
        ),
        f"{name}: memory beyond the runtime's": figure(more, 2.0, "copies of the weights", note=said),
    }


def _inputs(file: Path, x: np.ndarray) -> np.ndarray:
    if file.suffix == ".onnx":
        return x.astype(np.float32) / 255
    codes = (x.astype(np.int16) - 128).astype(np.int8)
    return codes if _shape(file)[1] == 3 else codes.transpose(0, 2, 3, 1).copy()


def _shape(file: Path) -> tuple[int, ...]:
    return network_module.read(file)[1].input.shape


def _asked(file: Path) -> Asked:
    """Pixels in 0..1 where the file does not say what they become."""
    try:
        settled(network_module.read(file)[1].input, Asked())
    except ValueError:
        return Asked((0.0, 1.0))
    return Asked()


def fastest(file: Path, inputs: np.ndarray) -> tuple[Run, str]:
    """The runtime's own quickest inference of these inputs, and which batch and threads that is."""
    made = _session if file.suffix == ".onnx" else _interpreter
    tried = {}
    for threads, batch in product(sorted({1, _threads()}), [b for b in BATCHES if b <= len(inputs)]):
        run = made(file.read_bytes(), inputs, batch, threads)
        run()
        tried[f"batches of {batch}, {threads} threads"] = min(seconds(run), seconds(run)), run
    best = min(tried, key=lambda key: tried[key][0])
    return tried[best][1], best


def _session(raw: bytes, inputs: np.ndarray, batch: int, threads: int) -> Run:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(raw, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run() -> None:
        for begin in range(0, len(inputs), batch):
            session.run(None, {name: inputs[begin : begin + batch]})

    return run


def _interpreter(raw: bytes, inputs: np.ndarray, batch: int, threads: int) -> Run:
    from ai_edge_litert.interpreter import Interpreter

    made = Interpreter(model_content=raw, num_threads=threads)
    taken, given = made.get_input_details()[0]["index"], made.get_output_details()[0]["index"]
    made.resize_tensor_input(taken, [batch, *inputs.shape[1:]])
    made.allocate_tensors()

    def run() -> None:
        for begin in range(0, len(inputs) - batch + 1, batch):
            made.set_tensor(taken, inputs[begin : begin + batch])
            made.invoke()
            made.get_tensor(given)

    return run


def _struck(raw: np.ndarray, flips: int, rng: np.random.Generator) -> None:
    """Bits of these bytes flipped, as a script does it."""
    at = rng.integers(0, raw.size, flips)
    np.bitwise_xor.at(raw, at, (1 << rng.integers(0, 8, flips)).astype(np.uint8))


def _onnx_script(file: Path, inputs: np.ndarray, flips: int) -> Run:
    import onnx

    def run() -> None:
        model, rng = onnx.load(file), np.random.default_rng(0)
        held = [
            i for i in model.graph.initializer if i.data_type == onnx.TensorProto.INT8 and len(i.dims) > 1
        ]
        total = sum(len(i.raw_data) for i in held)
        for tensor in held:
            raw = np.frombuffer(tensor.raw_data, np.uint8).copy()
            _struck(raw, round(flips * raw.size / total), rng)
            tensor.raw_data = raw.tobytes()
        _session(model.SerializeToString(), inputs, len(inputs), _threads())()

    return run


def _tflite_script(file: Path, inputs: np.ndarray, flips: int) -> Run:
    import flatbuffers  # type: ignore[import-untyped]
    from ai_edge_litert import schema_py_generated as schema

    def run() -> None:
        raw, rng = np.fromfile(file, np.uint8), np.random.default_rng(0)
        model = schema.ModelT.InitFromPackedBuf(raw.tobytes(), 0)
        held = [t.buffer for t in model.subgraphs[0].tensors if t.type == schema.TensorType.INT8]
        buffers = [model.buffers[b] for b in held]
        behind = [b for b in buffers if b.size]  # behind the flatbuffer, which then stays as it is
        inside = [b for b in buffers if b.data is not None]
        total = sum(b.size for b in behind) + sum(b.data.size for b in inside)
        for b in behind:
            _struck(raw[b.offset : b.offset + b.size], round(flips * b.size / total), rng)
        if not behind:
            for b in inside:
                b.data = np.array(b.data, np.uint8)
                _struck(b.data, round(flips * b.data.size / total), rng)
            builder = flatbuffers.Builder(1024)
            builder.Finish(model.Pack(builder), b"TFL3")
            raw = np.frombuffer(builder.Output(), np.uint8)
        _interpreter(raw.tobytes(), inputs, len(inputs), _threads())()

    return run


def _peak(network: Network) -> float:
    """The most memory that the file's process has taken, MiB."""
    status = Path(f"/proc/{network._running()._process.pid}/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


# As a person's script: numpy and the runtime, nothing of this project. Ones, as zeros take no memory before
# somebody writes into them.
ALONE = """
import sys
import numpy as np
file, n, threads, batch = sys.argv[1], *map(int, sys.argv[2:])
if file.endswith(".onnx"):
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    made, x = ort.InferenceSession(file, options), np.ones((n, 3, 32, 32), np.float32)
    for i in range(0, n, batch):
        made.run(None, {made.get_inputs()[0].name: x[i : i + batch]})
else:
    from ai_edge_litert.interpreter import Interpreter
    made = Interpreter(model_path=file, num_threads=threads)
    x = np.ones((n, *made.get_input_details()[0]["shape"][1:]), np.int8)
    made.resize_tensor_input(made.get_input_details()[0]["index"], [batch, *x.shape[1:]])
    made.allocate_tensors()
    for i in range(0, n - batch + 1, batch):
        made.set_tensor(made.get_input_details()[0]["index"], x[i : i + batch])
        made.invoke()
lines = open("/proc/self/status").read().splitlines()  # ru_maxrss would be that of who started it
print(int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024)
"""


def _alone(file: Path, n: int, batch: int) -> float:
    """The most memory of a process that runs the file without faults in such batches, MiB."""
    command = [sys.executable, "-c", ALONE, str(file), str(n), str(_threads()), str(batch)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
