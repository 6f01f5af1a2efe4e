#!/usr/bin/env bash
# One would guess that safetensors.numpy.load gives tensors in the order of the file, or at least in the same order every
# time. The order of the dict differs from process to process, so anything that draws random numbers tensor by tensor
# (faults, noise, initial values) while it goes over the dict is not reproducible by its seed, without any error.
# Seen with safetensors 0.8.0, Python 3.11.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3.11}" -m venv "$room/venv"
"$room/venv/bin/pip" install -q safetensors==0.8.0 numpy==2.4.6 2>/dev/null
"$room/venv/bin/python" - 2>/dev/null <<'PY'
import json
import subprocess
import sys

code = """
import json, numpy as np
from safetensors.numpy import load, save
print(json.dumps(list(load(save({f'layer{i}': np.zeros(1, np.float32) for i in range(8)})))))
"""
orders = [json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout) for _ in range(8)]
for order in orders[:3]:
    print(order)
print("orders seen in 8 processes:", len({tuple(order) for order in orders}))
assert len({tuple(sorted(order)) for order in orders}) == 1 and len({tuple(order) for order in orders}) > 1
PY
