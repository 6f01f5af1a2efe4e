#!/usr/bin/env bash
# One would guess that nncf.compress_weights takes an nn.Sequential as it takes any nn.Module. NNCF keeps its hooks in a
# child module called __nncf_hooks, and a Sequential runs its children in order, so tracing the network calls the hook
# storage and fails with "Module [HookStorage] is missing the required forward function"; the same layers inside a class
# with its own forward are compressed.
# Seen with nncf 3.4.0, torch 2.13.0.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3.11}" -m venv "$room/venv"
"$room/venv/bin/pip" install -q nncf==3.4.0 torch==2.13.0 numpy==2.4.6 2>/dev/null
"$room/venv/bin/python" - 2>/dev/null <<'PY'
import nncf
import torch
from torch import nn


class Wrapped(nn.Module):
    def __init__(self, conv):
        super().__init__()
        self.conv = conv

    def forward(self, x):
        return self.conv(x)


def compressed(net):
    try:
        nncf.compress_weights(net.eval(), mode=nncf.CompressWeightsMode.INT8_ASYM, dataset=nncf.Dataset([torch.rand(1, 3, 8, 8)]))
    except NotImplementedError as error:
        return str(error)
    return "compressed"


seen = {"Sequential": compressed(nn.Sequential(nn.Conv2d(3, 8, 3))), "class with a forward": compressed(Wrapped(nn.Conv2d(3, 8, 3)))}
print(seen)
assert "HookStorage" in seen["Sequential"] and seen["class with a forward"] == "compressed", seen
PY
