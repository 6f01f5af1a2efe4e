#!/usr/bin/env bash
# One would guess that safetensors.numpy.save keeps the numbers of an array, or refuses one that does not lie in memory in C order.
# 0.7.0 keeps them; 0.8.0 writes what lies in memory and the view's shape beside it, without a word: a transposed matrix, a slice with a
# step and an array in Fortran order come back with other numbers in them. Quantized words taken from a file that holds a matrix the
# other way round (onnx's MatMul) are scrambled so.
# Reported there as issue 825. Seen with safetensors 0.7.0 and 0.8.0, numpy 2.4.6, Python 3.11.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3.11}" -m venv "$room/venv"
for version in 0.7.0 0.8.0; do
  "$room/venv/bin/pip" install -q "safetensors==$version" numpy==2.4.6 2>/dev/null
  "$room/venv/bin/python" - "$room/view.safetensors" <<'PY'
import sys

import numpy as np
import safetensors
from safetensors.numpy import load, load_file, save, save_file

numbers = np.arange(6, dtype=np.int8).reshape(2, 3)
views = {"transposed": numbers.T, "every other column": numbers[:, ::2], "Fortran order": np.asfortranarray(numbers)}
kept, file = {}, sys.argv[1]
for name, view in views.items():
    back = load(save({"a": view}))["a"]
    kept[name] = bool((back == view).all())
    print(safetensors.__version__, f"{name}: {view.tolist()} comes back as {back.tolist()}")
    assert back.shape == view.shape
    save_file({"a": view}, file)
    assert (load_file(file)["a"] == back).all()
    assert (load(save({"a": np.ascontiguousarray(view)}))["a"] == view).all()
assert set(kept.values()) == {safetensors.__version__ == "0.7.0"}, kept
PY
done
