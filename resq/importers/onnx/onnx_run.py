"""Runs an ONNX model in a process with bounds on memory and time: onnx_run.py MODEL IMAGES LOGITS [own].

Prints which runtime it was. onnxruntime where it is installed, else onnx's own reference. With ``own`` it
runs as by default, and stops in time with what it has; else without optimisations, all images or none.

DynamicQuantizeLinear takes one scale for all that comes at once: an image is then answered otherwise beside
others than alone. Such a file answers one image at a time, as where it is measured as deployed.
"""

import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

MEMORY, SECONDS = 6 * 2**30, 240
WRITTEN = 64 * 2**20  # bytes of a file
ENOUGH, TOGETHER = 200, 100  # s; images at a time where any number may be given
EXACT = "session.x64quantprecision"  # sums of integers as processors with VNNI have them
ALONE = ", one image at a time"
PROBED, ROUNDING = 8, 1e-4  # images also run alone; what may part them then, of the largest logit, or of 1


def main(model: str, images: str, logits: str, how: str = "") -> str:
    """Writes the first output for every image (N, 3, H, W); returns the runtime's name."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (WRITTEN, WRITTEN))
    raw, x, end = Path(model).read_bytes(), np.load(images), time.monotonic() + ENOUGH
    os.environ.setdefault(
        "ORT_DISABLE_TELEMETRY", "1"
    )  # read when the library is loaded: see the runtime's module
    try:
        import onnxruntime

        run, model_input, runtime = _session(onnxruntime, raw, how == "own")
    except ImportError:
        run, model_input, runtime = _reference(raw)
    name, shape, kind = model_input
    if len(shape) == 4 and shape[1] != 3 and shape[3] == 3:
        x = x.transpose(0, 2, 3, 1)
    x = x.astype(kind)
    fixed = isinstance(shape[0], int) and shape[0] > 0
    batch = shape[0] if fixed else min(len(x), TOGETHER)
    if how == "own" and not fixed and not _alike(run, name, x[:batch]):
        batch, runtime = 1, f"{runtime}{ALONE}"
    parts: list[np.ndarray] = []
    for at in range(0, len(x), batch):
        if how == "own" and parts and time.monotonic() > end:
            break
        part = x[at : at + batch]
        padded = np.concatenate([part, np.repeat(part[:1], batch - len(part), 0)])
        parts.append(np.asarray(run({name: padded}), np.float32)[: len(part)])
    np.save(logits, np.concatenate(parts))
    return runtime


def _alike(run: Any, name: str, x: np.ndarray) -> bool:
    """Whether the first of some images are answered alone as beside the others."""
    together = np.asarray(run({name: x}), np.float32)[:PROBED]
    alone = np.concatenate([np.asarray(run({name: x[i : i + 1]}), np.float32) for i in range(len(together))])
    apart = np.abs(together - alone).max()
    return bool(apart <= ROUNDING * max(1.0, float(np.abs(alone).max())))


def _session(onnxruntime: Any, raw: bytes, own: bool) -> tuple[Any, Any, str]:
    try:
        session = _opened(onnxruntime, raw, own, True)
    except Exception:  # of some files, on processors without VNNI: see resq.deployed.runtimes.onnxruntime
        session = _opened(onnxruntime, raw, own, False)
    (model_input,) = session.get_inputs()
    kind = {"tensor(float16)": np.float16, "tensor(double)": np.float64}.get(model_input.type, np.float32)
    return lambda feed: session.run(None, feed)[0], (model_input.name, model_input.shape, kind), "onnxruntime"


def _opened(onnxruntime: Any, raw: bytes, own: bool, exact: bool) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if own else levels.ORT_DISABLE_ALL
    options.log_severity_level = 4
    if exact:
        options.add_session_config_entry(EXACT, "1")
    return onnxruntime.InferenceSession(raw, options, providers=["CPUExecutionProvider"])


def _reference(raw: bytes) -> tuple[Any, Any, str]:
    import onnx
    from onnx.reference import ReferenceEvaluator

    model = onnx.load_model_from_string(raw)
    inside = {tensor.name for tensor in model.graph.initializer}
    (model_input,) = [i for i in model.graph.input if i.name not in inside]
    tensor = model_input.type.tensor_type
    shape = [d.dim_value or d.dim_param for d in tensor.shape.dim]
    kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
    evaluator: Any = ReferenceEvaluator(model)
    return lambda feed: evaluator.run(None, feed)[0], (model_input.name, shape, kind), "onnx's reference"


if __name__ == "__main__":
    sys.stdout.write(main(*sys.argv[1:5]) + "\n")
